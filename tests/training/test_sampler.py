"""Batches: full, of like lengths, and no usable clip left out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rvc_engine.training.sampler import BOUNDARIES, BucketSampler

REFERENCE = json.loads((Path(__file__).parent / "rvc_sampler.json").read_text())
LENGTHS = [30, 99, 100, 101, 150, 199, 240, 350, 351, 352, 353, 354, 700, 899, 900]


@pytest.mark.parametrize("batch_size", [1, 2, 4, 64])
def test_every_clip_appears_and_batches_are_full(batch_size: int) -> None:
    sampler = BucketSampler(LENGTHS, batch_size)
    for epoch in (1, 2):
        batches = sampler.batches(epoch)
        assert len(batches) == len(sampler)
        assert all(len(batch) == batch_size for batch in batches)
        assert {row for batch in batches for row in batch} == set(range(len(LENGTHS)))
        for batch in batches:
            low = {next(b for b in reversed(BOUNDARIES) if b < LENGTHS[row]) for row in batch}
            assert len(low) == 1


def test_one_clip_is_enough() -> None:
    assert BucketSampler([60], 4).batches(1) == [[0, 0, 0, 0]]


def test_the_epoch_decides_the_order() -> None:
    sampler = BucketSampler(list(range(100, 400, 3)), 4)
    assert sampler.batches(3) == sampler.batches(3)
    assert sampler.batches(3) != sampler.batches(4)


def test_the_seed_decides_the_order_too() -> None:
    lengths = list(range(100, 400, 3))
    one, same, other = (BucketSampler(lengths, 4, seed=seed) for seed in (5, 5, 6))
    assert one.batches(2) == same.batches(2) != other.batches(2)
    assert BucketSampler(lengths, 4, seed=0).batches(1), "smaller than the number that is taken from it"


@pytest.mark.parametrize("run", REFERENCE["runs"])
def test_the_order_is_rvcs(run: dict[str, Any]) -> None:
    """Within RVC's own limits, which leave out clips below 100 frames, the batches are RVC's."""
    sampler = BucketSampler(REFERENCE["lengths"][run["lengths"]], run["batch_size"], REFERENCE["boundaries"])
    assert sampler.batches(run["epoch"]) == run["batches"]
