"""The last guard before the terminal: whatever a widget was given, no cell holds what a terminal would obey.

Texts of others are made printable where they are displayed, with escapes that can be read; what slips through, and what
stands in a field as it was typed or taken from a folder, comes to a single sign here, so that widths stay.
"""

from __future__ import annotations

import re

from rich.cells import cell_len
from rich.segment import Segment
from rich.text import Text
from textual.color import Color
from textual.filter import LineFilter

from rvc_engine.common.printable import SUSPECT, printable
from rvc_tui.textual_private import TextInput

SIGN, ASCII_SIGN = "\N{REPLACEMENT CHARACTER}", "?"


def signed(text: str, sign: str, *, cells: bool) -> str:
    """`sign` for each character that would be written as an escape: as many as it has `cells`, or one."""

    def safe(match: re.Match[str]) -> str:
        character = match.group()
        around = text[max(match.start() - 1, 0) : match.end() + 1]
        return character if printable(around) == around else sign * (cell_len(character) if cells else 1)

    return SUSPECT.sub(safe, text) if SUSPECT.search(text) else text


class SafeCells(LineFilter):
    def __init__(self, *, ascii: bool) -> None:
        super().__init__()
        self.sign = ASCII_SIGN if ascii else SIGN

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return [
            Segment(text if control else signed(text, self.sign, cells=True), style, control)
            for text, style, control in segments
        ]


class Field(TextInput):
    """A line to type in, or to take a path into, that may hold anything: it is kept as it is, and displayed with a sign
    for each character that cannot be seen."""

    def displayed_value(self) -> Text:
        sign = ASCII_SIGN if getattr(self.app, "ascii", False) else SIGN
        return Text(signed(self.value, sign, cells=False), no_wrap=True, overflow="ignore", end="")
