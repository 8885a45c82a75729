"""Everything that is known of one voice, to scroll and to copy."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from rvc_engine.common.printable import printable
from rvc_tui.texts import _

if TYPE_CHECKING:
    from rvc_tui.app import RvcApp


class FactsScreen(ModalScreen[None]):
    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "copy", "copy", id="facts.copy"),
        Binding("j,down", "scroll(1)", show=False, id="facts.down"),
        Binding("k,up", "scroll(-1)", show=False, id="facts.up"),
        Binding("pagedown,space", "scroll(10)", show=False, id="facts.page-down"),
        Binding("pageup,b", "scroll(-10)", show=False, id="facts.page-up"),
        Binding("q,escape,enter", "dismiss", "back", id="facts.back"),
    ]

    def __init__(self, title: str, lines: list[str]) -> None:
        super().__init__()
        self.title_text, self.lines = title, lines

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="box", can_focus=False):
            yield Static(printable(self.title_text) + "\n", markup=False)
            yield Static("\n".join(map(printable, self.lines)), markup=False, id="facts")
            yield Static(_("j k  scroll    y  copy    esc or q  back"), markup=False, classes="keys")

    def action_scroll(self, lines: int) -> None:
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)

    def action_copy(self) -> None:
        cast("RvcApp", self.app).copy_lines(self.lines)
