"""Pitch by WORLD (pyworld): harvest, and dio; both refined by stonemask."""

from __future__ import annotations

import numpy as np

from rvc_engine.pitch.base import Hz, OneByOne, Wave
from rvc_engine.pitch.coarse import CEILING_HZ, FLOOR_HZ

SHORTEST = 1600
"""Samples that WORLD's filters need; shorter waves are lengthened by zeros."""


class World(OneByOne):
    package = "pyworld"
    install = 'pyworld "setuptools<81"'

    def track_one(self, wave_16k: Wave, frames: int, device: str) -> Hz:
        world = self.imported()
        wave = np.ascontiguousarray(wave_16k, dtype=np.float64)
        wave = np.pad(wave, (0, max(0, SHORTEST - len(wave))))
        track = getattr(world, self.name)
        f0, times = track(wave, 16000, f0_floor=FLOOR_HZ, f0_ceil=CEILING_HZ, frame_period=10)
        return np.asarray(world.stonemask(wave, f0, times, 16000))[:frames]


class Harvest(World):
    """Slow, and thorough on low voices."""

    is_slow = True


class Dio(World):
    """Fast and rougher."""
