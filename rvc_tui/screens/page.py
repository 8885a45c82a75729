"""A page of text over the screen: what is too long for a panel."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from rvc_engine.common.printable import printable
from rvc_tui.texts import _
from rvc_tui.widgets.panel import join

if TYPE_CHECKING:
    from rvc_tui.app import RvcApp


class PageScreen(ModalScreen[None]):
    """`lines` may be given later by `fill`; `to_copy`: what y copies."""

    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q,escape,enter", "dismiss", "back", id="page.back"),
        Binding("y", "copy", "copy", id="page.copy"),
        Binding("j,down", "scroll(1)", "down", show=False, id="page.down"),
        Binding("k,up", "scroll(-1)", "up", show=False, id="page.up"),
        Binding("pagedown,space", "scroll(10)", "a page down", show=False, id="page.page-down"),
        Binding("pageup,b", "scroll(-10)", "a page up", show=False, id="page.page-up"),
        Binding("g,home", "scroll(-100000)", "first line", show=False, id="page.first"),
        Binding("G,end", "scroll(100000)", "last line", show=False, id="page.last"),
    ]

    def __init__(self, title: str, lines: list[Text], to_copy: list[str] | None = None) -> None:
        super().__init__()
        self.heading, self.lines, self.to_copy = title, lines, to_copy or []

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="box", can_focus=False) as box:
            yield Static(join(self.lines), markup=False, id="page")
        box.border_title = Text(printable(self.heading))
        copy = _("y copy") + "   " if self.to_copy else ""
        box.border_subtitle = f"{_('j k scroll')}   {copy}{_('esc or q back')}"

    def on_mount(self) -> None:
        self.fill(self.lines)

    def fill(self, lines: list[Text]) -> None:
        self.lines = lines
        for page in self.query("#page").results(Static):  # none before it is composed
            page.update(join(lines))

    def action_scroll(self, lines: int) -> None:
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)

    def action_copy(self) -> None:
        if self.to_copy:
            cast("RvcApp", self.app).copy_lines(self.to_copy)
