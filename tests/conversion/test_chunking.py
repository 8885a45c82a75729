"""Chunks cover a recording exactly, and mirrored ends read like numpy's padding."""

from itertools import pairwise

import numpy as np
import pytest

from rvc_engine.conversion.chunking import Chunk, ChunkPlan, chunks, cut_points, mirrored, plan_for

PLAN = ChunkPlan(1, 0.5, 2, 3)


def test_rvcs_seconds():
    assert plan_for("cpu") == ChunkPlan(1, 6, 38, 41)
    assert plan_for("cuda", half=True) == ChunkPlan(3, 10, 60, 65)
    assert plan_for("cuda", memory_bytes=4 << 30) == ChunkPlan(1, 5, 30, 32)
    assert plan_for("cuda", memory_bytes=80 << 30) == ChunkPlan(1, 6, 38, 41)


@pytest.mark.parametrize("length", [1, 799, 16000, 3 * 16000, 155_200, 160_001])
def test_no_sample_is_lost(length):
    wave = np.random.RandomState(0).randn(length)
    cuts = cut_points(wave, PLAN)
    assert bool(cuts) == (length > 3 * 16000 - 160)
    parts = chunks(length, cuts)
    assert parts[0].start == 0
    assert parts[-1].stop == length
    for a, b in pairwise(parts):
        assert a.stop == b.start
        assert b.start % 160 == 0
    assert max(p.stop - p.start for p in parts) <= 3 * 16000


def test_cuts_fall_into_pauses():
    wave = np.random.RandomState(0).randn(5 * 16000)
    wave[30_000:30_400] = 0
    assert 30_080 <= cut_points(wave, PLAN)[0] <= 30_320


def test_silence_is_cut_at_the_first_place():
    assert cut_points(np.zeros(4 * 16000), PLAN) == [24_000]


def test_edges_too_near_the_start_are_left_out():
    assert chunks(1000, [10, 320, 330]) == [Chunk(0, 320), Chunk(320, 1000)]


@pytest.mark.parametrize("length", [1, 2, 7, 100])
def test_mirrored_is_numpys_padding(length):
    wave = np.random.RandomState(0).randn(length)
    padded = np.pad(wave, (250, 250), mode="reflect")
    np.testing.assert_array_equal(mirrored(wave, -250, length + 250), padded)
    np.testing.assert_array_equal(mirrored(wave, -30, length - 1), padded[220 : 250 + length - 1])
