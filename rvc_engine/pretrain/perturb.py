"""The same words in another voice: pitch, its range and the formants changed by WORLD, so that an encoder learns what
stays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyworld

RATE = 16000


@dataclass(frozen=True)
class Perturbation:
    """`pitch` and `formants` are factors; `range` is the factor on the pitch's movement around its mean (0 is a
    monotone)."""

    pitch: float
    range: float
    formants: float

    @classmethod
    def drawn(cls, random: np.random.Generator) -> Perturbation:
        """Up to ten semitones, formants up to 25 % either way."""
        return cls(
            2.0 ** random.uniform(-10 / 12, 10 / 12),
            random.uniform(0.3, 1.5),
            float(np.exp(random.uniform(-0.22, 0.22))),
        )


def perturbed(wave: np.ndarray, changes: list[Perturbation]) -> list[np.ndarray]:
    """(T,) at 16 kHz -> one (T,) for each change, by WORLD (Morise et al., 2016) at 5 ms."""
    wave = np.ascontiguousarray(wave, dtype=np.float64)
    rough, times = pyworld.dio(wave, RATE)
    pitch = pyworld.stonemask(wave, rough, times, RATE)
    envelope = pyworld.cheaptrick(wave, pitch, times, RATE)
    noise = pyworld.d4c(wave, pitch, times, RATE)
    return [_spoken(pitch, envelope, noise, change, len(wave)) for change in changes]


def tracked(wave: np.ndarray) -> np.ndarray:
    """(T,) at 16 kHz -> F0 in Hz each 5 ms, 0 where unvoiced, by DIO and StoneMask."""
    wave = np.ascontiguousarray(wave, dtype=np.float64)
    rough, times = pyworld.dio(wave, RATE)
    return np.asarray(pyworld.stonemask(wave, rough, times, RATE))


def _spoken(
    pitch: np.ndarray, envelope: np.ndarray, noise: np.ndarray, change: Perturbation, samples: int
) -> np.ndarray:
    voiced = pitch > 0
    hz = np.zeros_like(pitch)
    if voiced.any():
        logs = np.log(pitch[voiced])
        hz[voiced] = np.clip(np.exp(logs.mean() + change.range * (logs - logs.mean())) * change.pitch, 60.0, 700.0)
    bins = np.arange(envelope.shape[1])
    source = np.clip(bins / change.formants, 0, bins[-1])
    low = source.astype(int)
    share = source - low
    high = np.minimum(low + 1, bins[-1])
    logs = np.log(envelope)
    warped = np.exp(logs[:, low] * (1 - share) + logs[:, high] * share)
    ragged = noise[:, low] * (1 - share) + noise[:, high] * share
    made = pyworld.synthesize(hz, np.ascontiguousarray(warped), np.ascontiguousarray(ragged), RATE)
    return np.asarray(np.pad(made, (0, max(0, samples - len(made))))[:samples], dtype=np.float32)
