"""The journal in words, newest at the bottom. It follows the end unless it has been scrolled up."""

from __future__ import annotations

from rich.text import Text
from textual.events import Resize
from textual.widgets import RichLog

from rvc_engine.client.state import LINES, Line, ScreenState, clock
from rvc_engine.common.printable import printable
from rvc_tui.texts import _

STYLE = {"warning": "yellow", "skipped": "yellow", "failed": "bold red", "done": "green", "note": ""}
SIGN = {"warning": "! ", "skipped": "- ", "failed": "x ", "done": "* ", "note": "  "}


class JournalPanel(RichLog):
    can_focus = False

    def __init__(self, *, stage: str = "", id: str | None = None) -> None:
        """`stage`: only its lines."""
        super().__init__(id=id, max_lines=4 * LINES, wrap=True, min_width=10, auto_scroll=True)
        self.border_title = _("Journal")
        self.stage = stage
        self._written = 0
        self._begun = 0
        self._width = self._height = 0
        self._follow = True
        self._state: ScreenState | None = None
        self.wanted = ""  # only lines with this text

    def only(self, wanted: str) -> None:
        """Show the lines that contain a text, in either case; all of them for an empty one."""
        if wanted == self.wanted:
            return
        self.wanted = wanted
        self.border_title = Text(
            _("Journal: lines with {text}").format(text=printable(wanted)) if wanted else _("Journal")
        )
        if self._state is not None:
            self.clear()
            self._write(list(self._state.lines))
            self.scroll_end(animate=False)

    def shows(self, line: Line) -> bool:
        return (not self.stage or line.stage == self.stage) and self.wanted.casefold() in line.text.casefold()

    def show(self, state: ScreenState) -> None:
        self._state = state
        if state.begun != self._begun:
            self.clear()
            self._begun, self._written = state.begun, state.written - len(state.lines)
        fresh = min(state.written - self._written, len(state.lines))
        self._write(list(state.lines)[len(state.lines) - fresh :])
        self._written = state.written

    def _write(self, lines: list[Line]) -> None:
        follow = self._follow
        for line in lines:
            if not self.shows(line):
                continue
            text = Text.assemble(
                (f"{clock(line.at)} ", "dim"), (SIGN[line.mark] + " ".join(line.text.split()), STYLE[line.mark])
            )
            self.write(text, scroll_end=follow, animate=False)

    def on_resize(self, event: Resize) -> None:
        # the first size is RichLog's own to handle
        if self._state is not None and self._width and self.size.width != self._width:
            self.clear()
            self._write(list(self._state.lines))
        self._width, self._height = self.size.width, self.size.height
        if self._follow:
            self.scroll_end(animate=False)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Scrolled by somebody, not by another height: from now on it follows, or it stays."""
        super().watch_scroll_y(old_value, new_value)
        if self.size.height == self._height:
            self._follow = self.is_vertical_scroll_end
