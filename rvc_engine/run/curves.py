"""The curves of a training: the latest steps one by one, before them means of neighbours. The memory that they need
does not grow with the length of the training."""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left
from collections import deque
from collections.abc import Iterator, Mapping
from typing import NamedTuple

BINS = 2048  # at most so many means; then pairs are merged
RECENT = 1024  # steps that are kept one by one
MARKS = 2048  # ends of epochs that are kept
GAP_S = 600.0  # a longer wait between two steps does not count as training


class Point(NamedTuple):
    """The mean `value` of so many `steps`, the last of them `step`, after `seconds` of training."""

    step: int
    seconds: float
    steps: int
    value: float


class Row(NamedTuple):
    step: int
    at: float
    seconds: float
    values: Mapping[str, float]


class Curves:
    """Named series by step. A step that comes again, because a run resumed from a checkpoint, replaces that step and
    all later ones."""

    def __init__(self) -> None:
        self.recent: deque[Row] = deque(maxlen=RECENT)
        self.stride = 1
        self._steps, self._counts, self._seconds = array("q"), array("q"), array("d")
        self._series: dict[str, array[float]] = {}
        self._sums: dict[str, float] = {}
        self._pending = 0
        self._at = 0.0
        self._marks: list[tuple[int, int]] = []  # (last step, epoch)

    # --- adding -------------------------------------------------------------------------------------------------------
    def add(self, step: int, at: float, seconds: float, values: Mapping[str, float]) -> None:
        """A step that ended at time `at` and took `seconds`."""
        if self.recent and step <= self.recent[-1].step:
            self.forget_after(step - 1)
        before = self.recent[-1].seconds if self.recent else self._seconds[-1] if self._seconds else 0.0
        passed = at - self._at if self._at else seconds
        elapsed = before + (passed if seconds <= passed <= seconds + GAP_S else seconds)
        self._at = at
        self.recent.append(Row(step, at, elapsed, values))
        self._sum(values)
        if self._pending >= self.stride:
            self._close_bin(step, elapsed)

    def _sum(self, values: Mapping[str, float]) -> None:
        sums = self._sums
        for name, value in values.items():
            sums[name] = sums.get(name, 0.0) + value
        self._pending += 1

    def _close_bin(self, step: int, elapsed: float) -> None:
        for name in self._sums:
            if name not in self._series:
                self._series[name] = array("d", [math.nan]) * len(self._steps)
        for name, series in self._series.items():
            series.append(self._sums[name] / self._pending if name in self._sums else math.nan)
        self._steps.append(step)
        self._counts.append(self._pending)
        self._seconds.append(elapsed)
        self._sums, self._pending = {}, 0
        if len(self._steps) >= BINS:
            self._halve()

    def _halve(self) -> None:
        counts, pairs = self._counts, range(0, len(self._counts), 2)
        for name, series in self._series.items():
            sums = (series[i] * counts[i] + series[i + 1] * counts[i + 1] for i in pairs)
            self._series[name] = array(
                "d", (total / (counts[i] + counts[i + 1]) for i, total in zip(pairs, sums, strict=True))
            )
        self._counts = array("q", (counts[i] + counts[i + 1] for i in pairs))
        self._steps, self._seconds = self._steps[1::2], self._seconds[1::2]
        self.stride *= 2

    def end_epoch(self, epoch: int, step: int) -> None:
        while self._marks and (self._marks[-1][0] >= step or self._marks[-1][1] >= epoch):
            self._marks.pop()
        self._marks.append((step, epoch))
        if len(self._marks) > MARKS:
            del self._marks[1:-1:2]

    def new_run(self) -> None:
        """The time until the next step does not count as training."""
        self._at = 0.0

    def forget_after(self, step: int) -> None:
        """Later steps are void: they are done again."""
        while self.recent and self.recent[-1].step > step:
            self.recent.pop()
        kept = len(self._steps)
        while kept and self._steps[kept - 1] > step:
            kept -= 1
        del self._steps[kept:], self._counts[kept:], self._seconds[kept:]
        for series in self._series.values():
            del series[kept:]
        while self._marks and self._marks[-1][0] > step:
            self._marks.pop()
        self._sums, self._pending, self._at = {}, 0, 0.0
        binned = self._steps[-1] if self._steps else -1
        for row in self.recent:
            if row.step > binned:
                self._sum(row.values)

    # --- reading ------------------------------------------------------------------------------------------------------
    @property
    def names(self) -> list[str]:
        return list(dict.fromkeys([*self._series, *self._sums]))

    @property
    def last_step(self) -> int:
        """0 before the first."""
        return self.recent[-1].step if self.recent else self._steps[-1] if self._steps else 0

    def points(self, name: str) -> Iterator[Point]:
        """Means first, then the recent steps one by one; what is not finite is left out."""
        series = self._series.get(name, ())
        recent_from = self.recent[0].step if self.recent else math.inf
        for step, seconds, count, value in zip(self._steps, self._seconds, self._counts, series, strict=False):
            if step >= recent_from:
                break
            if math.isfinite(value):
                yield Point(step, seconds, count, value)
        for row in self.recent:
            if math.isfinite(value := row.values.get(name, math.nan)):
                yield Point(row.step, row.seconds, 1, value)

    def epoch_at(self, step: float) -> float:
        """Epochs done by a step, within one by proportion. 0 where no epoch has ended yet."""
        marks = self._marks
        if not marks:
            return 0.0
        after = min(bisect_left(marks, (step, 0)), len(marks) - 1)  # beyond the last: at its pace
        (a, low), (b, high) = marks[after - 1] if after else (0, 0), marks[after]
        return low + (high - low) * (step - a) / (b - a)
