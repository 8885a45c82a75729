"""The history of a training: exact of late, means before, the same after a run went back, and flat in memory."""

from __future__ import annotations

import itertools
import math
import tracemalloc

import pytest

from rvc_engine.events import (
    EpochFinished,
    MemorySampled,
    Paused,
    Progressed,
    RunStarted,
    StepsSuperseded,
    TrainStepped,
)
from rvc_engine.run.curves import BINS, RECENT, Curves
from rvc_engine.run.view import RunView


def filled(steps: int) -> Curves:
    curves = Curves()
    for step in range(1, steps + 1):
        curves.add(step, 100.0 + step, 0.5, {"total": float(step)})
        if step % 10 == 0:
            curves.end_epoch(step // 10, step)
    return curves


def test_short_history_is_exact() -> None:
    points = list(filled(50).points("total"))
    assert [(p.step, p.value, p.steps) for p in points] == [(n, float(n), 1) for n in range(1, 51)]
    assert points[0].seconds == 0.5 and points[-1].seconds == pytest.approx(49.5)  # by the clock, with the waits
    assert list(filled(3).points("nothing")) == []


def test_long_history_keeps_every_step_in_a_mean() -> None:
    curves = filled(20_000)
    points = list(curves.points("total"))
    assert len(points) < BINS + RECENT and curves.last_step == 20_000
    assert [p.value for p in points[-RECENT:]] == [float(n) for n in range(20_000 - RECENT + 1, 20_001)]
    bins = [p for p in points if p.steps > 1]
    assert all(p.value == pytest.approx(p.step - (p.steps - 1) / 2) for p in bins)
    assert [b.step - a.step for a, b in itertools.pairwise(bins)] == [curves.stride] * (len(bins) - 1)


@pytest.mark.parametrize("back", [19_990, 19_000, 12_345, 3, 0])
def test_going_back_takes_the_place_of_later_steps(back: int) -> None:
    curves = filled(20_000)
    for step in range(back + 1, back + 201):
        curves.add(step, 90_000.0 + step, 0.5, {"total": -1.0})
    points = list(curves.points("total"))
    steps = [p.step for p in points]
    assert steps == sorted(set(steps)) and steps[-1] == back + 200
    assert sum(p.value == -1.0 for p in points) >= 200 // curves.stride - 1
    assert all(p.value > 0 for p in points if p.step <= back)


def test_what_is_not_finite_or_not_there_is_left_out() -> None:
    curves = filled(3)
    curves.add(4, 104.0, 0.5, {"total": math.nan, "late": 2.0})
    curves.add(5, 105.0, 0.5, {"total": 5.0, "late": 3.0})
    assert [p.step for p in curves.points("total")] == [1, 2, 3, 5] and [p.step for p in curves.points("late")] == [
        4,
        5,
    ]
    assert curves.names == ["total", "late"]


def test_epochs_lie_between_their_ends() -> None:
    curves = filled(100)
    assert [curves.epoch_at(step) for step in (0, 5, 10, 95, 105)] == [0, 0.5, 1, 9.5, 10.5]
    assert Curves().epoch_at(5) == 0.0
    curves.forget_after(50)
    curves.end_epoch(6, 80)  # another batch size
    assert curves.epoch_at(65) == 5.5


def test_memory_stays_flat() -> None:
    curves = Curves()
    sizes = []
    tracemalloc.start()
    for step in range(1, 60_001):
        curves.add(step, float(step), 0.5, {"total": 1.0, "mel": 2.0})
        if step % 20_000 == 0:
            sizes.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    assert sizes[-1] < sizes[0] * 1.2 and sizes[-1] < 2_000_000


def started(run: int) -> RunStarted:
    return RunStarted(
        at=50.0, run=run, name="a", folder="/a", pid=1, host="h", version="0", preset="starter", stages=["train"]
    )


def stepped(step: int, at: float) -> TrainStepped:
    norms = {"g": 5.0, "d": 1.0}
    return TrainStepped(
        at=at, step=step, epoch=1, epochs=9, losses={"total": 1.0}, learning_rate=1e-4, grad_norms=norms, seconds=0.5
    )


def test_curves_outlive_a_run_and_nothing_else_does() -> None:
    view = RunView()
    for event in (
        started(1),
        stepped(1, 60.0),
        stepped(2, 61.0),
        EpochFinished(at=61.0, epoch=1, epochs=9, step=2, losses={}, seconds=1),
    ):
        view.fold(event)
    assert view.curves.names == ["total", "grad norm g", "grad norm d", "learning rate"] and len(view.epoch_ends) == 1
    view.fold(started(2))
    assert view.losses == {} and not view.epoch_ends and [p.step for p in view.curves.points("total")] == [1, 2]
    view.fold(StepsSuperseded(after_step=1, epoch=0))
    view.fold(stepped(2, 9_000.0))
    # the night between is no training
    assert [(p.step, p.seconds) for p in view.curves.points("total")] == [
        (1, 0.5),
        (2, 1.0),
    ]
    view.fold(EpochFinished(at=9_001.0, epoch=1, epochs=9, step=2, losses={}, seconds=1))
    view.fold(Paused(stage="train", reason="the disk is full"))
    assert not view.epoch_ends  # the pause says nothing of the pace
    view.fold(Progressed(stage="train", done=2, total=9, unit="steps"))
    view.fold(MemorySampled(rss_bytes=5, gpu_bytes=7, gpus=[{"uuid": "u", "index": 0, "reserved": 7, "context": None}]))
    assert view.gpus[0]["reserved"] == 7
