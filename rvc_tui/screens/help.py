"""The keys of the screen below, and what people ask first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import ActiveBinding, Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from rvc_tui.places import PLACES

ALWAYS = (
    ("1-9 0 a", f"the screens: {', '.join(place.name for place in PLACES)}"),
    ("h l", "the screen before and after; also arrows, [ and ]"),
    ("j k", "down and up; also arrows, page keys, g and G"),
    ("r", "run the whole pipeline; what is up to date is skipped"),
    ("s", "stop the run (asks first); it saves, and r goes on from there"),
    ("y", "copy the paths or values of this screen"),
    ("@", "the shell command that does the same"),
    ("e", "experiment.toml in $EDITOR"),
    ("?", "this help"),
    ("q", "quit; also ctrl+c"),
)
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

    def __init__(self, active: Mapping[str, ActiveBinding]) -> None:
        super().__init__()
        self.active = active

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="box", can_focus=False):
            yield Static(self.own(), markup=False)
            yield Static("\n".join(f"{keys:<10} {what}" for keys, what in ALWAYS) + "\n", markup=False)
            yield Static(NOTES, markup=False)
            yield Static("j k  scroll    esc or q  back", markup=False, classes="keys")

    def own(self) -> str:
        """The keys that only the screen below has."""
        known = {keys for keys, _ in ALWAYS} | {"?"}
        rows: dict[str, str] = {}
        for binding in self.active.values():
            shown = binding.binding.key_display or binding.binding.key
            if (binding.binding.show or binding.binding.tooltip) and binding.enabled and shown not in known:
                rows[shown] = binding.binding.tooltip or binding.binding.description
        return "\n".join(f"{key:<10} {what}" for key, what in rows.items()) + ("\n" if rows else "")

    def action_scroll(self, lines: int) -> None:
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)
