"""Spectrograms in characters: half blocks in grey where the terminal has the colours, else shades of one character. No
Textual here."""

from __future__ import annotations

from collections.abc import Sequence

from rich.color import Color
from rich.style import Style
from rich.text import Text

RAMP, ASCII_RAMP = " ░▒▓█", " .:-=+*#%@"
HALF = "▀"


def resized(values: bytes, rows: int, columns: int, height: int, width: int) -> list[list[int]]:
    """(rows * columns,) bytes, lowest band first -> `height` lines of `width` means, highest band first."""
    made = []
    for y in reversed(range(height)):
        bands = range(*span(y, height, rows))
        line = []
        for x in range(width):
            first, last = span(x, width, columns)
            cells = [value for band in bands for value in values[band * columns + first : band * columns + last]]
            line.append(sum(cells) // len(cells))
        made.append(line)
    return made


def span(i: int, parts: int, total: int) -> tuple[int, int]:
    """The part `i` of `parts` of 0..total; never empty."""
    first = i * total // parts
    return first, max((i + 1) * total // parts, first + 1)


def grey(value: int) -> Color:
    return Color.from_rgb(value, value, value)


def in_half_blocks(lines: Sequence[Sequence[int]]) -> list[Text]:
    """Two lines of pixels a line of text."""
    made = []
    for upper, lower in zip(lines[::2], lines[1::2], strict=False):
        text = Text()
        for above, below in zip(upper, lower, strict=True):
            text.append(HALF, Style(color=grey(above // 8 * 8), bgcolor=grey(below // 8 * 8)))
        made.append(text)
    return made


def in_shades(lines: Sequence[Sequence[int]], *, ascii: bool) -> list[Text]:
    """One line of pixels a line of text."""
    ramp = ASCII_RAMP if ascii else RAMP
    return [Text("".join(ramp[min(value * len(ramp) // 256, len(ramp) - 1)] for value in line)) for line in lines]


def draw(values: bytes, rows: int, columns: int, height: int, width: int, *, ascii: bool, colours: bool) -> list[Text]:
    """`height` lines of text of `width` cells. Raises ValueError when there are not rows * columns values."""
    if len(values) != rows * columns or not values:
        raise ValueError(f"{len(values)} values are no picture of {rows} times {columns}")
    if ascii or not colours:
        return in_shades(resized(values, rows, columns, height, width), ascii=ascii)
    return in_half_blocks(resized(values, rows, columns, 2 * height, width))
