"""How high the voice of a folder is, and whether it is one voice."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from rvc_engine.dataset.report import PITCH_FLOOR_HZ, PITCH_STEPS, FileReport

STEPS_IN_AN_OCTAVE = 24
MIN_VOICED_S = 0.5
"""The median of less voice than this is chance."""
GAP_SEMITONES = 2.5
"""Nothing lies in between: one person's sentences, also lively ones, fill the range that they use."""
APART_SEMITONES = 5.0
"""Between the means: men and women who read lie 8 to 12 semitones apart, one reader's sentences within 3."""


@dataclass(frozen=True)
class Voices:
    """Two groups of stretches that no stretch lies between. `files`, `share` (of the voiced time) and `seconds`
    are those of the smaller one."""

    low_hz: float
    high_hz: float
    share: float
    seconds: float
    files: list[str]


@dataclass(frozen=True)
class Stretch:
    semitone: float
    seconds: float
    file: str


def _stretches(files: Sequence[FileReport]) -> list[Stretch]:
    """By pitch."""
    found = (
        Stretch(12 * math.log2(hz), seconds, f.name)
        for f in files
        for hz, seconds in f.pitch_parts
        if seconds >= MIN_VOICED_S
    )
    return sorted(found, key=lambda stretch: stretch.semitone)


def spread_semitones(files: Sequence[FileReport]) -> float | None:
    """Standard deviation of the medians of all stretches of ten seconds or less."""
    stretches = _stretches(files)
    if not stretches:
        return None
    mean = _mean(stretches)
    return math.sqrt(sum(s.seconds * (s.semitone - mean) ** 2 for s in stretches) / _seconds(stretches))


def two_voices(files: Sequence[FileReport]) -> Voices | None:
    stretches = _stretches(files)
    gaps = [after.semitone - before.semitone for before, after in pairwise(stretches)]
    if not gaps or max(gaps) < GAP_SEMITONES:
        return None
    cut = gaps.index(max(gaps)) + 1
    low, high = stretches[:cut], stretches[cut:]
    if _mean(high) - _mean(low) < APART_SEMITONES:
        return None
    fewer = min(low, high, key=_seconds)
    names = list(dict.fromkeys(stretch.file for stretch in fewer))
    share = _seconds(fewer) / _seconds(stretches)
    return Voices(round(2 ** (_mean(low) / 12), 1), round(2 ** (_mean(high) / 12), 1), share, _seconds(fewer), names)


def _seconds(stretches: Sequence[Stretch]) -> float:
    return sum(stretch.seconds for stretch in stretches)


def _mean(stretches: Sequence[Stretch]) -> float:
    return sum(stretch.semitone * stretch.seconds for stretch in stretches) / _seconds(stretches)


def pitch_counts(files: Sequence[FileReport]) -> list[int]:
    """Voiced frames of all files in steps of half a semitone from 50 Hz."""
    counts = [0] * PITCH_STEPS
    for file in files:
        for step, count in enumerate(file.pitch_counts[:PITCH_STEPS]):
            counts[step] += count
    return counts


def pitch_range(files: Sequence[FileReport]) -> list[float] | None:
    """10th percentile, median and 90th percentile in Hz, to a quarter of a semitone; None without a voice."""
    counts = pitch_counts(files)
    total = sum(counts)
    if not total:
        return None
    found = []
    for share in (0.1, 0.5, 0.9):
        left = share * total
        step = next(i for i in range(PITCH_STEPS) if sum(counts[: i + 1]) >= left)
        found.append(round(PITCH_FLOOR_HZ * 2 ** ((step + 0.5) / STEPS_IN_AN_OCTAVE), 1))
    return found
