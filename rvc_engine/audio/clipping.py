"""From one recording to levelled clips. A long recording is read from the disk and filtered piece by piece."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rvc_engine.audio.filters import HighPass, as_floats, high_pass, high_pass_part
from rvc_engine.audio.notes import Note, with_notes
from rvc_engine.audio.reading import Blocks, read
from rvc_engine.audio.slicing import SilenceRules, Span, cut_clips, frame_rms, level, sounding_slices
from rvc_engine.errors import UnusableRecording
from rvc_engine.messages import NOTHING, Message

LONG_S = 180.0
"""Longer recordings are not held in memory (three minutes at 48 kHz take about 300 MB while they are filtered)."""
PIECE_S = 60.0
FIRST_LOOK_S = 20.0
LOOKED_AT_S = 300.0
SILENT_DB = -80.0
"""What stays below is silence: dither of 16 bits reaches -84 dB."""


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
    """`start` in samples; `samples` (T,) float64, levelled; `level_db` RMS before levelling. `refused` says why it is
    not used."""

    start: int
    seconds: float
    samples: NDArray[np.float64]
    level_db: float
    refused: Message = NOTHING


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


def decode_for_clips(
    path: Path, rules: ClipRules, scratch: Path, notes: list[Note] | None = None
) -> NDArray[np.int16] | StoredWave:
    """A recording's samples, in `scratch` when it is long; the caller removes that file. `notes` takes what is to be
    said of it.

    Raises UnusableRecording.
    """
    samples, reading = read(path, rules.sample_rate, lambda blocks, _: _kept(blocks, rules, scratch))
    if notes is not None:
        notes += reading.notes
    return samples


def _kept(blocks: Blocks, rules: ClipRules, scratch: Path) -> NDArray[np.int16] | StoredWave:
    limit = rules.long_s * rules.sample_rate
    held = [np.zeros(0, dtype=np.int16)]
    count, file = 0, None
    try:
        for block in blocks:
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
        self.peak = 0.0
        if self.whole:
            self.piece = high_pass(as_floats(samples[:]), rules.sample_rate, rules.high_pass)

    def read(self, start: int, end: int) -> NDArray[np.float64]:
        if start < self.first or end > self.first + len(self.piece):
            last = min(len(self.samples), max(end, start + round(PIECE_S * self.rules.sample_rate)))
            self.piece = np.zeros(0)  # free the old one first
            self.first, self.piece = (
                start,
                high_pass_part(self.samples, start, last, self.rules.sample_rate, self.rules.high_pass),
            )
        return self.piece[start - self.first : end - self.first]

    def slices(self) -> list[Span]:
        """Sounding stretches, in samples; `peak` is known from then on."""
        rate, silence, total = self.rules.sample_rate, self.rules.silence, len(self.samples)
        rms = frame_rms(self._pieces(), silence.hop(rate), silence.window(rate))
        return sounding_slices(rms, total, rate, silence)

    def _pieces(self) -> Iterator[NDArray[np.float64]]:
        total, step = len(self.samples), round(PIECE_S * self.rules.sample_rate)
        for start in range(0, total, total if self.whole else step):
            piece = self.piece if self.whole else self.read(start, min(total, start + step))
            self.peak = max(self.peak, min(_peak(piece), _peak(as_floats(self.samples[start : start + len(piece)]))))
            yield piece


def _peak(wave: NDArray[np.floating]) -> float:
    return float(np.abs(wave).max(initial=0.0))


def clips_of(samples: Wave, rules: ClipRules) -> Iterator[Clip]:
    """Every clip of a recording in order, also those that are refused."""
    yield from cut_recording(samples, rules).clips


@dataclass(frozen=True)
class Cut:
    """A recording as clips, those that are refused among them; `peak` without what the high-pass takes away."""

    clips: Iterator[Clip]
    peak: float


def cut_recording(samples: Wave, rules: ClipRules) -> Cut:
    """How a recording becomes clips: the one decision of preprocessing, of its check before a run and of reports on
    data sets."""
    wave = FilteredWave(samples, rules)
    too_short = _is_too_short(len(samples), rules)  # and that is the reason, however little sounds in it
    slices = [(0, len(samples))] if too_short else wave.slices()
    spans = [part for span in slices for part in cut_clips(span, rules.sample_rate, rules.clip_s, rules.overlap_s)]
    return Cut((_clip(wave.read(start, end), start, rules) for start, end in spans), wave.peak)


def _is_too_short(samples: int, rules: ClipRules) -> bool:
    """To the millisecond, so that the rate at which samples are counted makes no difference."""
    return round(samples / rules.sample_rate, 3) < rules.min_clip_s


def _clip(part: NDArray[np.float64], start: int, rules: ClipRules) -> Clip:
    seconds = len(part) / rules.sample_rate
    peak = float(np.abs(part).max(initial=0.0))
    refused = NOTHING
    if _is_too_short(len(part), rules):
        digits = 2 if round(seconds, 2) < rules.min_clip_s else 3
        refused = Message("audio.too_short", seconds=f"{seconds:.{digits}f}", min_clip_s=rules.min_clip_s)
    elif not peak or not np.isfinite(peak):
        refused = Message("audio.peak_not_finite") if peak else Message("audio.silent")
    elif peak > rules.max_peak:
        refused = Message("audio.too_loud", peak=peak, max_peak=rules.max_peak)
    if refused:
        return Clip(start, seconds, np.zeros(0), 0.0, refused)
    rms = float(np.sqrt(np.mean(part**2)))
    return Clip(start, seconds, level(part, rules.peak, rules.alpha), round(20 * np.log10(rms), 2))


def why_no_clip(refused: Sequence[Message], rules: ClipRules, peak: float = 0.0, notes: Sequence[Note] = ()) -> Message:
    """Why a recording gives no clip: from the reasons of the clips that were refused, or, where nothing sounds in it,
    from its peak; with what else is to be said of it."""
    if not refused:
        reason = why_quiet(peak, rules.silence.threshold_db)
    elif len(refused) > 1 and all(reason.code == "audio.too_short" for reason in refused):
        reason = Message("audio.stretches_too_short", count=len(refused), min_clip_s=rules.min_clip_s)
    else:
        reason = refused[0]
    return with_notes(reason, notes)


def why_quiet(peak: float, threshold_db: float) -> Message:
    """Of a recording in which nothing reaches the threshold: silent, or too quiet."""
    if peak < 10 ** (SILENT_DB / 20):
        return Message("audio.silent_throughout", silent_db=SILENT_DB)
    return Message("audio.too_quiet", peak_db=20 * np.log10(peak), threshold_db=threshold_db)


def check_audible(samples: NDArray[np.floating], sample_rate: int, notes: list[Note]) -> None:
    """For conversion, which cuts nothing at silences: one that preprocessing leaves out as too quiet gets a note.

    Raises UnusableRecording for silence.
    """
    threshold_db = SilenceRules().threshold_db
    peak, step = 0.0, round(PIECE_S * sample_rate)
    for start in range(0, len(samples), step):
        part = high_pass_part(samples, start, min(len(samples), start + step), sample_rate, "zero_phase")
        peak = max(peak, min(_peak(part), _peak(samples[start : start + step])))
        if peak >= 10 ** (threshold_db / 20):
            return
    if peak < 10 ** (SILENT_DB / 20):
        raise UnusableRecording(with_notes(why_quiet(peak, threshold_db), notes))
    notes.append(Note("quiet", Message("audio.quiet", peak_db=20 * np.log10(peak))))


def why_unusable(path: Path, rules: ClipRules) -> Message:
    """Why this recording would give no clip, NOTHING when it would. Of a long one no more is read than makes that sure.

    One that gives clips without the high-pass passes: the high-pass takes most of a second to import, and what it
    leaves nothing of is for the stage to say. Raises UnusableRecording when it cannot be decoded.
    """
    return why_left_out(path, replace(rules, high_pass="off")) and why_left_out(path, rules)


def why_left_out(path: Path, rules: ClipRules) -> Message:
    """As `why_unusable`, and just what preprocessing says."""
    seen, reading = read(path, rules.sample_rate, lambda blocks, _: _Seen.of(blocks, rules))
    return NOTHING if seen.found else why_no_clip(seen.refused, rules, seen.peak, reading.notes)


@dataclass
class _Seen:
    """Whether clips were found in what was looked at so far, and why not."""

    refused: list[Message]
    found: bool = False
    peak: float = 0.0

    @classmethod
    def of(cls, blocks: Blocks, rules: ClipRules) -> _Seen:
        rate, window = rules.sample_rate, rules.long_s * rules.sample_rate
        seen = cls([])
        held: list[NDArray[np.int16]] = []
        count, size, due = 0, 0, min(window, FIRST_LOOK_S * rate)
        for block in blocks:
            count += len(block)
            if seen.found and count > LOOKED_AT_S * rate:
                return seen  # what may be wrong further on is for the stage to say
            if seen.found:
                continue
            held.append(block)
            size += len(block)
            if size >= due:
                seen.look(held, rules)
                held, size = ([], 0) if size >= window else (held, size)
                due = window
        if not seen.found:
            if count == size:  # the first look saw a part of what is looked at now
                seen.refused.clear()
            seen.look(held, rules)
        return seen

    def look(self, held: list[NDArray[np.int16]], rules: ClipRules) -> None:
        if not held:
            return
        found = cut_recording(np.concatenate(held), rules)
        clips = list(found.clips)
        self.refused += [clip.refused for clip in clips if clip.refused]
        self.found = any(not clip.refused for clip in clips)
        self.peak = max(self.peak, found.peak)
