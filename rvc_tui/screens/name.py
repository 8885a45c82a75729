"""One line of text that is asked for: a name, a path."""

from __future__ import annotations

import os
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.suggester import Suggester
from textual.widgets import Input, Static

from rvc_engine.common.printable import printable_lines
from rvc_tui.safe_cells import Field
from rvc_tui.texts import _


class NameScreen(ModalScreen[str]):
    """Enter takes it, tab takes what is suggested; esc gives None."""

    AUTO_FOCUS = "Input"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close", "back", id="name.back"),
        Binding("tab", "complete", "take the suggestion", show=False, id="name.complete"),
    ]

    def __init__(self, question: str, value: str = "", suggester: Suggester | None = None) -> None:
        super().__init__()
        self.question, self.value, self.suggester = "\n".join(printable_lines(question)), value, suggester

    def compose(self) -> ComposeResult:
        with Vertical(classes="box"):
            yield Static(self.question, markup=False)
            yield Field(self.value, id="answer", compact=True, suggester=self.suggester)
            tab = _("tab  complete") + "    " if self.suggester else ""
            yield Static(f"{_('enter  OK')}    {tab}{_('esc  back')}", markup=False, classes="keys")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.dismiss(event.value if os.path.lexists(event.value) else event.value.strip())

    def action_close(self) -> None:
        self.dismiss(None)

    def action_complete(self) -> None:
        field = self.query_one(Input)
        field.action_end()
        field.action_cursor_right()
