"""From one recording to levelled clips. A long recording is read from the disk and filtered piece by piece."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rvc_engine.audio.filters import HighPass, as_floats, high_pass, high_pass_part
from rvc_engine.audio.io import decode_blocks
from rvc_engine.audio.slicing import SilenceRules, Span, cut_clips, frame_rms, level, slice_recording, slices_between_silences

LONG_S = 180.0
"""Longer recordings are not held in memory (three minutes at 48 kHz take about 300 MB while they are filtered)."""
PIECE_S = 60.0
FIRST_LOOK_S = 20.0
LOOKED_AT_S = 300.0


@dataclass(frozen=True)
class ClipRules:
    """How recordings become clips; the meaning of each is in PreprocessSettings."""

    sample_rate: int
    silence: SilenceRules
    high_pass: HighPass = "zero_phase"
    clip_s: float = 4.0
    overlap_s: float = 0.3
    min_clip_s: float = 0.45
    peak: float = 0.9
    alpha: float = 0.75
    max_peak: float = 2.5
    long_s: float = LONG_S


@dataclass(frozen=True)
class Clip:
    """`start` in samples; `samples` (T,) float64, levelled; `level_db` RMS before levelling. `refused` says why it is not used."""

    start: int
    seconds: float
    samples: NDArray[np.float64]
    level_db: float
    refused: str = ""


class StoredWave:
    """Mono int16 samples in a file, read in parts only."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.samples = path.stat().st_size // 2

    def __len__(self) -> int:
        return self.samples

    def __getitem__(self, part: slice) -> NDArray[np.int16]:
        start, end, _ = part.indices(self.samples)
        return np.fromfile(self.path, dtype=np.int16, count=max(0, end - start), offset=2 * start)


Wave = NDArray[np.int16] | NDArray[np.floating] | StoredWave
"""(T,) floats in -1..1, or int16 that mean int16 / 32768."""


def decode_for_clips(path: Path, rules: ClipRules, scratch: Path) -> NDArray[np.int16] | StoredWave:
    """A recording's samples, in `scratch` when it is long; the caller removes that file. Raises UnusableRecording."""
    limit = rules.long_s * rules.sample_rate
    held: list[NDArray[np.int16]] = []
    count, file = 0, None
    try:
        for block in decode_blocks(path, rules.sample_rate):
            held.append(block)
            count += len(block)
            if count > limit:
                file = file or scratch.open("wb")
                np.concatenate(held).tofile(file)
                held, limit = [], count + rules.sample_rate
    finally:
        if file:
            if held:
                np.concatenate(held).tofile(file)
            file.close()
    return StoredWave(scratch) if file else np.concatenate(held)


class FilteredWave:
    """A recording after the high-pass; of a long one only the piece that is being read exists."""

    def __init__(self, samples: Wave, rules: ClipRules) -> None:
        self.samples, self.rules = samples, rules
        self.whole = len(samples) <= rules.long_s * rules.sample_rate
        self.first, self.piece = 0, np.zeros(0)
        if self.whole:
            self.piece = high_pass(as_floats(samples[:]), rules.sample_rate, rules.high_pass)

    def read(self, start: int, end: int) -> NDArray[np.float64]:
        if start < self.first or end > self.first + len(self.piece):
            last = min(len(self.samples), max(end, start + round(PIECE_S * self.rules.sample_rate)))
            self.piece = np.zeros(0)  # free the old one first
            self.first, self.piece = start, high_pass_part(self.samples, start, last, self.rules.sample_rate, self.rules.high_pass)
        return self.piece[start - self.first : end - self.first]

    def slices(self) -> list[Span]:
        """Sounding stretches, in samples."""
        rate, silence, total = self.rules.sample_rate, self.rules.silence, len(self.samples)
        if self.whole:
            return slice_recording(self.piece, rate, silence)
        step = round(PIECE_S * rate)
        pieces = (self.read(start, min(total, start + step)) for start in range(0, total, step))
        return slices_between_silences(frame_rms(pieces, silence.hop(rate), silence.window(rate)), total, rate, silence)


def clips_of(samples: Wave, rules: ClipRules) -> Iterator[Clip]:
    """Every clip of a recording in order, also those that are refused."""
    wave = FilteredWave(samples, rules)
    for span in wave.slices():
        for start, end in cut_clips(span, rules.sample_rate, rules.clip_s, rules.overlap_s):
            yield _clip(wave.read(start, end), start, rules)


def _clip(part: NDArray[np.float64], start: int, rules: ClipRules) -> Clip:
    seconds = len(part) / rules.sample_rate
    peak = float(np.abs(part).max(initial=0.0))
    refused = ""
    if seconds < rules.min_clip_s:
        refused = f"too short: {seconds:.2f} s, a clip needs {rules.min_clip_s:g} s"
    elif not peak or not np.isfinite(peak):
        refused = "silent" if not peak else "not finite"
    elif peak > rules.max_peak:
        refused = f"too loud: it peaks at {peak:.2f}, above {rules.max_peak:g}"
    if refused:
        return Clip(start, seconds, np.zeros(0), 0.0, refused)
    rms = float(np.sqrt(np.mean(part**2)))
    return Clip(start, seconds, level(part, rules.peak, rules.alpha), round(20 * np.log10(rms), 2))


def why_no_clip(refused: list[str], rules: ClipRules) -> str:
    """Why a recording gives no clip, from the reasons of the clips that were refused."""
    if not refused:
        return f"silent: nothing in it is louder than {rules.silence.threshold_db:g} dB"
    if len(refused) > 1 and all(reason.startswith("too short") for reason in refused):
        return f"too short: none of its {len(refused)} sounding stretches has {rules.min_clip_s:g} s"
    return refused[0]


def why_unusable(path: Path, rules: ClipRules) -> str:
    """Why this recording would give no clip, "" when it would. Of a long one no more is read than makes that sure.

    One that gives clips without the high-pass passes: the high-pass takes most of a second to import, and what it leaves nothing of is
    for the stage to say. Raises UnusableRecording when it cannot be decoded.
    """
    return _why_unusable(path, replace(rules, high_pass="off")) and _why_unusable(path, rules)


def _why_unusable(path: Path, rules: ClipRules) -> str:
    rate, window = rules.sample_rate, rules.long_s * rules.sample_rate
    held: list[NDArray[np.int16]] = []
    refused: list[str] = []
    count, size, due = 0, 0, min(window, FIRST_LOOK_S * rate)
    found = False

    def look() -> bool:
        clips = list(clips_of(np.concatenate(held), rules)) if held else []
        refused.extend(clip.refused for clip in clips if clip.refused)
        return any(not clip.refused for clip in clips)

    for block in decode_blocks(path, rate):
        count += len(block)
        if found and count > LOOKED_AT_S * rate:
            return ""  # what may be wrong further on is for the stage to say
        if found:
            continue
        held.append(block)
        size += len(block)
        if size >= due:
            found = look()
            held, size = ([], 0) if size >= window else (held, size)
            due = window
    if found:
        return ""
    if count == size:  # the first look saw a part of what is looked at now
        refused.clear()
    return "" if look() else why_no_clip(refused, rules)
