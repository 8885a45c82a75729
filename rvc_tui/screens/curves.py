"""The curves of a training: which are drawn, and what each means."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from rvc_engine.common.printable import printable
from rvc_engine.run.view import RunView
from rvc_tui.drawing import number, padded
from rvc_tui.texts import _
from rvc_tui.widgets.losses import CURVES, Curve, known


class CurvesScreen(ModalScreen[list[str]]):
    """Gives the names of those that are to be drawn, never none."""

    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j,down", "move(1)", "down", show=False, id="curves.down"),
        Binding("k,up", "move(-1)", "up", show=False, id="curves.up"),
        Binding("space,x", "turn", "draw", id="curves.draw"),
        Binding("q,escape,enter,i", "close", "back", id="curves.back"),
    ]

    def __init__(self, view: RunView, drawn: list[str]) -> None:
        super().__init__()
        self.view, self.drawn = view, list(drawn)
        names = [curve.name for curve in CURVES] + [name for name in view.curves.names if known(name) not in CURVES]
        self.curves = [known(name) for name in names]
        self.at = next((place for place, curve in enumerate(self.curves) if curve.name in drawn), 0)

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="box", can_focus=False):
            yield Static(self.table(), id="curves")
            yield Static(self.meaning(), id="meaning")
            yield Static(_("j k  move    space  draw or not    esc  back"), markup=False, classes="keys")

    def last(self, curve: Curve) -> str:
        points = list(self.view.curves.points(curve.name))
        return number(points[-1].value) if points else "-"

    def table(self) -> Text:
        lines = []
        for place, curve in enumerate(self.curves):
            drawn = "*" if curve.name in self.drawn else " "
            line = Text.assemble(
                "> " if place == self.at else "  ",
                f"{drawn} ",
                (f"{curve.mark} {printable(curve.name, 15):<15}", curve.style),
            )
            lines.append(line.append(f"{self.last(curve):>9}"))
        return Text("\n").join(lines)

    def meaning(self) -> Text:
        curve = self.curves[self.at]
        rows = (("", _(curve.what)), (_("good"), _(curve.good)), (_("normal"), _(curve.normal)))
        return Text("\n").join(
            [Text(), *(Text.assemble((padded(label, 8) if label else "", "dim"), text) for label, text in rows if text)]
        )

    def redraw(self) -> None:
        self.query_one("#curves", Static).update(self.table())
        self.query_one("#meaning", Static).update(self.meaning())

    def action_move(self, count: int) -> None:
        self.at = max(0, min(len(self.curves) - 1, self.at + count))
        self.redraw()

    def action_turn(self) -> None:
        name = self.curves[self.at].name
        self.drawn = [other for other in self.drawn if other != name] if name in self.drawn else [*self.drawn, name]
        self.redraw()

    def action_close(self) -> None:
        order = [curve.name for curve in self.curves]
        self.dismiss(sorted(self.drawn, key=order.index) or ["total"])
