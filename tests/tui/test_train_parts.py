"""What the train screen draws and says, without a screen: curves, pace, shares of a GPU, bottlenecks, prices."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pretended
import pytest

from rvc_engine import events as ev
from rvc_engine.client.machine import Machine, SwapMeter, share_of
from rvc_engine.client.pace import Span, seconds_a_step, steps_a_second, time_left
from rvc_engine.client.state import ScreenState
from rvc_engine.machine.gpus import Gpu
from rvc_engine.run.view import RunView
from rvc_tui.bottlenecks import bottlenecks, no_bottleneck
from rvc_tui.plot import Layer, Plot, round_up, smoothed, symbols, value_range
from rvc_tui.preferences import Price, kept_price, path, read_price, save_preference
from rvc_tui.widgets.advisor import recommendation, table
from rvc_tui.widgets.losses import CURVES
from rvc_tui.widgets.memory import gpu_line, machine_lines, memory_bar
from rvc_tui.widgets.pace import norm_worry
from rvc_tui.widgets.panel import changed_part

GIB = 1 << 30
T0 = pretended.T0


def training(epochs: int, seconds: list[float], *, data: float = 0.0, norm: float = 10.0) -> RunView:
    """A training of 10 steps an epoch; `seconds`: of a step in each epoch, in turn."""
    view, at, step = RunView(), T0 + 10.0, 0
    for event in (
        *pretended.started(),
        ev.StageStarted(at=at, stage="train"),
        ev.Progressed(stage="train", done=0, total=1000, unit="steps"),
    ):
        view.fold(event)
    for epoch in range(1, epochs + 1):
        for _ in range(10):
            step, each = step + 1, seconds[(epoch - 1) % len(seconds)]
            at += each
            losses, norms = {"total": 30.0, "mel": 20.0}, {"g": norm, "d": 1.0}
            view.fold(
                ev.TrainStepped(
                    at=at,
                    step=step,
                    epoch=epoch,
                    epochs=100,
                    losses=losses,
                    learning_rate=1e-4,
                    grad_norms=norms,
                    seconds=each * (1 - data),
                    data_seconds=each * data,
                )
            )
        view.fold(ev.EpochFinished(at=at, epoch=epoch, epochs=100, step=step, losses={}, seconds=1.0))
    return view


def test_smoothing_is_that_of_tensorboard() -> None:
    values, weight, last, expected = [5.0, 1.0, 4.0, 4.0, -2.0], 0.9, 0.0, []
    for count, value in enumerate(values, 1):  # as its documentation defines it
        last = last * weight + (1 - weight) * value
        expected.append(last / (1 - weight**count))
    assert smoothed([(value, 1) for value in values], weight) == pytest.approx(expected)
    assert smoothed([(value, 1) for value in values], 0.0) == values
    assert smoothed([(1.0, 1), (4.0, 1), (4.0, 1)], weight)[-1] == pytest.approx(
        smoothed([(1.0, 1), (4.0, 2)], weight)[-1]
    )


def test_ranges_read_well_and_hold_the_curve() -> None:
    assert [round_up(value) for value in (0.9, 1.01, 21, 100, 4500, 0)] == [1.0, 1.2, 25, 100, 5000, 1.0]
    assert value_range([10.0, 60.0], [10.0, 60.0], log=False) == (0, 60)
    low, high = value_range([12.0, 14.0], [13.0] * 98 + [1e9, -1e9], log=False)
    assert low <= 12 and 14 <= high < 20  # an outlier of the raw values does not squeeze the curve
    assert value_range([0.5, 90.0], [], log=True) == (0.5, 100.0)
    flat = value_range([3.0], [3.0], log=False)
    assert flat[0] < 3 < flat[1] and value_range([3.0], [], log=True)[0] < value_range([3.0], [], log=True)[1]


def drawn(plot: Plot, points: list[tuple[float, float]]) -> list[str]:
    plot.line(Layer("m", ""), points)
    return [plot.text(row).plain for row in range(plot.height)]


def test_a_line_goes_from_corner_to_corner() -> None:
    points = [(float(x), float(x)) for x in range(100)]
    assert drawn(Plot(4, 4, (0, 100), (0, 99), symbols="ascii"), points) == ["   m", "  m ", " m  ", "m   "]
    assert drawn(Plot(2, 1, (0, 100), (0, 99), symbols="braille"), points) == ["⡠⠊"]
    assert drawn(Plot(2, 2, (0, 100), (0, 99), symbols="block"), points) == [" ▞", "▞ "]
    jump = drawn(Plot(3, 4, (0, 3), (0, 3), symbols="ascii"), [(0.0, 0.0), (1.5, 3.0), (2.5, 3.0)])
    assert [row.strip() for row in jump] == ["mm", "m", "m", "m"]  # joined


def test_a_logarithmic_axis_spreads_the_small() -> None:
    plot = Plot(8, 5, (0, 10), (1.0, 10_000.0), log=True, symbols="ascii")
    assert [plot.row(value) for value in (10_000, 1000, 100, 10, 1, 0.1)] == [0, 1, 2, 3, 4, 4]
    assert plot.ticks() == [1, 10, 100, 1000, 10_000]
    assert "10" in "".join(plot.labels()) and all(len(label) == 9 for label in plot.labels())


def test_axis_has_numbers_and_a_unit() -> None:
    line, numbers = Plot(60, 5, (0, 400), (0, 1), symbols="ascii").axis("steps")
    assert numbers.split() == ["0", "100", "200", "300", "400", "steps"] and line.isascii() and line.count("+") == 6
    assert symbols(ascii=True) == "ascii"


@pytest.mark.parametrize(
    ("term", "asked", "drawn"), [("xterm", "", "braille"), ("linux", "", "block"), ("xterm", "block", "block")]
)
def test_symbols_suit_the_terminal(monkeypatch: pytest.MonkeyPatch, term: str, asked: str, drawn: str) -> None:
    monkeypatch.setenv("TERM", term)
    monkeypatch.setenv("RVC_TUI_GRAPH", asked)
    assert symbols(ascii=False) == drawn


def test_only_the_changed_part_of_a_line_is_repainted() -> None:
    from rich.text import Text

    assert changed_part(Text("abc"), Text("abc")) is None
    assert changed_part(Text("abcde"), Text("abXde")) == (2, 1)
    assert changed_part(Text("abc"), Text("abcd")) == (3, 1) and changed_part(Text("abc"), Text("a")) == (1, 2)
    assert changed_part(Text.assemble("a", ("b", "bold"), "c"), Text("abc")) == (1, 1)
    assert changed_part(Text("声a"), Text("声b"))[0] == 0  # type: ignore[index]


# --- pace -------------------------------------------------------------------------------------------------------------
def test_time_left_has_a_range_from_the_spread_of_epochs() -> None:
    left = time_left(training(10, [1.0, 1.2, 0.8]))
    assert (
        left is not None
        and left.middle == pytest.approx(900)
        and left.low == pytest.approx(720)
        and left.high == pytest.approx(1080)
    )
    assert str(left) == "15 min (12..18)"
    assert str(Span(50, 50, 50.1)) == "50 s" and str(Span(9000, 7200, 10800)) == "2.5 h (2..3)"


def test_time_left_before_an_epoch_has_ended() -> None:
    view = training(1, [0.5])
    assert len(seconds_a_step(view)) >= 2 and steps_a_second(view) == pytest.approx(2.0)
    left = time_left(view)
    assert left is not None and left.middle == pytest.approx(495)
    assert time_left(RunView()) is None
    view.fold(ev.RunFinished(at=T0 + 20, seconds=1.0))
    assert time_left(view) is None


def test_gradients_above_the_limit_are_reported() -> None:
    assert norm_worry(training(3, [1.0]), "g") == ""
    assert norm_worry(training(3, [1.0], norm=2000.0), "g") == "too high"
    view = training(3, [1.0])
    view.fold(pretended_step(31, {"g": 5000.0, "d": 1.0}))
    assert norm_worry(view, "g") == "high"  # once is no problem yet


def pretended_step(step: int, norms: dict[str, float]) -> ev.TrainStepped:
    return ev.TrainStepped(
        at=T0 + 99, step=step, epoch=1, epochs=9, losses={}, learning_rate=1e-4, grad_norms=norms, seconds=1.0
    )


# --- the machine ------------------------------------------------------------------------------------------------------
def state_with(gpu: Gpu | None, view: RunView, **more: float) -> ScreenState:
    state = ScreenState(view=view)
    state.note_machine(
        Machine(1.0, (gpu,) if gpu else (), "" if gpu else "no NVIDIA driver", 90.0, 16 * GIB, 8 * GIB, **more)
    )  # type: ignore[arg-type]
    return state


def holding(view: RunView, context: int | None) -> RunView:
    view.fold(
        ev.MemorySampled(rss_bytes=GIB, gpus=[{"uuid": "GPU-a", "index": 0, "reserved": 4 * GIB, "context": context}])
    )
    return view


RTX = Gpu(0, "NVIDIA GeForce RTX 4090", "GPU-a", 24 * GIB, 8 * GIB, 16 * GIB, 97, 61, 300.0, 450.0)


def test_share_of_a_gpu_is_given_as_far_as_it_is_known() -> None:
    share = share_of(RTX, holding(training(1, [1.0]), GIB // 2), running=True)
    assert (share.run, share.others, share.exact) == (4 * GIB + GIB // 2, 3 * GIB + GIB // 2, True)
    container = share_of(RTX, holding(training(1, [1.0]), None), running=True)
    assert (container.run, container.others, container.others_at_most) == (
        4 * GIB,
        None,
        4 * GIB,
    ) and not container.exact
    assert share_of(RTX, holding(training(1, [1.0]), None), running=False).others == 8 * GIB  # it has ended
    assert share_of(Gpu(1, uuid="GPU-b", memory_used=GIB), holding(training(1, [1.0]), None), running=True).run == 0
    assert share_of(Gpu(0, uuid="GPU-a"), holding(training(1, [1.0]), None), running=True).others is None


def test_gpu_line_fits_and_says_unknown() -> None:
    view = holding(training(1, [1.0]), None)
    line = gpu_line(RTX, share_of(RTX, view, running=True), 78)
    assert line == "GPU 0 RTX  8.0/24.0 GiB (run 4.0+, others at most 4.0)  97 %  61 C  300/450 W" and len(line) <= 78
    silent = Gpu(0, "A100", "GPU-a")
    assert "(run 4.0+, others unknown)  n/a %  n/a C  n/a W" in gpu_line(
        silent, share_of(silent, view, running=True), 100
    )
    exact = share_of(RTX, holding(training(1, [1.0]), 0), running=True)
    assert memory_bar(RTX, exact, 26, ascii=True).plain == "[####++++................]"
    assert memory_bar(silent, exact, 26, ascii=True).plain == ""
    mig = Gpu(0, "NVIDIA A100", mig=True)
    assert gpu_line(mig, share_of(mig, RunView(), running=False), 80).endswith("MIG")


def test_cpu_line_gives_the_share_of_the_run() -> None:
    line = machine_lines(state_with(None, holding(training(1, [1.0]), None), swap_used=GIB), 100, 1.0)[0].plain
    assert line == "CPU 90 %  memory 8.0/16.0 GiB (run 1.0, others 7.0)  swap 1.0  no GPU: no NVIDIA driver"


def test_bottlenecks_are_named() -> None:
    calm = state_with(RTX, holding(training(2, [1.0]), GIB))
    assert bottlenecks(calm) == ["another user holds 3.0 GiB of GPU 0"]
    calm.view.gpus[0]["context"] = 4 * GIB
    assert bottlenecks(calm) == [] and no_bottleneck(calm) == "none: the GPU is 97 % busy, waiting for data 0%"
    data = bottlenecks(state_with(RTX, training(2, [1.0], data=0.4)))
    assert data[0].startswith("waiting for data 40% of the time")
    idle = Gpu(0, "A100", "GPU-a", 24 * GIB, int(23.9 * GIB), 0, 20)
    found = " / ".join(bottlenecks(state_with(idle, holding(training(2, [1.0]), None))))
    assert "only 20 % busy" in found and "memory of GPU 0 is full" in found and "another user holds 19" in found
    swapping = bottlenecks(state_with(None, training(2, [1.0]), swapped_in_s=12.0 * (1 << 20)))
    assert swapping == ["memory spills to the disk (12 MiB/s swapped in): close programs, or a smaller batch"]
    view = training(1, [1.0])
    view.fold(ev.Paused(stage="train", reason="the disk is full"))
    assert bottlenecks(state_with(None, view)) == ["paused: the disk is full"]
    assert no_bottleneck(state_with(None, training(1, [1.0]))).startswith("none: the CPU is 90 % busy")


def test_swap_is_measured_between_two_readings() -> None:
    meter = SwapMeter()
    assert meter.read(1.0)[1] is None and (meter.read(2.0)[1] or 0.0) >= 0.0


# --- batch sizes, prices ----------------------------------------------------------------------------------------------
def test_table_of_batch_sizes_keeps_the_recommended_one_in_sight() -> None:
    rows = [{"batch_size": 2**n, "memory_bytes": GIB * 2**n, "samples_per_s": 1.5 * n if n else None} for n in range(7)]
    advice = {"batch": rows, "recommended": 32}
    lines = [line.plain.split() for line in table(advice, 80)]
    assert (
        lines[0] == ["batch", "1", "2", "4", "8", "16", "32*", "64"]
        and lines[2][1:3] == ["-", "1.5"]
        and lines[1][-1] == "64.0"
    )
    assert "32*" in table(advice, 30)[0].plain and max(len(line.plain) for line in table(advice, 30)) <= 30
    assert table({"batch": [], "recommended": 4}, 80) == []


def test_what_fits_with_checkpointing_is_said_where_it_is_more() -> None:
    advice = {"largest": 2, "recommended": 4}
    assert "2 the largest that fits, 17 with" in recommendation({**advice, "largest_checkpointed": 17}).plain
    assert recommendation({**advice, "largest_checkpointed": 2}).plain.endswith("2 the largest that fits")


def test_prices() -> None:
    assert [str(read_price(text)) for text in ("0.30", "$0.30", "0,3 EUR", " 2 ", "1.5/h")] == [
        "0.30",
        "$0.30",
        "0.30 EUR",
        "2.00",
        "1.50",
    ]
    assert [read_price(text) for text in ("", "cheap", "$1 EUR", "1.2.3")] == [None] * 4
    assert Price(2.0, "$").of(1800) == "$1.00"


def test_price_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    assert kept_price() is None
    assert save_preference("other", 1) == "" and save_preference("price_per_hour", "$0.30") == ""
    assert kept_price() == Price(0.3, "$") and json.loads(path().read_text())["other"] == 1
    path().write_text("{")
    assert kept_price() is None
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "file"))
    (tmp_path / "file").touch()
    assert "file" in save_preference("x", 1)


def test_every_curve_of_the_engine_is_explained() -> None:
    names = {
        "total",
        "mel",
        "kl",
        "feature",
        "adversarial",
        "discriminator",
        "grad norm g",
        "grad norm d",
        "learning rate",
    }
    assert {curve.name for curve in CURVES} == names and len({curve.mark for curve in CURVES}) == len(names)
    assert all(curve.what and curve.good and curve.normal for curve in CURVES)
    assert math.isclose(CURVES[6].limit or 0, 1000) and math.isclose(CURVES[7].limit or 0, 100)
