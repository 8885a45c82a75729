"""Pitch in Hz to what the networks read: integers on RVC's mel scale, gaps filled, transposed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FLOOR_HZ = 50.0
CEILING_HZ = 1100.0


def _mel(f0_hz: NDArray[np.float64] | float) -> NDArray[np.float64]:
    return np.asarray(1127 * np.log1p(np.asarray(f0_hz) / 700))


def _numbers(f0_hz: NDArray[np.floating]) -> NDArray[np.float64]:
    """As float64; NaN, infinite and negative values count as unvoiced."""
    f0 = np.array(f0_hz, dtype=np.float64)
    f0[~np.isfinite(f0) | (f0 < 0)] = 0.0
    return f0


def coarse(f0_hz: NDArray[np.floating]) -> NDArray[np.int64]:
    """(F,) Hz -> (F,) int64 in 1..255: 1 + 254 * (mel(f) - mel(50)) / (mel(1100) - mel(50)), rounded half to even;
    unvoiced is 1."""
    low, high = float(_mel(FLOOR_HZ)), float(_mel(CEILING_HZ))
    place = (_mel(_numbers(f0_hz)) - low) * 254 / (high - low) + 1
    return np.rint(np.clip(place, 1, 255)).astype(np.int64)


def fill_unvoiced(f0_hz: NDArray[np.floating]) -> NDArray[np.float64]:
    """(F,) -> (F,): frames at 0 interpolated between their voiced neighbours, edges held. Wholly unvoiced stays 0."""
    f0 = _numbers(f0_hz)
    voiced = np.flatnonzero(f0)
    if not voiced.size:
        return f0
    return np.interp(np.arange(len(f0)), voiced, f0[voiced])


def transpose(f0_hz: NDArray[np.floating], semitones: float) -> NDArray[np.float64]:
    """(F,) -> (F,): higher by that many semitones; unvoiced frames stay 0."""
    return np.asarray(_numbers(f0_hz) * 2.0 ** (semitones / 12))
