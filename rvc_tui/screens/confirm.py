"""A question whose default is No."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from rvc_engine.common.printable import printable_lines
from rvc_tui.texts import _


class ConfirmScreen(ModalScreen[bool]):
    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "yes", id="question.yes"),
        Binding("n,q,escape,enter", "answer(False)", "no", id="question.no"),
    ]

    def __init__(self, question: str) -> None:
        super().__init__()
        self.question = "\n".join(printable_lines(question))

    def compose(self) -> ComposeResult:
        with Vertical(classes="box"):
            yield Static(self.question, markup=False)
            yield Static(_("y  yes      n or enter  no"), markup=False, classes="keys")

    def action_answer(self, yes: bool) -> None:
        self.dismiss(yes)


class LeaveScreen(ConfirmScreen):
    """Before the app is left."""
