"""How far up a recording truly reaches, whatever its sample rate says: the voice's spectrum against that of its pauses.

What Spek shows to the eye: an MP3 ends at a wall (16 kHz at 128 kbit/s), a file that was resampled from 16 kHz ends at
8 kHz.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import signal

BAND_HZ = 100.0
FRAME_S = 0.043
"""About 2048 samples at 48 kHz."""
LEVEL_STEP_DB = 3.0
LEVELS = 40
"""Frames are kept as sums by level, from 0 dBFS down to -120, so that a recording of any length takes the same
memory."""
LOUD_SPAN_DB = 30.0
"""Frames down to this below the loudest tenth are voice: vowels carry little above 8 kHz, the quieter sibilants do."""
QUIET_SHARE = 0.1
"""The quietest tenth of the frames is a pause if it is this much below the voice:"""
QUIET_BELOW_DB = 25.0
ABOVE_PAUSE_DB = 6.0
ROUNDING_DBFS = -101.1
"""Power of rounding to 16 bits, 1/12 of a step squared."""
ABOVE_ROUNDING_DB = 9.0
"""Dither adds up to 5 dB."""
SUPPORT_BANDS = 10
SUPPORT_SHARE = 0.6
"""A lone tone (a monitor's whistle) is no content: so many of the bands below must have some too."""
WALL_DB = 15.0
"""A lasting fall of this much within half a kilohertz is a low-pass, not a voice."""
WALL_FROM_HZ = 3000.0
WALL_BANDS, WALL_GAP = 5, 3
"""The mean of so many bands, compared with all that is so many bands further on."""
OWN_FILTER = 0.93
"""From this share of half the rate on, a wall is the filter that any recording at this rate has."""


@dataclass(frozen=True)
class Bandwidth:
    """Hz; `wall`: it ends abruptly, as compression or an earlier lower sample rate leave it."""

    hz: float
    wall: bool


class SpectrumMeter:
    """Power spectra of consecutive frames, summed by the level of the frame."""

    def __init__(self, sample_rate: int) -> None:
        self.sample_rate = sample_rate
        self.size = 1 << max(6, round(np.log2(sample_rate * FRAME_S)))
        self.window = np.hanning(self.size).astype(np.float32)
        self.sums = np.zeros((LEVELS, self.size // 2 + 1))
        self.counts = np.zeros(LEVELS, dtype=np.int64)
        self.rest = np.zeros(0, dtype=np.float32)

    def add(self, samples: NDArray[np.float32]) -> None:
        """The next (T,) samples in -1..1."""
        wave = np.concatenate([self.rest, samples])
        count = len(wave) // self.size
        frames = wave[: count * self.size].reshape(count, self.size)
        self.rest = wave[count * self.size :]
        with np.errstate(divide="ignore"):
            level = 10 * np.log10(np.mean(frames**2, axis=1))
        levels = np.clip(-level / LEVEL_STEP_DB, 0, LEVELS - 1).astype(int)
        powers = np.abs(np.fft.rfft(frames * self.window, axis=1)) ** 2
        for step in np.unique(levels):
            self.sums[step] += powers[levels == step].sum(axis=0)
        self.counts += np.bincount(levels, minlength=LEVELS)

    def bandwidth(self) -> Bandwidth | None:
        """None when there is no voice to measure."""
        loud, quiet = self._loud_and_quiet()
        if loud is None:
            return None
        rounding = (
            self._bands(np.full(len(loud), 10 ** (ROUNDING_DBFS / 10) * float(np.sum(self.window**2))))
            + ABOVE_ROUNDING_DB
        )
        floor = np.maximum(rounding, self._bands(quiet) + ABOVE_PAUSE_DB) if quiet is not None else rounding
        voice = self._bands(loud)
        content = voice > floor
        support = np.convolve(content, np.ones(SUPPORT_BANDS))[: len(content)]
        found = np.flatnonzero(content & (support >= SUPPORT_SHARE * SUPPORT_BANDS))
        if not len(found):
            return None
        edge = int(found[-1]) + 1
        wall = _wall(voice)
        hz = min((edge if wall is None else min(edge, wall)) * BAND_HZ, self.sample_rate / 2)
        return Bandwidth(hz, wall is not None and hz < OWN_FILTER * self.sample_rate / 2)

    def _loud_and_quiet(self) -> tuple[NDArray[np.float64] | None, NDArray[np.float64] | None]:
        """Mean power spectra of the voice and of the pauses."""
        filled = np.flatnonzero(self.counts)
        filled = filled[filled < LEVELS - 1]  # digital silence is no frame of anything
        if not len(filled):
            return None, None
        share = np.cumsum(self.counts) / self.counts.sum()
        top = int(np.searchsorted(share, 0.1))
        voice = filled[filled <= top + LOUD_SPAN_DB / LEVEL_STEP_DB]
        pause = filled[filled >= min(int(np.searchsorted(share, 1 - QUIET_SHARE)), filled[-1])]
        pause = pause[pause >= top + QUIET_BELOW_DB / LEVEL_STEP_DB]
        voice = voice[~np.isin(voice, pause)]
        if not len(voice):
            return None, None
        loud = self.sums[voice].sum(axis=0) / self.counts[voice].sum()
        return loud, self.sums[pause].sum(axis=0) / self.counts[pause].sum() if len(pause) else None

    def _bands(self, spectrum: NDArray[np.float64]) -> NDArray[np.float64]:
        """(size // 2 + 1,) power -> dB of the mean of each band of 100 Hz."""
        hz = np.arange(len(spectrum)) * self.sample_rate / self.size
        bands = np.minimum(hz // BAND_HZ, self.sample_rate // 2 // BAND_HZ - 1).astype(int)
        mean = np.bincount(bands, spectrum) / np.maximum(1, np.bincount(bands))
        return np.asarray(10 * np.log10(np.maximum(mean, 1e-30)))


def _wall(voice: NDArray[np.float64]) -> int | None:
    """(B,) dB -> the band before which the spectrum falls most and above which it stays down; None where it nowhere
    falls so steeply."""
    smooth = signal.medfilt(voice, 5)  # without lone tones
    highest_after = np.maximum.accumulate(smooth[::-1])[::-1]
    first, last = int(WALL_FROM_HZ / BAND_HZ), len(voice) - WALL_GAP - WALL_BANDS
    if last <= first:
        return None
    before = np.convolve(voice, np.full(WALL_BANDS, 1 / WALL_BANDS), mode="valid")[
        first - WALL_BANDS : last - WALL_BANDS
    ]
    falls = before - highest_after[first + WALL_GAP : last + WALL_GAP]
    return first + int(np.argmax(falls)) if falls.max() >= WALL_DB else None
