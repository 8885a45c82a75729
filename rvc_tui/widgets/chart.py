"""The history of a training as curves over an axis, drawn at most twice a second."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from rich.text import Text

from rvc_engine.client.pace import in_training
from rvc_engine.client.state import ScreenState
from rvc_engine.common.printable import printable
from rvc_engine.run.curves import Curves, Point
from rvc_engine.run.view import GRAD_NORM, RunView
from rvc_tui.drawing import number
from rvc_tui.plot import DOTS, LABEL, Layer, Plot, round_up, smoothed, symbols, value_range
from rvc_tui.texts import N_, _
from rvc_tui.widgets.losses import CURVES, Curve, known
from rvc_tui.widgets.panel import Panel, join

REDRAW_S = 0.5
WEIGHTS = (0.0, 0.6, 0.9, 0.987)
AXES = (N_("step"), N_("epoch"), N_("time"))
COLUMN = 20  # characters of a curve's name
ZOOMS = 10  # each shows half as much
RAW = "bright_black"


@dataclass
class Look:
    """How the curves are drawn. `right`: the right end of what is visible, in units of the axis; None follows the
    newest step."""

    drawn: list[str] = field(default_factory=lambda: ["total", "mel"])
    weight: float = 0.9
    log: bool = False
    axis: str = "step"
    zoom: int = 0
    right: float | None = None

    def words(self) -> str:
        parts = [
            _("smoothing {weight}").format(weight=f"{self.weight:g}") if self.weight else _("raw"),
            *([_("log")] if self.log else []),
        ]
        parts.append(_("by {axis}").format(axis=_(self.axis)))
        return _(", ").join(parts + ([_("zoom {times}x").format(times=2**self.zoom)] if self.zoom else []))


class ChartPanel(Panel):
    TITLE = "Losses"

    def __init__(self, *, ascii: bool, id: str | None = None, look: Look | None = None) -> None:
        super().__init__(ascii=ascii, id=id)
        self.look = look or Look()
        self._drawn_at = 0.0

    def show(self, state: ScreenState, now: float) -> None:
        """Not more often than a chart is worth."""
        if time.monotonic() - self._drawn_at >= REDRAW_S or self._last is None or self._last[0] is not state:
            self.draw_now(state, now)

    def draw_now(self, state: ScreenState, now: float) -> None:
        self._drawn_at = time.monotonic()
        super().show(state, now)

    def redraw(self) -> None:
        """After a key."""
        if self._last is not None:
            self.draw_now(*self._last)

    def on_resize(self) -> None:
        self.redraw()

    def draw(self, state: ScreenState, width: int, now: float) -> Text:
        title = f"{_(self.TITLE)}: {self.look.words()}"
        if self.border_title != title:
            self.border_title = title
        view = state.view
        drawn = [known(name) for name in self.look.drawn if name in view.curves.names] or self.others(view)
        height = self.content_size.height
        if not drawn:
            return Text(
                _("nothing of this was recorded")
                if view.curves.last_step
                else _("drawn from the first step of training on"),
                "dim",
            )
        if height < 5:
            return self.legend(view, drawn, width)
        return join([self.legend(view, drawn, width), *self.plot_lines(view, drawn, width, height - 1)])

    def others(self, view: RunView) -> list[Curve]:
        """The first two of a training that has other curves: that of a content encoder."""
        gradients = self.look.drawn[0].startswith(GRAD_NORM)
        names = [name for name in view.curves.names if name.startswith(GRAD_NORM) == gradients]
        return [curve for name in names if (curve := known(name)) not in CURVES][:2]

    def legend(self, view: RunView, drawn: list[Curve], width: int) -> Text:
        """The letter, name and last value of each curve that is drawn; the raw value too where there is room."""
        line = Text()
        for raw in (bool(self.look.weight), False):
            parts = [part for curve in drawn if (part := self.figures(view, curve, raw=raw))]
            line = Text("  ").join(parts)
            if line.cell_len <= width:
                break
        return line

    def figures(self, view: RunView, curve: Curve, *, raw: bool) -> Text:
        points = list(view.curves.points(curve.name))
        if not points:
            return Text()
        last = smoothed(((point.value, point.steps) for point in points), self.look.weight)[-1]
        part = Text.assemble((f"{curve.mark} {printable(curve.name, COLUMN)} ", curve.style), number(last))
        part.append(_(" (raw {value})").format(value=number(points[-1].value)) if raw else "", "dim")
        return part.append(" !" if curve.limit is not None and last > curve.limit else "", "bold red")

    # --- the field ----------------------------------------------------------------------------------------------------
    def plot_lines(self, view: RunView, drawn: list[Curve], width: int, height: int) -> list[Text]:
        place, unit = axis_of(view, self.look.axis)
        series = [(curve, points) for curve in drawn if (points := list(view.curves.points(curve.name)))]
        ends = [place(points[-1]) for _curve, points in series]
        if not ends:
            return [Text(_("nothing of this was recorded"), "dim")]
        across = self.window(max(ends), min(place(points[0]) for _curve, points in series))
        lines: list[tuple[Curve, list[tuple[float, float]]]] = []
        raw: list[tuple[Curve, list[tuple[float, float]]]] = []
        for curve, points in series:
            xs = [place(point) for point in points]
            ys = smoothed(((point.value, point.steps) for point in points), self.look.weight)
            lines.append((curve, self.seen(zip(xs, ys, strict=True), across)))
            raw.append((curve, self.seen(zip(xs, (point.value for point in points), strict=True), across)))
        flat = [y for _curve, points in lines for _x, y in points]
        if not flat:
            return [Text(_("nothing here: z shows the whole history, > moves on"), "dim")]
        bounds = value_range(flat, [y for _curve, points in raw for _x, y in points], log=self.look.log)
        plot = Plot(max(width - LABEL - 4, 8), height - 2, across, bounds, self.look.log, symbols(ascii=self.ascii))
        if self.look.weight:
            for _curve, seen in raw:
                plot.scatter(Layer(".", RAW), seen)
        for curve, seen in lines:
            plot.line(Layer(curve.mark, curve.style), seen)
        return self.with_axes(plot, lines, unit)

    def with_axes(self, plot: Plot, lines: list[tuple[Curve, list[tuple[float, float]]]], unit: str) -> list[Text]:
        """Values to the left, the letter of each curve where it ends, steps or time below."""
        letters: dict[int, Curve] = {}
        for value, curve in sorted(
            ((points[-1][1], curve) for curve, points in lines if points), key=lambda end: -end[0]
        ):
            row = plot.row(value) // DOTS[plot.symbols][1]
            free = [place for place in range(plot.height) if place not in letters]
            if free:  # where two end in one row, the lower curve has the row below
                letters[min(free, key=lambda place: (abs(place - row), -place))] = curve
        drawn = []
        for row, label in enumerate(plot.labels()):
            line = Text.assemble((label, "dim"), plot.text(row))
            if row in letters:
                line.append(f" {letters[row].mark}", letters[row].style)
            drawn.append(line)
        return drawn + [Text(line, "dim") for line in plot.axis(unit)]

    def seen(self, points: Iterable[tuple[float, float]], across: tuple[float, float]) -> list[tuple[float, float]]:
        low, high = across
        return [(x, y) for x, y in points if low <= x <= high and (y > 0 or not self.look.log)]

    def window(self, last: float, first: float) -> tuple[float, float]:
        """The part of the axis that is visible. Its ends are rounded, so that the picture stays where it is while it
        grows."""
        low = 0.0 if first < last / 4 else math.floor(first)
        whole = round_up(max(last - low, 1e-9))
        if not self.look.zoom:
            return low, low + whole
        width = whole / 2**self.look.zoom
        end = math.ceil(last / (width / 8) - 1e-9) * width / 8
        right = end if self.look.right is None else max(low + width, min(self.look.right, end))
        return right - width, right

    # --- keys ---------------------------------------------------------------------------------------------------------
    def zoom_by(self, steps: int) -> None:
        self.look.zoom = max(0, min(ZOOMS, self.look.zoom + steps))
        if not self.look.zoom:
            self.look.right = None
        self.redraw()

    def pan(self, halves: int) -> None:
        """By half of what is visible; at the newest it follows again."""
        if self._last is None or not self.look.zoom:
            return
        view = self._last[0].view
        place, _unit = axis_of(view, self.look.axis)
        points = [p for name in self.look.drawn for p in list(view.curves.points(name))]
        if not points:
            return
        last, first = max(map(place, points)), min(map(place, points))
        low, high = self.window(last, first)
        right = high + halves * (high - low) / 2
        self.look.right = None if right >= last else right
        self.redraw()

    def whole(self) -> None:
        self.look.zoom, self.look.right = 0, None
        self.redraw()

    def next_axis(self) -> None:
        self.look.axis = AXES[(AXES.index(self.look.axis) + 1) % len(AXES)]
        self.whole()

    def next_weight(self) -> None:
        self.look.weight = WEIGHTS[(WEIGHTS.index(self.look.weight) + 1) % len(WEIGHTS)]
        self.redraw()

    def turn_log(self) -> None:
        self.look.log = not self.look.log
        self.redraw()

    def next_curve(self, step: int) -> None:
        """One curve alone: the next one in the list of curves."""
        there = self._last[0].view.curves.names if self._last else []
        names = [curve.name for curve in CURVES if curve.name in there] or [curve.name for curve in CURVES]
        at = (
            names.index(self.look.drawn[0])
            if len(self.look.drawn) == 1 and self.look.drawn[0] in names
            else -1
            if step > 0
            else 0
        )
        self.look.drawn = [names[(at + step) % len(names)]]
        self.redraw()


class NormsPanel(ChartPanel):
    """The second chart, where there is room for it: the gradients."""

    TITLE = "Gradients"

    def __init__(self, *, ascii: bool, id: str | None = None) -> None:
        super().__init__(ascii=ascii, id=id, look=Look([f"{GRAD_NORM}g", f"{GRAD_NORM}d"], log=True))


def axis_of(view: RunView, axis: str) -> tuple[Callable[[Point], float], str]:
    """Where a point lies on the axis, and the unit there."""
    curves = view.curves
    if axis == "epoch":
        stage = in_training(view)
        pace = view.epochs / stage.total if stage is not None and stage.total else 0.0
        return (lambda point: curves.epoch_at(point.step) or point.step * pace), _("epochs")
    if axis == "time":
        total = seconds_of(curves)
        size, unit = (1.0, "s") if total < 300 else (60.0, "min") if total < 7200 else (3600.0, "h")
        return (lambda point: point.seconds / size), unit
    return (lambda point: float(point.step)), _("steps")


def seconds_of(curves: Curves) -> float:
    return curves.recent[-1].seconds if curves.recent else 0.0
