"""What can be measured in one recording, in one pass and in little memory."""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rvc_engine.audio.bandwidth import Bandwidth, SpectrumMeter
from rvc_engine.audio.channels import Mix
from rvc_engine.audio.clipping import ClipRules, why_left_out
from rvc_engine.audio.filters import high_pass
from rvc_engine.audio.fingerprint import fingerprint
from rvc_engine.audio.flat_tops import FlatTops
from rvc_engine.audio.io import resample
from rvc_engine.audio.lufs import LoudnessMeter
from rvc_engine.audio.notes import Note
from rvc_engine.audio.reading import Blocks, Reading, StoredFormat, read
from rvc_engine.audio.slicing import SilenceRules, frame_rms, sounding_slices
from rvc_engine.messages import NOTHING, Message

SEGMENT_S = 10.0
LOUDEST_SEGMENTS = 6
"""Pitch is tracked in the loudest minute."""
SETTLED_S = 1.0
"""The high-pass has forgotten all by then (its slowest pole falls to 1/e in 11 ms)."""
MEASURED_RATES = (8000, 192000)
"""Recordings outside of these rates are resampled to the nearer one."""
RULES_RATE = 40000
DOUBTED_S = 2.0
"""With less than this that seems usable, preprocessing is asked."""
LOWEST_DBFS = -100.0
"""Digital silence."""
QUIET_PERCENTILE = 10
QUIET_S = 0.25
"""With less silence than this the noise is measured in the quietest frames of all."""
MIN_NOISE_S = 3.0
SAME_CHANNELS = 0.999
ONE_SIDED_DB = 40.0


@dataclass(frozen=True)
class Measured:
    """Levels in dBFS; None where there is nothing to measure.

    `unusable` is why it would give no clip, NOTHING when it would; `channel_kind` is mono, same, different, opposite or
    one_sided; `notes`: what is to be said of how it is read; `loudest` (T,) at 16 kHz, one array a segment; `sha256` is
    that of the decoded samples and the rate.
    """

    seconds: float
    usable_seconds: float
    longest_seconds: float
    sample_rate: int
    channels: int
    codec: str
    bandwidth: Bandwidth | None
    clipped_share: float
    silence_share: float
    noise_dbfs: float | None
    snr_db: float | None
    loudness_lufs: float | None
    peak_dbfs: float
    dc_offset: float
    channel_kind: str
    sha256: str
    fingerprint: str
    unusable: Message
    notes: tuple[Note, ...]
    loudest: list[NDArray[np.floating]]


def survey(path: Path) -> Measured:
    """Raises UnusableRecording when it cannot be decoded."""
    (meters, rms), reading = read(path, measured_rate, _metered, separate=True)
    rate = meters.rate
    rules = ClipRules(rate, SilenceRules())
    spans = sounding_slices(rms, meters.samples, rate, rules.silence)
    lengths = [(end - start) / rate for start, end in spans]
    usable, longest = sum(length for length in lengths if length >= rules.min_clip_s), max(lengths, default=0.0)
    unusable = why_left_out(path, ClipRules(RULES_RATE, rules.silence)) if usable < DOUBTED_S else NOTHING
    if unusable:
        usable = longest = 0.0
    elif not usable:  # a hair's breadth from a threshold
        usable = longest = meters.samples / rate
    level = 20 * np.log10(np.maximum(rms, 10 ** (LOWEST_DBFS / 20)))
    return meters.result(reading, level, rules, (usable, longest), unusable)


def measured_rate(stored: StoredFormat) -> int:
    return min(max(stored.sample_rate, MEASURED_RATES[0]), MEASURED_RATES[1])


def _metered(blocks: Blocks, reading: Reading) -> tuple[_Meters, NDArray[np.float64]]:
    """Everything measured, and the RMS of its frames after the high-pass."""
    meters, silence = _Meters(reading.sample_rate, reading.mix), SilenceRules()
    return meters, frame_rms(
        _high_passed(meters.watch(blocks), meters.rate), silence.hop(meters.rate), silence.window(meters.rate)
    )


def _high_passed(blocks: Iterator[NDArray[np.float32]], rate: int) -> Iterator[NDArray[np.float64]]:
    """As the clips are: zero-phase, each piece with a second more on both sides."""
    margin = round(SETTLED_S * rate)
    held, lead = np.zeros(0, dtype=np.float32), 0
    for block in blocks:
        held = np.concatenate([held, block])
        end = len(held) - margin
        if end > lead:
            yield high_pass(held, rate)[lead:end]
            start = max(0, end - margin)
            held, lead = held[start:], end - start
    yield high_pass(held, rate)[lead:]


class _Meters:
    """Everything that is measured before the high-pass, segment by segment."""

    def __init__(self, rate: int, mix: Mix) -> None:
        self.rate, self.mix = rate, mix
        self.samples = 0
        self.channels = 1
        self.spectrum, self.loudness = SpectrumMeter(rate), LoudnessMeter(rate)
        self.tops: list[FlatTops] = []
        self.sums = np.zeros(0)
        self.products = np.zeros((2, 2))
        self.digest = hashlib.sha256(str(rate).encode())
        self.loudest: list[tuple[float, int, NDArray[np.float32]]] = []

    def watch(self, blocks: Iterator[NDArray[np.int16]]) -> Iterator[NDArray[np.float32]]:
        """(C, T) blocks measured -> (T,) mono in -1..1."""
        for segment in _segments(blocks, round(SEGMENT_S * self.rate)):
            mono = self.mix.mono(segment)
            self._measure_channels(segment)
            self.digest.update(mono.tobytes())
            self.spectrum.add(mono)
            self.loudness.add(mono[None].astype(np.float64))
            self._keep_if_loud(mono)
            self.samples += len(mono)
            yield mono

    def _measure_channels(self, segment: NDArray[np.int16]) -> None:
        if not self.tops:
            self.channels = len(segment)
            self.tops = [FlatTops() for _ in segment]
            self.sums = np.zeros(self.channels)
        for top, channel in zip(self.tops, segment, strict=True):
            top.add(channel)
        self.sums += segment.sum(axis=1, dtype=np.float64)
        if self.channels > 1:
            pair = segment[:2].astype(np.float64)
            self.products += pair @ pair.T

    def _keep_if_loud(self, mono: NDArray[np.float32]) -> None:
        item = (float(np.mean(mono**2)), self.samples, mono)
        if len(self.loudest) < LOUDEST_SEGMENTS:
            heapq.heappush(self.loudest, item)
        else:
            heapq.heappushpop(self.loudest, item)

    def result(
        self,
        reading: Reading,
        level: NDArray[np.float64],
        rules: ClipRules,
        usable: tuple[float, float],
        unusable: Message,
    ) -> Measured:
        silent = level < rules.silence.threshold_db
        noise = _noise(level, silent, rules.silence.hop_ms / 1000)
        voice = 10 * np.log10(np.mean(10 ** (level[~silent] / 10))) if (~silent).any() else None
        peak = max(top.peak for top in self.tops)
        full_scale = 32768 * self.mix.channel_gain  # of the file, above which floats may reach
        loudest = [part for _, _, part in sorted(self.loudest, key=lambda item: item[1])] if voice is not None else []
        return Measured(
            seconds=self.samples / self.rate,
            usable_seconds=usable[0],
            longest_seconds=usable[1],
            sample_rate=reading.stored.sample_rate,
            channels=reading.stored.channels or self.channels,
            codec=reading.stored.codec,
            bandwidth=self.spectrum.bandwidth(),
            clipped_share=sum(top.clipped for top in self.tops) / (self.samples * self.channels),
            silence_share=float(silent.mean()),
            noise_dbfs=noise,
            snr_db=None if noise is None or voice is None else float(voice) - noise,
            loudness_lufs=self.loudness.integrated(),
            peak_dbfs=max(LOWEST_DBFS, 20 * float(np.log10(max(peak, 1) / full_scale))) if peak else LOWEST_DBFS,
            dc_offset=float(np.abs(self.sums).max()) / self.samples / full_scale,
            channel_kind=_channel_kind(reading, self.products),
            sha256=self.digest.hexdigest(),
            fingerprint=fingerprint(level),
            unusable=unusable,
            notes=reading.notes,
            loudest=[resample(part, self.rate, 16000) for part in loudest],
        )


def _segments(blocks: Iterator[NDArray[np.int16]], size: int) -> Iterator[NDArray[np.int16]]:
    """Blocks put together to `size` samples or a little more, the last as it comes."""
    held: list[NDArray[np.int16]] = []
    count = 0
    for block in blocks:
        held.append(block)
        count += block.shape[-1]
        if count >= size:
            yield np.concatenate(held, axis=-1)
            held, count = [], 0
    if held:
        yield np.concatenate(held, axis=-1)


def _noise(level: NDArray[np.float64], silent: NDArray[np.bool_], hop_s: float) -> float | None:
    """dBFS of the background: 10th percentile of the silent frames, or, where nothing is silent, of all frames."""
    if silent.sum() * hop_s >= QUIET_S:
        return float(np.percentile(level[silent], QUIET_PERCENTILE))
    return float(np.percentile(level, QUIET_PERCENTILE / 2)) if len(level) * hop_s >= MIN_NOISE_S else None


def _channel_kind(reading: Reading, products: NDArray[np.float64]) -> str:
    """`products` (2, 2) of the first two channels in use."""
    if reading.mix.opposite:
        return "opposite"
    if reading.stored.channels == 1:
        return "mono"
    left, right = products[0, 0], products[1, 1]
    if not left and not right:
        return "same"
    if len(reading.mix.used) == 1 or min(left, right) <= max(left, right) * 10 ** (-ONE_SIDED_DB / 10):
        return "one_sided"
    likeness = products[0, 1] / np.sqrt(left * right)
    return "same" if likeness > SAME_CHANNELS and 0.5 < left / right < 2 else "different"
