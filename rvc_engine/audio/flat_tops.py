"""Clipping: stretches where a wave stays at its highest or lowest value."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

RUN = 3
"""So many equal samples in a row: an unclipped voice does not stand still at its highest."""
FROM_PEAK = 1
"""Steps of 16 bits from the extreme that count as the extreme (dither moves them)."""
LOWEST_PEAK = 16384
"""Below half of full scale nothing is taken for clipped; above it, a recording that was turned down after it clipped is
found too."""


class FlatTops:
    """Counts samples in flat stretches by their value, so that the extremes need not be known before."""

    def __init__(self) -> None:
        self.high, self.low = -32768, 32767
        self.flat = np.zeros(65536, dtype=np.int64)
        self.before = np.full(RUN, 1 << 20, dtype=np.int32)

    def add(self, samples: NDArray[np.int16]) -> None:
        """The next (T,) samples."""
        if not len(samples):
            return
        self.high, self.low = max(self.high, int(samples.max())), min(self.low, int(samples.min()))
        wave = np.concatenate([self.before, samples])
        equal = wave[1:] == wave[:-1]
        ends = equal[1:] & equal[:-1]  # two equal samples before this one: wave[i + 2] ends a run of at least three
        at = np.flatnonzero(ends[1:])
        starts = at[~ends[at]]
        loud = np.abs(wave[at + RUN]) >= LOWEST_PEAK - FROM_PEAK
        self.flat += np.bincount(wave[at[loud] + RUN] + 32768, minlength=65536)
        loud = np.abs(wave[starts + RUN]) >= LOWEST_PEAK - FROM_PEAK
        self.flat += (RUN - 1) * np.bincount(wave[starts[loud] + RUN] + 32768, minlength=65536)
        self.before = wave[-RUN:]

    @property
    def peak(self) -> int:
        """Highest absolute value, 0..32768."""
        return max(self.high, -self.low, 0)

    @property
    def clipped(self) -> int:
        """Samples in runs of three and more at the extremes."""
        count = 0
        if self.high >= LOWEST_PEAK:
            count += int(self.flat[self.high + 32768 - FROM_PEAK : self.high + 32769].sum())
        if -self.low >= LOWEST_PEAK:
            count += int(self.flat[self.low + 32768 : self.low + 32769 + FROM_PEAK].sum())
        return count
