"""Pitch by WORLD (pyworld): harvest, and dio; both refined by stonemask."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rvc_engine.pitch.coarse import CEILING_HZ, FLOOR_HZ

SHORTEST = 1600
"""Samples that WORLD's filters need; shorter waves are lengthened by zeros."""


def _world() -> Any:
    with warnings.catch_warnings():  # pyworld still imports pkg_resources, which says that it is old
        warnings.simplefilter("ignore")
        import pyworld
    return pyworld


def _refined(name: str, wave_16k: NDArray[np.floating], frames: int) -> NDArray[np.float64]:
    world = _world()
    wave = np.ascontiguousarray(wave_16k, dtype=np.float64)
    wave = np.pad(wave, (0, max(0, SHORTEST - len(wave))))
    f0, times = getattr(world, name)(wave, 16000, f0_floor=FLOOR_HZ, f0_ceil=CEILING_HZ, frame_period=10)
    return np.asarray(world.stonemask(wave, f0, times, 16000))[:frames]


def harvest(wave_16k: NDArray[np.floating], frames: int) -> NDArray[np.float64]:
    """(T,) -> (frames,) Hz, 0 = unvoiced. Slow, and thorough on low voices."""
    return _refined("harvest", wave_16k, frames)


def dio(wave_16k: NDArray[np.floating], frames: int) -> NDArray[np.float64]:
    """(T,) -> (frames,) Hz, 0 = unvoiced. Fast and rougher."""
    return _refined("dio", wave_16k, frames)
