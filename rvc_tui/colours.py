"""Colours that can be read on a light terminal as on a dark one, and the themes that can be chosen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

from rich.color import Color as RichColor
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter
from textual.theme import BUILTIN_THEMES, Theme

TERMINAL = "terminal"  # the terminal's own text and background, whichever they are
TROUGH = dict.fromkeys(
    ("scrollbar-background", "scrollbar-background-hover", "scrollbar-background-active"), "ansi_default"
)
TERMINAL_THEME: Theme = replace(
    BUILTIN_THEMES["ansi-dark"], name=TERMINAL, variables={**BUILTIN_THEMES["ansi-dark"].variables, **TROUGH}
)
THEMES = (TERMINAL, *BUILTIN_THEMES)

Table = dict[int, int | None]  # number of a colour -> number of the one that is displayed; None: that of the text
DARK: Table = {4: 12}
ANYWHERE_16: Table = {2: None, 3: 5, 4: 12, 6: 12, 10: None, 11: 5, 14: 12, 7: None, 15: None, 0: None}
ANYWHERE_256: Table = {
    1: 160,
    2: 28,
    3: 130,
    4: 63,
    5: 164,
    6: 30,
    8: 243,
    9: 160,
    10: 28,
    11: 130,
    12: 63,
    13: 164,
    14: 30,
    7: None,
    15: None,
    0: None,
}


def table_of(theme: str, colours: str | None) -> Table:
    """`colours`: how many the terminal has, as Rich names it. Only ansi-dark is sure of a dark background."""
    if theme == "ansi-dark":
        return DARK
    return ANYWHERE_256 if colours in ("256", "truecolor") else ANYWHERE_16


@lru_cache(1024)
def readable(style: Style, pairs: tuple[tuple[int, int | None], ...]) -> Style:
    """On the background of the app; what has a background of its own was chosen together with it."""
    own = style.bgcolor is not None and style.bgcolor.number is not None
    if style.color is None or style.color.number is None or own or style.color.number not in dict(pairs):
        return style
    replacement = dict(pairs)[style.color.number]
    return style + Style.from_color(RichColor.default() if replacement is None else RichColor.from_ansi(replacement))


class Readable(LineFilter):
    """Replaces the colours that cannot be read on every background; `table` is asked at each drawing."""

    def __init__(self, table: Callable[[], Table]) -> None:
        super().__init__()
        self.table = table

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        pairs = tuple(self.table().items())
        return [Segment(text, style and readable(style, pairs), control) for text, style, control in segments]


class Colourless(LineFilter):
    """For NO_COLOR: Textual's own filter leaves greys."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return [
            Segment(text, style and style.without_color + Style(meta=style.meta), control)
            for text, style, control in segments
        ]


COLOURLESS = Colourless()
