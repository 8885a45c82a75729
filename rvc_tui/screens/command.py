"""The shell command that does what the screen does."""

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


class CommandScreen(ModalScreen[None]):
    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "copy", "copy", id="command.copy"),
        Binding("q,escape,enter,at", "dismiss", "back", id="command.back"),
    ]

    def __init__(self, command: str) -> None:
        super().__init__()
        self.command = command

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="box", can_focus=False):
            yield Static(_("The same from a shell:") + "\n", markup=False)
            yield Static(printable(self.command), markup=False, id="command")
            yield Static(_("y  copy    esc or q  back"), markup=False, classes="keys")

    def action_copy(self) -> None:
        cast("RvcApp", self.app).copy_lines([self.command])
