"""Rows with a cursor that stays in sight: the lists of several screens."""

from __future__ import annotations

from rich.text import Text

from rvc_engine.client.state import ScreenState
from rvc_tui.texts import _
from rvc_tui.widgets.panel import Panel, join


class RowsPanel(Panel):
    """The screen fills it; keys belong to the screen. `nothing`: what is said when there are no rows."""

    def __init__(self, title: str, nothing: str = "", *, ascii: bool, id: str | None = None) -> None:
        super().__init__(ascii=ascii, id=id)
        self.border_title = title
        self.nothing = nothing
        self.header: Text | None = None
        self.rows: list[Text] = []
        self.cursor = 0

    def fill(self, rows: list[Text], *, header: Text | None = None, cursor: int | None = None) -> None:
        self.rows, self.header = rows, header
        self.cursor = self.cursor if cursor is None else cursor
        self.move(0)

    def move(self, count: int) -> None:
        self.cursor = max(0, min(len(self.rows) - 1, self.cursor + count))
        self.redraw()

    def redraw(self) -> None:
        if self._last:
            self.show(*self._last)

    def draw(self, state: ScreenState, width: int, now: float) -> Text:
        if not self.rows:
            return Text(self.nothing, "dim")
        head = [self.header] if self.header is not None else []
        room = max(1, self.content_size.height - len(head))
        first = max(0, min(self.cursor - room // 2, len(self.rows) - room))
        self.border_subtitle = (
            _("{place} of {count}").format(place=self.cursor + 1, count=len(self.rows)) if len(self.rows) > room else ""
        )
        lines = []
        for place, row in enumerate(self.rows[first : first + room], first):
            lines.append(Text.assemble(("> " if place == self.cursor else "  ", "bold"), row))
        return join([Text.assemble("  ", line) for line in head] + lines)


class TextPanel(Panel):
    """A few lines that the screen has put together; wrapped where they are long."""

    WRAPS = True

    def __init__(self, title: str = "", *, ascii: bool, id: str | None = None) -> None:
        super().__init__(ascii=ascii, id=id)
        if title:
            self.border_title = title
        self.text = Text()

    def fill(self, lines: list[Text]) -> None:
        self.text = join(lines)
        self.display = bool(lines)
        if self._last:
            self.show(*self._last)

    def draw(self, state: ScreenState, width: int, now: float) -> Text:
        return self.text
