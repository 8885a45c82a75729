"""The same recording in another format: recognised by its level over time, which no codec changes much."""

from __future__ import annotations

import base64
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

FRAMES = 4000
"""A minute of frames of 15 ms."""
SPAN_DB = 40.0
SHORTEST = 67
"""Frames: less than a second is like too much."""
LENGTH_TOLERANCE = 10
LAG = 10
"""Frames that a codec may add or a trim may take at the start."""
THUMBNAIL = 32
THUMBNAIL_LIKENESS = 0.9
LIKENESS = 0.99


def fingerprint(level: NDArray[np.float64]) -> str:
    """(F,) dB every 15 ms -> base64 of its first minute in steps of a third of a dB from 40 dB below the highest; ""
    when too short."""
    if len(level) < SHORTEST:
        return ""
    steps = np.clip((level[:FRAMES] - level.max() + SPAN_DB) * 255 / SPAN_DB, 0, 255)
    return base64.b64encode(steps.astype(np.uint8).tobytes()).decode()


def alike(prints: Sequence[str], seconds: Sequence[float]) -> list[tuple[int, int]]:
    """Pairs (i, j), i < j, that are the same recording."""
    known = [i for i, text in enumerate(prints) if text]
    levels = {i: np.frombuffer(base64.b64decode(prints[i]), dtype=np.uint8).astype(np.float32) for i in known}
    known = [i for i in known if levels[i].std() > 1]
    if len(known) < 2:
        return []
    order = sorted(known, key=lambda i: seconds[i])
    small = np.stack([_thumbnail(levels[i]) for i in order])
    tolerance = LENGTH_TOLERANCE * 0.015
    pairs = []
    for at, i in enumerate(order):
        end = at + 1
        while end < len(order) and seconds[order[end]] - seconds[i] <= tolerance:
            end += 1
        near = small[at + 1 : end] @ small[at]
        for step in np.flatnonzero(near >= THUMBNAIL_LIKENESS):
            j = order[at + 1 + int(step)]
            if _likeness(levels[i], levels[j]) >= LIKENESS:
                pairs.append((min(i, j), max(i, j)))
    return sorted(pairs)


def _normal(values: NDArray[np.float32]) -> NDArray[np.float32]:
    centred = values - values.mean()
    return np.asarray(centred / max(float(np.linalg.norm(centred)), 1e-9))


def _thumbnail(level: NDArray[np.float32]) -> NDArray[np.float32]:
    edges = np.linspace(0, len(level), THUMBNAIL + 1).astype(int)[:-1]
    return _normal(np.asarray(np.add.reduceat(level, edges) / np.diff([*edges, len(level)]), dtype=np.float32))


def _likeness(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Correlation at the best of a few lags."""
    best = -1.0
    for lag in range(-LAG, LAG + 1):
        a, b = one[max(0, lag) :], other[max(0, -lag) :]
        length = min(len(a), len(b))
        best = max(best, float(_normal(a[:length]) @ _normal(b[:length])))
    return best
