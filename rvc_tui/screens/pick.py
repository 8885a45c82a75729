"""One of several: a list to choose from."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from rvc_engine.client.state import ScreenState
from rvc_engine.common.printable import printable
from rvc_tui.texts import _
from rvc_tui.widgets.rows import RowsPanel

AROUND = 6  # lines of the box that are no rows


class PickScreen(ModalScreen[int | None]):
    """Enter gives the place of the chosen row, esc None."""

    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "take", "OK", id="pick.take"),
        Binding("j,down", "move(1)", show=False, id="pick.down"),
        Binding("k,up", "move(-1)", show=False, id="pick.up"),
        Binding("pagedown,space", "move(10)", show=False, id="pick.page-down"),
        Binding("pageup,b", "move(-10)", show=False, id="pick.page-up"),
        Binding("g,home", "move(-100000)", show=False, id="pick.first"),
        Binding("G,end", "move(100000)", show=False, id="pick.last"),
        Binding("q,escape", "close", "back", id="pick.back"),
    ]

    def __init__(self, question: str, rows: list[str], cursor: int = 0, *, ascii: bool) -> None:
        super().__init__()
        self.question, self.rows, self.cursor, self.ascii = printable(question), rows, cursor, ascii

    def compose(self) -> ComposeResult:
        with Vertical(classes="box"):
            yield Static(self.question, markup=False)
            yield RowsPanel("", ascii=self.ascii, id="options")
            yield Static(_("enter  OK    j k  move    esc  back"), markup=False, classes="keys")

    def on_mount(self) -> None:
        self.panel.fill([Text(printable(row), no_wrap=True) for row in self.rows], cursor=self.cursor)
        self.fit()

    def on_resize(self) -> None:
        self.fit()

    def fit(self) -> None:
        self.panel.styles.height = max(1, min(len(self.rows), self.app.size.height - AROUND))
        self.panel.show(ScreenState(), 0.0)

    @property
    def panel(self) -> RowsPanel:
        return self.query_one(RowsPanel)

    def action_move(self, count: int) -> None:
        self.panel.move(count)

    def action_take(self) -> None:
        self.dismiss(self.panel.cursor)

    def action_close(self) -> None:
        self.dismiss(None)
