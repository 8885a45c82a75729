"""The experiments of the workspace, the one that is watched among them."""

from __future__ import annotations

from rich.text import Text

from rvc_engine.client.state import Row, ScreenState
from rvc_engine.client.words import duration
from rvc_engine.common.printable import printable
from rvc_tui.drawing import fitted, padded
from rvc_tui.engine_texts import translated
from rvc_tui.texts import _
from rvc_tui.widgets.heading import STATE_STYLE
from rvc_tui.widgets.panel import Panel, join

VISIBLE = 4
PLACE_WIDTH = 14  # for "4 of 200" after the last


class ExperimentsPanel(Panel):
    TITLE = "Experiments"

    def __init__(self, *, ascii: bool, id: str | None = None) -> None:
        super().__init__(ascii=ascii, id=id)
        self.cursor = 0
        self.rows: tuple[Row, ...] = ()

    @property
    def chosen(self) -> Row | None:
        return self.rows[self.cursor] if self.rows else None

    def move(self, count: int) -> None:
        self.cursor = max(0, min(len(self.rows) - 1, self.cursor + count))

    def put_cursor_on(self, name: str) -> None:
        self.cursor = next((i for i, row in enumerate(self.rows) if row.name == name), 0)

    def draw(self, state: ScreenState, width: int, now: float) -> Text:
        chosen = self.chosen.name if self.chosen else state.view.name
        self.rows = state.outlook.rows
        self.put_cursor_on(chosen)
        if not self.rows:
            return Text(_("none yet: n makes one from a folder of recordings"), "dim")
        first = max(0, min(self.cursor - VISIBLE // 2, len(self.rows) - VISIBLE))
        lines = [self.line(row, state, now, width) for row in self.rows[first : first + VISIBLE]]
        if len(self.rows) > VISIBLE:
            lines[-1].append("   " + _("{place} of {count}").format(place=self.cursor + 1, count=len(self.rows)), "dim")
        return join(lines)

    def line(self, row: Row, state: ScreenState, now: float, width: int) -> Text:
        here = self.chosen is not None and row.name == self.chosen.name
        known = state.view.state if row.name == state.view.name else row.state
        age = _("{time} ago").format(time=duration(max(0.0, now - row.at))) if row.at else ""
        line = Text.assemble(
            ("> " if here else "  ", "bold"),
            (fitted(row.name, 20) + " ", "bold" if row.name == state.view.name else ""),
        )
        line.append(padded(_(known), 9) + " ", STATE_STYLE.get(known, ""))
        if row.problem:
            room = max(10, width - line.cell_len - PLACE_WIDTH)
            return line.append(fitted(translated(row.problem), room), "yellow")
        return line.append(f"{printable(row.preset, 20):<9} {age}", "dim")
