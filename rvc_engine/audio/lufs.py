"""Integrated loudness in LUFS: Recommendation ITU-R BS.1770-5, annex 1, fed block by block."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import signal

STEP_S = 0.1
"""Gating blocks are 0.4 s long and begin every 0.1 s."""
STEPS_IN_A_BLOCK = 4
OFFSET_DB = -0.691
ABSOLUTE_GATE = -70.0
RELATIVE_GATE_LU = -10.0


@lru_cache(maxsize=16)
def k_weighting(sample_rate: int) -> NDArray[np.float64]:
    """(2, 6) second-order sections: the shelf and the high-pass of the standard at any rate above 4 kHz.

    The standard lists coefficients for 48 kHz; these are the bilinear transform of the analogue filters behind them
    (the parameters are those that give the listed numbers back to 1e-9).
    """
    k = math.tan(math.pi * 1681.974450955533 / sample_rate)
    q, gain = 0.7071752369554196, 10 ** (3.999843853973347 / 20)
    slope = gain**0.4996667741545416
    a0 = 1 + k / q + k * k
    shelf = [
        (gain + slope * k / q + k * k) / a0,
        2 * (k * k - gain) / a0,
        (gain - slope * k / q + k * k) / a0,
        1.0,
        2 * (k * k - 1) / a0,
        (1 - k / q + k * k) / a0,
    ]
    k, q = math.tan(math.pi * 38.13547087602444 / sample_rate), 0.5003270373238773
    a0 = 1 + k / q + k * k
    return np.array([shelf, [1.0, -2.0, 1.0, 1.0, 2 * (k * k - 1) / a0, (1 - k / q + k * k) / a0]])


class LoudnessMeter:
    """Mono or stereo; every channel weighs 1."""

    def __init__(self, sample_rate: int, channels: int = 1) -> None:
        self.sos = k_weighting(sample_rate)
        self.state = np.zeros((len(self.sos), channels, 2))
        self.step = round(sample_rate * STEP_S)
        self.rest = np.zeros((channels, 0))
        self.energies: list[NDArray[np.float64]] = []

    def add(self, samples: NDArray[np.floating]) -> None:
        """The next (C, T) samples in -1..1."""
        weighted, self.state = signal.sosfilt(self.sos, samples, axis=-1, zi=self.state)
        wave = np.concatenate([self.rest, weighted], axis=-1)
        count = wave.shape[-1] // self.step
        steps = wave[:, : count * self.step].reshape(len(wave), count, self.step)
        self.energies.append(np.einsum("cst,cst->s", steps, steps) / self.step)
        self.rest = wave[:, count * self.step :]

    def integrated(self) -> float | None:
        """LUFS; None when shorter than 0.4 s or when nothing is louder than -70 LUFS."""
        steps = np.concatenate([np.zeros(0), *self.energies])
        if len(steps) < STEPS_IN_A_BLOCK:
            return None
        blocks = np.convolve(steps, np.full(STEPS_IN_A_BLOCK, 1 / STEPS_IN_A_BLOCK), mode="valid")
        blocks = blocks[blocks > _energy(ABSOLUTE_GATE)]
        if not len(blocks):
            return None
        blocks = blocks[blocks > _energy(_lufs(blocks.mean()) + RELATIVE_GATE_LU)]
        return _lufs(blocks.mean())


def _lufs(energy: float) -> float:
    return OFFSET_DB + 10 * math.log10(energy)


def _energy(lufs: float) -> float:
    return float(10 ** ((lufs - OFFSET_DB) / 10))
