"""A screen of the app: the files that were written since it began."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from rvc_engine.common.printable import printable
from rvc_tui.screens.base import AppScreen
from rvc_tui.texts import _
from rvc_tui.widgets.rows import RowsPanel


class WrittenScreen(AppScreen):
    place = "written"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("x", "forget", "forget", id="written.forget", tooltip="empty the list; the files stay"),
    ]

    def body(self) -> ComposeResult:
        yield RowsPanel(_("Files written"), _("none yet"), ascii=self.ascii, id="files")

    def draw(self) -> None:
        super().draw()
        for panel in self.query(RowsPanel):
            panel.fill([Text(printable(path)) for path in self.session.results])

    def works(self, action: str) -> bool:
        return bool(self.session.results) if action == "forget" else super().works(action)

    def to_copy(self) -> list[str]:
        return self.session.results

    def move(self, count: int) -> None:
        self.query_one(RowsPanel).move(count)

    def action_forget(self) -> None:
        self.session.results.clear()
        self.rvc.draw()  # the footer too
