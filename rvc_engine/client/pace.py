"""The speed and the remaining time of a training: pure functions of a run's view."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from rvc_engine.run.stage_list import has_steps
from rvc_engine.run.view import RunView, StageView

STEPS = 50  # the latest, for steps/s
GROUPS = 5  # of steps, while fewer than EPOCHS epochs have ended
EPOCHS = 3


@dataclass(frozen=True)
class Span:
    """Seconds: the median, and the range of most values."""

    middle: float
    low: float
    high: float

    def __str__(self) -> str:
        unit, name = (1.0, "s") if self.middle < 120 else (60.0, "min") if self.middle < 7200 else (3600.0, "h")
        middle, low, high = (short(seconds / unit) for seconds in (self.middle, self.low, self.high))
        return f"{middle} {name}" if low == high else f"{middle} {name} ({low}..{high})"


def short(value: float) -> str:
    return f"{value:.0f}" if value >= 20 else f"{value:.1f}".removesuffix(".0")


def in_training(view: RunView) -> StageView | None:
    """The stage whose steps are displayed: the one that runs, if it has steps, else the last that has some."""
    having = [stage for stage in view.stages.values() if has_steps(stage.name)]
    return next((stage for stage in having if stage.name == view.stage), having[-1] if having else None)


def steps_a_second(view: RunView) -> float | None:
    """By wall-clock time, over the latest steps of this run: includes waiting and saving."""
    rows = list(view.curves.recent)[-STEPS:]
    times = [row.at for row in rows if row.at >= view.started_at]
    return (len(times) - 1) / (times[-1] - times[0]) if len(times) > 1 and times[-1] > times[0] else None


def seconds_a_step(view: RunView) -> list[float]:
    """One value for each of the latest epochs; while these are few, for each group of the latest steps."""
    ends = list(view.epoch_ends)
    epochs = [(b[0] - a[0]) / (b[1] - a[1]) for a, b in pairwise(ends) if b[1] > a[1] and b[0] > a[0]]
    if len(epochs) >= EPOCHS:
        return epochs
    rows = [(row.at, row.step) for row in view.curves.recent if row.at >= view.started_at]
    size = max(len(rows) // GROUPS, 1)
    marks = rows[::-size][::-1] if len(rows) > 1 else []
    return [(b[0] - a[0]) / (b[1] - a[1]) for a, b in pairwise(marks) if b[1] > a[1] and b[0] > a[0]]


def time_left(view: RunView) -> Span | None:
    """The remaining time of the training; None when it does not run, or has too few steps."""
    stage = in_training(view)
    if view.state != "running" or stage is None or stage.state != "running":
        return None
    left, paces = stage.total - view.step, sorted(seconds_a_step(view))
    if left <= 0 or not paces:
        return None
    edge = len(paces) // 8  # the slowest and the fastest eighth are left out
    return Span(left * median(paces), left * paces[edge], left * paces[len(paces) - 1 - edge])


def run_seconds(view: RunView, now: float) -> float:
    if not view.started_at:
        return 0.0
    return max(0.0, (now if view.state == "running" else view.updated_at) - view.started_at)


def waiting_share(view: RunView) -> float:
    """The share of the latest steps' time that was spent waiting for data."""
    total = sum(seconds for _waited, seconds in view.waits)
    return sum(waited for waited, _ in view.waits) / total if total > 0 else 0.0
