"""A part of the screen that draws the last state as text, and repaints only the lines that changed."""

from __future__ import annotations

from rich.cells import cell_len
from rich.text import Text
from textual.geometry import Region
from textual.widget import Widget

from rvc_engine.client.state import ScreenState
from rvc_tui.texts import _


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
            self.border_title = _(self.TITLE)

    def draw(self, state: ScreenState, width: int, now: float) -> Text:
        """What the panel shows, `width` cells wide. Each panel draws its own; this one is empty."""
        return Text()

    def render(self) -> Text:
        return self._text

    def show(self, state: ScreenState, now: float) -> None:
        """The changed part of a line is repainted alone: over a slow link each byte counts. Another number of lines is
        another layout."""
        self._last = (state, now)
        text = self.draw(state, max(self.content_size.width, 20), now)
        before, after = self._text.split("\n"), text.split("\n")
        parts = (changed_part(old, new) for old, new in zip(before, after, strict=False))
        changed = [(y, *part) for y, part in enumerate(parts) if part is not None]
        self._text = text
        if len(before) != len(after) or (self.WRAPS and changed):
            self.refresh(layout=True)
        elif changed:
            self.refresh(*(Region(x, y, length, 1) for y, x, length in changed))

    def on_resize(self) -> None:
        if self._last:
            self.show(*self._last)


def changed_part(old: Text, new: Text) -> tuple[int, int] | None:
    """First cell and number of cells that look otherwise; None for none. Letters of two cells make it the whole
    line."""
    if old == new and old.spans == new.spans:
        return None
    length = max(len(old), len(new))
    if cell_len(old.plain) != len(old) or cell_len(new.plain) != len(new):
        return 0, 2 * length
    before, after = looks(old, length), looks(new, length)
    same = [a == b for a, b in zip(before, after, strict=True)]
    if all(same):
        return None
    first, last = same.index(False), length - 1 - same[::-1].index(False)
    return first, last + 1 - first


def looks(text: Text, length: int) -> list[tuple[str, str]]:
    """Each character with its style, up to `length`."""
    styles = [str(text.style)] * length
    for span in text.spans:
        styles[span.start : min(span.end, length)] = [str(span.style)] * (min(span.end, length) - span.start)
    return list(zip(text.plain.ljust(length), styles, strict=True))


def join(lines: list[Text]) -> Text:
    return Text("\n").join(lines)
