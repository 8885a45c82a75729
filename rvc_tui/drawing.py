"""Pictures in characters: bars, sparklines, sizes. Pure functions; `ascii` keeps to 7-bit characters."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from rich.cells import cell_len, set_cell_size

from rvc_engine.common.printable import printable

BLOCKS = "▁▂▃▄▅▆▇█"
ASCII_LEVELS = "_.:-=+*#"


def bar(done: float, total: float, width: int, *, ascii: bool) -> str:
    """[#####.....] of `width` characters in all; empty where there is no room or no total."""
    inside = width - 2
    if inside < 1 or total <= 0:
        return ""
    full = max(0, min(inside, int(inside * done / total)))
    return f"[{('#' if ascii else '█') * full}{('.' if ascii else '░') * (inside - full)}]"


def binned(values: Sequence[float], width: int) -> list[float]:
    """At most `width` means of neighbours; what is not finite is left out."""
    kept = [value for value in values if math.isfinite(value)]
    if len(kept) <= width:
        return kept
    edges = [round(i * len(kept) / width) for i in range(width + 1)]
    return [sum(kept[a:b]) / (b - a) for a, b in pairwise(edges)]


def sparkline(values: Sequence[float], width: int, *, ascii: bool) -> str:
    """One character a bin, from the lowest to the highest of the values."""
    bins = binned(values, width) if width > 0 else []
    if not bins:
        return ""
    levels = ASCII_LEVELS if ascii else BLOCKS
    low, high = min(bins), max(bins)
    span = high - low
    if span <= 0:
        return levels[3] * len(bins)
    return "".join(levels[min(int((value - low) / span * len(levels)), len(levels) - 1)] for value in bins)


def padded(text: str, width: int) -> str:
    """At least `width` cells; Japanese and Chinese letters take two each."""
    return text + " " * (width - cell_len(text))


def aligned(text: str, width: int) -> str:
    """At the right of at least `width` cells."""
    return " " * (width - cell_len(text)) + text


def cut(text: str, width: int) -> str:
    """At most `width` cells."""
    return text if cell_len(text) <= width else set_cell_size(text, max(width, 0))


def fitted(text: str, width: int) -> str:
    """A foreign text in exactly `width` cells."""
    return set_cell_size(printable(text), width)


def gib(count: int | None) -> str:
    return "n/a" if count is None else f"{count / (1 << 30):.1f}"


def number(value: float) -> str:
    """About four digits, never wider than 7 characters."""
    if not math.isfinite(value):
        return str(value)
    return f"{value:.1e}" if value and not 1e-3 <= abs(value) < 1e5 else f"{value:.4g}"


def shortened(text: str, width: int, *, ascii: bool) -> str:
    """The end of a path matters more than its start."""
    if cell_len(text) <= width:
        return text
    mark = "..." if ascii else "…"
    while text and cell_len(mark + text) > width:
        text = text[1:]
    return (mark + text)[: max(width, 0)]
