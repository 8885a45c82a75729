"""The journal in words, newest at the bottom. It follows the end unless it has been scrolled up."""

from __future__ import annotations

from rich.text import Text
from textual.events import Resize
from textual.widgets import RichLog

from rvc_tui.state import LINES, Line, ScreenState, clock

STYLE = {"warning": "yellow", "skipped": "yellow", "failed": "bold red", "done": "green", "note": ""}
SIGN = {"warning": "! ", "skipped": "- ", "failed": "x ", "done": "* ", "note": "  "}


class JournalPanel(RichLog):
    can_focus = False

    def __init__(self, *, stage: str = "", id: str | None = None) -> None:
        """`stage`: only its lines."""
        super().__init__(id=id, max_lines=4 * LINES, wrap=True, min_width=10, auto_scroll=True)
        self.border_title = "Journal"
        self.stage = stage
        self._written = 0
        self._begun = 0
        self._width = 0
        self._state: ScreenState | None = None

    def show(self, state: ScreenState) -> None:
        self._state = state
        if state.begun != self._begun:
            self.clear()
            self._begun, self._written = state.begun, state.written - len(state.lines)
        fresh = min(state.written - self._written, len(state.lines))
        self._write(list(state.lines)[len(state.lines) - fresh :])
        self._written = state.written

    def _write(self, lines: list[Line]) -> None:
        follow = self.is_vertical_scroll_end
        for line in lines:
            if self.stage and line.stage != self.stage:
                continue
            text = Text.assemble((f"{clock(line.at)} ", "dim"), (SIGN[line.mark] + " ".join(line.text.split()), STYLE[line.mark]))
            self.write(text, scroll_end=follow, animate=False)

    def on_resize(self, event: Resize) -> None:
        if self._state is not None and self._width and self.size.width != self._width:  # the first size is RichLog's own to handle
            self.clear()
            self._write(list(self._state.lines))
        self._width = self.size.width
