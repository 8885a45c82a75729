"""Other ways of computing the same training step on a GPU. Which are faster depends on the GPU: training/numerics.py
tries each, and those that compute right and faster are used."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager

import torch

CHANNELS_LAST, PERIODS, PRODUCTS, BENCHMARK = "channels-last", "channels-last-periods", "products", "cudnn-benchmark"
TUNINGS = (CHANNELS_LAST, PERIODS, PRODUCTS, BENCHMARK)
"""Convolutions along time, and those of the discriminators of periods, with the channels of a moment side by side;
convolutions of kernel size 1 as matrix products; cuDNN times its algorithms for each shape and takes the fastest."""

_used: frozenset[str] = frozenset()  # of the process: a backward pass may compute in a thread of torch's


def uses(name: str) -> bool:
    return name in _used


@contextmanager
def tuned(names: Collection[str]) -> Iterator[None]:
    """Inside, steps are computed in these ways."""
    global _used
    before, benchmark = _used, torch.backends.cudnn.benchmark
    _used = frozenset(names)
    torch.backends.cudnn.benchmark = benchmark or BENCHMARK in _used
    try:
        yield
    finally:
        _used, torch.backends.cudnn.benchmark = before, benchmark
