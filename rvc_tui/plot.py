"""Curves in characters: smoothing, axes, and dots in braille, blocks or 7-bit letters. Pure functions."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter

from rich.cells import cell_len
from rich.text import Text

from rvc_tui.drawing import number

LABEL = 7  # characters left of the plot
DOTS = {"braille": (2, 4), "block": (2, 2), "ascii": (1, 1)}  # a character, across and down
BRAILLE = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))  # the bit of a dot by column and row
QUADRANTS = " ▘▖▌▝▀▞▛▗▚▄▙▐▜▟█"  # by the bits 1 upper left, 2 lower left, 4 upper right, 8 lower right
ROUND = (1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)
LEVELS = (1.0, 1.5, 2.0, 3.0, 5.0, 7.0, 10.0)  # of a logarithmic axis


def symbols(*, ascii: bool) -> str:
    """Braille where the terminal has it; RVC_TUI_GRAPH=block or ascii chooses otherwise."""
    if ascii:
        return "ascii"
    asked = os.environ.get("RVC_TUI_GRAPH", "")
    return asked if asked in DOTS else "block" if os.environ.get("TERM") == "linux" else "braille"


def smoothed(values: Iterable[tuple[float, int]], weight: float) -> list[float]:
    """TensorBoard's exponential moving average with bias correction, of means over so many steps each.

    A mean over n steps counts as n equal ones: the former average keeps weight^n.
    """
    average, norm, result = 0.0, 0.0, []
    for value, steps in values:
        kept = weight**steps
        average, norm = kept * average + (1 - kept) * value, kept * norm + (1 - kept)
        result.append(average / norm)
    return result


def round_up(value: float) -> float:
    """The next number that reads well."""
    if value <= 0:
        return 1.0
    power: float = 10.0 ** math.floor(math.log10(value))
    return next((m * power for m in ROUND if m * power >= value * (1 - 1e-9)), 10 * power)


def value_range(values: Sequence[float], others: Sequence[float], *, log: bool) -> tuple[float, float]:
    """Rounded bounds for `values` and all but the extremes of `others`. Both hold what can be drawn: above 0 for
    log."""
    ordered = sorted(others)
    cut = len(ordered) // 50
    inner = ordered[cut : len(ordered) - cut]
    both = [*values, *inner[:1], *inner[-1:]]
    low, high = min(both), max(both)
    if log:
        return level(low, up=False), level(high * (1 + 1e-9) if high > low else high * 1.5, up=True)
    if high <= low:
        span = abs(high) / 2 or 1.0
        low, high = low - span, high + span
    step = round_up((high - low) / 4)
    low, high = math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step
    return low, high


def level(value: float, *, up: bool) -> float:
    power = 10.0 ** math.floor(math.log10(value))
    fits = [m * power for m in LEVELS if (m * power >= value if up else m * power <= value)]
    return float((fits[0] if up else fits[-1]) if fits else value)


@dataclass
class Layer:
    """Dots of one curve. `mark`: its letter in 7-bit."""

    mark: str
    style: str
    cells: dict[tuple[int, int], int] = field(default_factory=dict)


@dataclass
class Plot:
    """A field of `width` x `height` characters for x in `across` and y in `up`; later layers lie above earlier ones."""

    width: int
    height: int
    across: tuple[float, float]
    up: tuple[float, float]
    log: bool = False
    symbols: str = "braille"
    layers: list[Layer] = field(default_factory=list)

    @property
    def columns(self) -> int:
        return self.width * DOTS[self.symbols][0]

    def column(self, x: float) -> int:
        """May lie outside 0..columns-1."""
        low, high = self.across
        return math.floor((x - low) / (high - low) * self.columns * (1 - 1e-12))

    def row(self, y: float) -> int:
        """In dots from the top, within the field."""
        low, high = self.up
        if self.log:
            y, low, high = math.log10(max(y, low)), math.log10(low), math.log10(high)
        dots = self.height * DOTS[self.symbols][1] - 1
        return max(0, min(dots, round((high - y) / (high - low) * dots)))

    def ticks(self) -> list[float]:
        """Values that read well, from the lowest."""
        low, high = self.up
        if not self.log:
            step = round_up((high - low) / max(2, min(10, self.height // 3)))
            return [low + i * step for i in range(math.floor((high - low) / step + 1e-6) + 1)]
        powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        few = LEVELS[:-1] if len(powers) < 3 else (1.0, 3.0) if len(powers) < 5 else (1.0,)
        return [m * 10.0**power for power in powers for m in few if low * 0.999 <= m * 10.0**power <= high * 1.001]

    def _dots(self, layer: Layer, x: int, first: int, last: int) -> None:
        across, down = DOTS[self.symbols]
        for y in range(min(first, last), max(first, last) + 1):
            bit = BRAILLE[x % 2][y % 4] if self.symbols == "braille" else 1 << (x % across * down + y % down)
            cell = (y // down, x // across)
            layer.cells[cell] = layer.cells.get(cell, 0) | bit

    def line(self, layer: Layer, points: Iterable[tuple[float, float]]) -> None:
        """The mean of each column of dots, joined to the one before."""
        before: tuple[int, int] | None = None
        for x, (total, count) in self._by_column(points).items():
            y = self.row(total / count)
            if before is None:
                self._dots(layer, x, y, y)
            else:
                for between in range(before[0] + 1, x + 1):  # a straight way to there
                    here = round(before[1] + (y - before[1]) * (between - before[0]) / (x - before[0]))
                    last = round(before[1] + (y - before[1]) * (between - 1 - before[0]) / (x - before[0]))
                    step = 0 if here == last else 1 if here > last else -1
                    self._dots(layer, between, last + step, here)
            before = (x, y)
        self.layers.append(layer)

    def _by_column(self, points: Iterable[tuple[float, float]]) -> dict[int, tuple[float, int]]:
        sums: dict[int, tuple[float, int]] = {}
        for x, y in points:
            if 0 <= (column := self.column(x)) < self.columns:
                total, count = sums.get(column, (0.0, 0))
                sums[column] = (total + y, count + 1)
        return sums

    def scatter(self, layer: Layer, points: Iterable[tuple[float, float]]) -> None:
        """A dot for each."""
        dots = {(column, self.row(y)) for x, y in points if 0 <= (column := self.column(x)) < self.columns}
        for column, row in dots:
            self._dots(layer, column, row, row)
        self.layers.append(layer)

    def character(self, layer: Layer, bits: int) -> str:
        if self.symbols == "braille":
            return chr(0x2800 + bits)
        return QUADRANTS[bits] if self.symbols == "block" else layer.mark

    def text(self, row: int) -> Text:
        """A row of the field."""
        seen: list[tuple[str, str]] = [(" ", "")] * self.width
        for layer in self.layers:
            for x in range(self.width):
                if (bits := layer.cells.get((row, x))) is not None:
                    seen[x] = self.character(layer, bits), layer.style
        line = Text(no_wrap=True)
        for style, cells in groupby(seen, key=itemgetter(1)):
            line.append("".join(letter for letter, _style in cells), style or None)
        return line

    # --- axes ---------------------------------------------------------------------------------------------------------
    def labels(self) -> list[str]:
        """What stands left of each row: a value on every third or so, a line elsewhere."""
        tick, line = ("+", "|") if self.symbols == "ascii" else ("┤", "│")
        labels: dict[int, str] = {}
        for value in self.ticks():
            row = self.row(value) // DOTS[self.symbols][1]
            if not any(near in labels for near in ((row - 1, row, row + 1) if self.height > 4 else (row,))):
                labels[row] = f"{number(float(f'{value:.4g}'))[:LABEL]:>{LABEL}} {tick}"
        return [labels.get(row, " " * (LABEL + 1) + line) for row in range(self.height)]

    def axis(self, unit: str) -> list[str]:
        """The line below, and its numbers; the last one has the unit."""
        low, high = self.across
        parts = next((n for n in (4, 5, 6, 3) if self.width >= 12 * n and reads_well((high - low) / n)), 2)
        places = [round(i * (self.width - 1) / parts) for i in range(parts + 1)]
        ascii = self.symbols == "ascii"
        line = ["-" if ascii else "─"] * self.width
        numbers = [" "] * self.width
        for i, place in enumerate(places):
            line[place] = "+" if ascii else "┴"
            label = number(low + (high - low) * i / parts) + (f" {unit}" if i == parts else "")
            size = cell_len(label)
            start = 0 if i == 0 else self.width - size if i == parts else place - size // 2
            if start >= 0 and all(c == " " for c in numbers[max(start - 1, 0) : start + size]):
                numbers[start : start + size] = [*label, *[""] * (size - len(label))]
        margin = " " * (LABEL + 1)
        return [margin + ("+" if ascii else "└") + "".join(line), margin + " " + "".join(numbers).rstrip()]


def reads_well(step: float) -> bool:
    return abs(step - float(f"{step:.2g}")) < 1e-9 * abs(step)
