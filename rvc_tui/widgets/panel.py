"""A part of the screen that draws the last state as text, and repaints only when that text changes."""

from __future__ import annotations

from rich.text import Text
from textual.widgets import Static

from rvc_tui.state import ScreenState


class Panel(Static):
    """Subclasses say how the state looks at a width; `ascii` keeps to 7-bit characters."""

    can_focus = False
    TITLE = ""

    def __init__(self, *, ascii: bool, id: str | None = None) -> None:
        super().__init__("", id=id, markup=False)
        self.ascii = ascii
        self._last: tuple[ScreenState, float] | None = None
        self._text: Text | None = None
        if self.TITLE:
            self.border_title = self.TITLE

    def draw(self, state: ScreenState, width: int, now: float) -> Text:
        raise NotImplementedError

    def show(self, state: ScreenState, now: float) -> None:
        self._last = (state, now)
        text = self.draw(state, max(self.content_size.width, 20), now)
        if text != self._text or (self._text is not None and text.spans != self._text.spans):
            self._text = text
            self.update(text)

    def on_resize(self) -> None:
        if self._last:
            self.show(*self._last)


def join(lines: list[Text]) -> Text:
    return Text("\n").join(lines)
