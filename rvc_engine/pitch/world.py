"""Pitch by WORLD (pyworld): harvest, and dio; both refined by stonemask."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from rvc_engine.pitch.base import Hz, OneByOne, Wave
from rvc_engine.pitch.coarse import CEILING_HZ, FLOOR_HZ

SHORTEST = 1600
"""Samples that WORLD's filters need; shorter waves are lengthened by zeros."""


def _world() -> Any:
    with warnings.catch_warnings():  # pyworld still imports pkg_resources, which says that it is old
        warnings.simplefilter("ignore")
        import pyworld
    return pyworld


class Harvest(OneByOne):
    """Slow, and thorough on low voices."""

    is_slow = True
    package = "pyworld"
    install = 'pyworld "setuptools<81"'

    def track_one(self, wave: Wave, frames: int, device: str) -> Hz:
        return _refined("harvest", wave, frames)


class Dio(OneByOne):
    """Fast and rougher."""

    package = "pyworld"
    install = 'pyworld "setuptools<81"'

    def track_one(self, wave: Wave, frames: int, device: str) -> Hz:
        return _refined("dio", wave, frames)


def _refined(name: str, wave_16k: Wave, frames: int) -> Hz:
    world = _world()
    wave = np.ascontiguousarray(wave_16k, dtype=np.float64)
    wave = np.pad(wave, (0, max(0, SHORTEST - len(wave))))
    f0, times = getattr(world, name)(wave, 16000, f0_floor=FLOOR_HZ, f0_ceil=CEILING_HZ, frame_period=10)
    return np.asarray(world.stonemask(wave, f0, times, 16000))[:frames]
