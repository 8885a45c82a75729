"""Where a recording is cut: at silences, then into clips of one length, then brought to one level.

Silence is found by the RMS of overlapping frames. The rules and their order are those of RVC's preprocessing, sample
for sample.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Span = tuple[int, int]
"""[start, end) in samples, or in frames where it says so."""


@dataclass(frozen=True)
class SilenceRules:
    """Quieter than `threshold_db` is silence; a cut needs `min_interval_ms` of it and `min_length_ms` since the cut
    before; at most `max_silence_ms` of silence is kept on each side of a cut; `hop_ms` is the resolution."""

    threshold_db: float = -42.0
    min_length_ms: float = 1500
    min_interval_ms: float = 400
    hop_ms: float = 15
    max_silence_ms: float = 500

    def hop(self, sample_rate: int) -> int:
        return max(1, round(sample_rate * self.hop_ms / 1000))

    def window(self, sample_rate: int) -> int:
        """Samples that one RMS value is taken over."""
        return min(round(sample_rate * self.min_interval_ms / 1000), 4 * self.hop(sample_rate))


def frame_rms(blocks: Iterable[NDArray[np.float64]], hop: int, window: int) -> NDArray[np.float64]:
    """RMS of `window` samples around every `hop`-th sample, zeros beyond the ends. `blocks` are consecutive parts of
    one wave.

    -> (1 + (T + 2 * (window // 2) - window) // hop,)
    """
    half = window // 2
    rest = np.zeros(half)
    found: list[NDArray[np.float64]] = []

    def take(wave: NDArray[np.float64], needed: int) -> NDArray[np.float64]:
        """Measure all windows of `wave` with `needed` samples from their start on; returns what the next ones need."""
        count = 0 if len(wave) < needed else 1 + (len(wave) - needed) // hop
        for first in range(0, count, 256):  # bounds the copy that squaring makes
            last = min(first + 256, count)
            frames = sliding_window_view(wave[first * hop : (last - 1) * hop + window], window)[::hop]
            found.append(np.sqrt(np.mean(frames**2, axis=1)))
        return wave[count * hop :]

    for block in blocks:
        rest = take(np.concatenate([rest, block]), max(window, hop))
    take(np.concatenate([rest, np.zeros(half)]), window)
    return np.concatenate(found) if found else np.zeros(0)


def _quietest(rms: NDArray[np.float64], first: int, last: int) -> int:
    """The frame with the lowest RMS in [first, last)."""
    return first + int(np.argmin(rms[first:last]))


def _removed_between(rms: NDArray[np.float64], start: int, end: int, kept: int) -> Span:
    """Frames to leave out of the silence [start, end) that is followed by sound: from one cut to the next, equal where
    nothing goes."""
    if end - start <= kept:
        cut = _quietest(rms, start, end + 1)
        left, right = cut, cut
    else:
        left = _quietest(rms, start, start + kept + 1)
        right = _quietest(rms, end - kept, end + 1)
        if end - start <= 2 * kept:  # the two searches overlap: where they meet may be quieter
            middle = _quietest(rms, end - kept, start + kept + 1)
            left, right = (min(left, middle), max(right, middle)) if start else (left, right)
    return (0 if start == 0 else left), right


def _removed(rms: NDArray[np.float64], sample_rate: int, rules: SilenceRules) -> list[Span]:
    """Stretches to leave out, in frames, in order."""
    hop = rules.hop(sample_rate)
    min_interval = round(sample_rate * rules.min_interval_ms / 1000 / hop)
    min_length = round(sample_rate * rules.min_length_ms / 1000 / hop)
    kept = round(sample_rate * rules.max_silence_ms / 1000 / hop)
    silent = np.concatenate([[False], rms < 10 ** (rules.threshold_db / 20), [False]])
    edges = np.flatnonzero(silent[1:] != silent[:-1])
    removed: list[Span] = []
    clip_start = 0
    for start, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        if end == len(rms):  # silence up to the end of the recording
            if end - start >= min_interval:
                removed.append((_quietest(rms, start, min(end, start + kept) + 1), end + 1))
            continue
        leading = start == 0 and end > kept
        between = end - start >= min_interval and end - clip_start >= min_length
        if leading or between:
            removed.append(_removed_between(rms, start, end, kept))
            clip_start = removed[-1][1]
    return removed


def slices_between_silences(
    rms: NDArray[np.float64], samples: int, sample_rate: int, rules: SilenceRules
) -> list[Span]:
    """The sounding stretches of a recording of `samples` samples from its `frame_rms`; [] when all is silent."""
    hop = rules.hop(sample_rate)
    removed = _removed(rms, sample_rate, rules)
    if not removed:
        return [(0, samples)] if samples else []
    spans = [(0, removed[0][0])] if removed[0][0] > 0 else []
    spans += [(before[1], after[0]) for before, after in pairwise(removed)]
    if removed[-1][1] < len(rms):
        spans.append((removed[-1][1], len(rms)))
    return [(start * hop, min(samples, end * hop)) for start, end in spans]


def sounding_slices(rms: NDArray[np.float64], samples: int, sample_rate: int, rules: SilenceRules) -> list[Span]:
    """As `slices_between_silences`, but nothing of a recording that is silent throughout, of which RVC keeps up to half
    a second."""
    if not len(rms) or rms.max() < 10 ** (rules.threshold_db / 20):
        return []
    return slices_between_silences(rms, samples, sample_rate, rules)


def slice_recording(wave: NDArray[np.float64], sample_rate: int, rules: SilenceRules) -> list[Span]:
    """(T,) -> [start, end) of each sounding stretch, in samples."""
    if len(wave) <= round(sample_rate * rules.min_length_ms / 1000 / rules.hop(sample_rate)):
        # RVC compares samples with frames here: only waves of about 100 samples
        return [(0, len(wave))] if len(wave) else []
    rms = frame_rms([wave], rules.hop(sample_rate), rules.window(sample_rate))
    return slices_between_silences(rms, len(wave), sample_rate, rules)


def cut_clips(span: Span, sample_rate: int, clip_s: float, overlap_s: float) -> list[Span]:
    """A stretch cut into clips of `clip_s` that overlap by `overlap_s`; a rest up to and including clip_s + overlap_s
    stays whole."""
    start, end = span
    clips: list[Span] = []
    while True:
        first = start + int(sample_rate * (clip_s - overlap_s) * len(clips))
        if end - first <= (clip_s + overlap_s) * sample_rate:
            return [*clips, (first, end)]
        clips.append((first, first + int(clip_s * sample_rate)))


def level(clip: NDArray[np.float64], peak: float = 0.9, alpha: float = 0.75) -> NDArray[np.float64]:
    """(T,) -> (T,) float64: a share `alpha` brought to `peak`, the rest as it was. A silent clip stays silent."""
    highest = np.abs(clip).max(initial=0.0)
    if not highest:
        return np.array(clip, dtype=np.float64)
    return np.asarray(clip / highest * (peak * alpha) + (1 - alpha) * clip, dtype=np.float64)
