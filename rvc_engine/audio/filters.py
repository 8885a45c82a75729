"""The 48 Hz high-pass against rumble, before slicing and before conversion."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

HighPass = Literal["zero_phase", "causal", "off"]
CUTOFF_HZ = 48
ORDER = 5
SETTLED_S = 10.0
"""Seconds after which nothing is left of where filtering began (the slowest pole falls to 1/e in about 11 ms)."""


@lru_cache(maxsize=16)
def high_pass_coefficients(sample_rate: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Numerator and denominator of the Butterworth filter (order 5, 48 Hz)."""
    from scipy import signal  # most of a second: imported where it is needed

    b, a = signal.butter(ORDER, CUTOFF_HZ, btype="high", fs=sample_rate)
    return b, a


def high_pass(samples: NDArray[np.floating], sample_rate: int, mode: HighPass = "zero_phase") -> NDArray[np.float64]:
    """(T,) -> (T,) float64. zero_phase runs forwards and backwards (scipy's odd padding), causal forwards only, off
    copies."""
    wave = np.array(samples, dtype=np.float64)
    if mode == "off" or not wave.size:
        return wave
    from scipy import signal

    b, a = high_pass_coefficients(sample_rate)
    if mode == "causal":
        return np.asarray(signal.lfilter(b, a, wave))
    padding = min(3 * max(len(a), len(b)), wave.size - 1)  # scipy's default, less where the wave is shorter than that
    return np.asarray(signal.filtfilt(b, a, wave, padlen=padding))


def as_floats(samples: Any) -> NDArray[np.float64]:
    """(T,) float64; int16 means int16 / 32768."""
    part = np.asarray(samples)
    return np.divide(part, 32768, dtype=np.float64) if part.dtype == np.int16 else part.astype(np.float64)


def high_pass_part(samples: Any, start: int, end: int, sample_rate: int, mode: HighPass) -> NDArray[np.float64]:
    """`samples[start:end]` of the filtered whole, reading only 10 s more on each side.

    `samples`: (T,) floats or int16, anything that gives arrays for slices.
    """
    margin = round(SETTLED_S * sample_rate)
    first = max(0, start - margin)
    filtered = high_pass(as_floats(samples[first : end + margin]), sample_rate, mode)
    return np.array(filtered[start - first : end - first])
