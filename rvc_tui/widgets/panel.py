"""A part of the screen that draws the last state as text, and repaints only the lines that changed."""

from __future__ import annotations

from rich.text import Text
from textual.geometry import Region
from textual.widget import Widget

from rvc_tui.state import ScreenState


class Panel(Widget):
    """Subclasses say how the state looks at a width; `ascii` keeps to 7-bit characters."""

    TITLE = ""
    WRAPS = False  # with rvc.tcss

    def __init__(self, *, ascii: bool, id: str | None = None) -> None:
        super().__init__(id=id)
        self.ascii = ascii
        self._last: tuple[ScreenState, float] | None = None
        self._text = Text()
        if self.TITLE:
            self.border_title = self.TITLE

    def draw(self, state: ScreenState, width: int, now: float) -> Text:
        """What the panel shows, `width` cells wide. Each panel draws its own; this one is empty."""
        return Text()

    def render(self) -> Text:
        return self._text

    def show(self, state: ScreenState, now: float) -> None:
        """A changed line is repainted alone: over a slow link each byte counts. Another number of lines is another layout."""
        self._last = (state, now)
        text = self.draw(state, max(self.content_size.width, 20), now)
        before, after = self._text.split("\n"), text.split("\n")
        changed = [y for y, (old, new) in enumerate(zip(before, after, strict=False)) if old != new or old.spans != new.spans]
        self._text = text
        if len(before) != len(after) or (self.WRAPS and changed):
            self.refresh(layout=True)
        elif changed:
            self.refresh(*(Region(0, y, self.content_size.width, 1) for y in changed))

    def on_resize(self) -> None:
        if self._last:
            self.show(*self._last)


def join(lines: list[Text]) -> Text:
    return Text("\n").join(lines)
