"""The keys of the screen below, and what people ask first."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

KEYS = """\
r          run the whole pipeline; what is up to date is skipped
s          stop the run (asks first); it saves, and r goes on from there
n or o     a new experiment, or another one: name, recordings, preset
y          copy the paths of the results
j k        scroll the journal; also arrows, space and b, g and G
?          this help
q          quit; also esc and ctrl+c
"""

NOTES = """\
Leaving never stops a run. rvc-tui NAME shows it again, also after a dropped link.
rvc stop NAME stops it from a shell; rvc status NAME --json tells how it is.
Shift and the mouse select text. If a lost link leaves the terminal in disorder, type reset.
In tmux, escape-time 10 makes esc quick.
"""


class HelpScreen(ModalScreen[None]):
    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q,escape,question_mark,enter", "dismiss", "back"),
        Binding("j,down", "scroll(1)", show=False),
        Binding("k,up", "scroll(-1)", show=False),
    ]

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="box", can_focus=False):
            yield Static(KEYS, markup=False)
            yield Static(NOTES, markup=False)
            yield Static("esc or q  back", markup=False, classes="keys")

    def action_scroll(self, lines: int) -> None:
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)
