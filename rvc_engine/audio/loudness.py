"""Loudness of a result: the source's envelope mixed in, and whole numbers without clipping."""

from __future__ import annotations

import numpy as np
import soxr
from numpy.typing import NDArray

from rvc_engine.messages import Message

Samples = NDArray[np.floating]
Envelope = NDArray[np.float64]
PEAK = 0.99
FULL_SCALE = 32768
FLOOR = 1e-6


class EnvelopeMeter:
    """RMS over one second every half second, centred, zeros beyond the ends; fed block by block.

    A window is two half-second hops, so the sums of squares of the hops are all that has to be kept.
    """

    def __init__(self, sample_rate: int) -> None:
        self.hop = sample_rate // 2
        # of the hops so far; the first stands for the zeros before the start, the last is being filled
        self.sums = [0.0]
        self.filled = 0

    def add(self, samples: Samples) -> None:
        """The next (T,) samples."""
        squares = samples.astype(np.float64) ** 2
        position = 0
        while position < len(squares):
            if self.filled == 0:
                self.sums.append(0.0)
            part = squares[position : position + self.hop - self.filled]
            self.sums[-1] += float(part.sum())
            self.filled = (self.filled + len(part)) % self.hop
            position += len(part)

    def envelope(self) -> NDArray[np.float64]:
        """(1 + T // hop,) RMS so far."""
        count = len(self.sums) - (1 if self.filled else 0)
        sums = np.array([*self.sums, 0.0])
        return np.asarray(np.sqrt((sums[:count] + sums[1 : count + 1]) / (2 * self.hop)))


def envelope(samples: Samples, sample_rate: int) -> NDArray[np.float64]:
    """(T,) -> (1 + T // (rate // 2),) RMS over one second every half second."""
    meter = EnvelopeMeter(sample_rate)
    meter.add(samples)
    return meter.envelope()


def spread(values: NDArray[np.float64], start: int, stop: int, total: int) -> NDArray[np.float64]:
    """Positions `start` .. `stop` of `values` stretched linearly to `total` samples (torch's interpolate, corners not
    aligned)."""
    positions = (np.arange(start, stop) + 0.5) * (len(values) / total) - 0.5
    return np.asarray(np.interp(positions, np.arange(len(values)), values))


def mix_gain(source: Envelope, result: Envelope, rate: float, start: int, stop: int, total: int) -> NDArray[np.float32]:
    """Gain for samples `start` .. `stop` of a result of `total`, from both envelopes: source^(1 - rate) * result^(rate
    - 1)."""
    above = np.maximum(spread(result, start, stop, total), FLOOR)
    gain = spread(source, start, stop, total) ** (1 - rate) * above ** (rate - 1)
    return np.asarray(gain, dtype=np.float32)


def change_rms(source: Samples, source_rate: int, result: Samples, result_rate: int, rate: float) -> Samples:
    """`result` with its loudness moved towards the source's: 1 leaves it, 0 takes the source's envelope. (T1,), (T2,)
    -> (T2,)"""
    if rate == 1 or not len(result):
        return result
    gain = mix_gain(envelope(source, source_rate), envelope(result, result_rate), rate, 0, len(result), len(result))
    return result * gain


def int16_scale(peak: float) -> np.float32:
    """Factor from -1..1 to 16 bits; a peak above 0.99 is brought down to it."""
    over = np.float32(peak) / np.float32(PEAK)
    scale: np.float32 = np.float32(FULL_SCALE) / max(over, np.float32(1))
    return scale


def to_int16(samples: Samples, sample_rate: int, target_rate: int = 0) -> NDArray[np.int16]:
    """(T,) -> int16 at `target_rate` (0: unchanged; length rounded up). Truncated toward zero. NaN raises
    ValueError."""
    if target_rate and target_rate != sample_rate and len(samples):
        length = resampled_length(len(samples), sample_rate, target_rate)
        samples = fit(soxr.resample(samples, sample_rate, target_rate, quality="HQ"), length)
    if not len(samples):
        return np.zeros(0, dtype=np.int16)
    if not np.isfinite(samples).all():
        raise ValueError(Message("audio.samples_not_finite"))
    return (samples * int16_scale(float(np.abs(samples).max()))).astype(np.int16)


def resampled_length(length: int, rate_in: int, rate_out: int) -> int:
    return -(-length * rate_out // rate_in)


def fit(samples: Samples, length: int) -> Samples:
    """Cut, or filled with zeros at the end, to `length`."""
    return samples[:length] if len(samples) >= length else np.pad(samples, (0, length - len(samples)))
