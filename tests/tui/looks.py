"""How a screen looks, as text that can be read in a diff: its characters, a letter for the style of each, and what the
letters mean."""

from __future__ import annotations

import string
from collections import Counter
from dataclasses import dataclass

from rich.cells import cell_len
from rich.color import Color
from rich.console import COLOR_SYSTEMS
from rich.style import Style
from textual.pilot import Pilot

from rvc_tui.app import RvcApp

LETTERS = string.ascii_letters + string.digits + "!#$%&*+-/:;<=>?@^_~"
PLAIN = "."
PIXELS = "▀"  # two pixels of a spectrogram


@dataclass(frozen=True)
class Look:
    """A theme on a terminal with so many colours."""

    theme: str
    colours: str  # as Rich names it: standard (16), 256, truecolor


LOOKS = {
    "256": Look("terminal", "256"),
    "16": Look("terminal", "standard"),
    "dark": Look("textual-dark", "truecolor"),
    "light": Look("textual-light", "truecolor"),
}
Cell = tuple[str, str]  # character ("" after one of two cells) and style in words


async def pages(app: RvcApp, pilot: Pilot[None], sizes: list[tuple[int, int]]) -> dict[tuple[int, int], str]:
    """The screen as it is, at each size, in every look."""
    seen: dict[tuple[int, int], dict[str, list[list[Cell]]]] = {}
    names = list(LOOKS)
    for size in sizes:
        await pilot.resize_terminal(*size)
        taken = {name: await taken_in(app, pilot, LOOKS[name]) for name in names}
        seen[size] = {name: taken[name] for name in LOOKS}
        names.reverse()  # a change of theme takes longer than all the rest
    return {size: written(looks) for size, looks in seen.items()}


async def taken_in(app: RvcApp, pilot: Pilot[None], look: Look) -> list[list[Cell]]:
    app.console._color_system = COLOR_SYSTEMS[look.colours]
    app.theme = look.theme
    await pilot.pause()
    app.draw()
    for screen in app.screen_stack:
        for widget in screen.walk_children():
            widget.refresh()
    await pilot.pause()
    return cells_of(app)


def cells_of(app: RvcApp) -> list[list[Cell]]:
    lines = []
    for strip in app.screen._compositor.render_strips():
        line: list[Cell] = []
        for segment in strip:
            style = segment.style or Style()
            for character in segment.text:
                line.append((character, words_of(style, character)))
                line += [("", "")] * (cell_len(character) - 1)
        lines.append(line)
    return lines


def words_of(style: Style, character: str) -> str:
    """Of what is seen alone: a blank has no text colour."""
    if character == PIXELS:
        return "picture"
    background = style.color if style.reverse else style.bgcolor
    if character.isspace():
        return f"on {background.name}" if background is not None and not background.is_default else ""
    names = [name for name in ("bold", "dim", "italic", "underline", "reverse", "strike") if getattr(style, name)]
    colours = [colour_name(style.color)] if is_named(style.color) else []
    colours += [f"on {colour_name(style.bgcolor)}"] if is_named(style.bgcolor) else []
    return " ".join(names + colours)


def is_named(colour: Color | None) -> bool:
    return colour is not None and not colour.is_default


def colour_name(colour: Color | None) -> str:
    assert colour is not None
    return colour.name if colour.triplet is None else colour.triplet.hex


def written(seen: dict[str, list[list[Cell]]]) -> str:
    """Looks with the same characters share them."""
    groups: dict[str, list[str]] = {}
    for name, lines in seen.items():
        groups.setdefault("\n".join("".join(c for c, _ in line).rstrip() for line in lines), []).append(name)
    parts = []
    for text, names in groups.items():
        grid, legend = styles({name: seen[name] for name in names})
        parts += [f"== {' '.join(names)}", text, "-- styles", grid, *legend]
    return "\n".join(parts) + "\n"


def styles(seen: dict[str, list[list[Cell]]]) -> tuple[str, list[str]]:
    """A letter for every cell, and a line for every letter: its style in each look."""
    rows = [
        [tuple(words for _, words in there) for there in zip(*lines, strict=True)]
        for lines in zip(*seen.values(), strict=True)
    ]
    counts = Counter(style for row in rows for style in row)
    common = counts.most_common(1)[0][0]
    letters = {common: PLAIN}
    for row in rows:
        for style in row:
            letters.setdefault(style, LETTERS[len(letters) - 1] if len(letters) <= len(LETTERS) else "`")
    names = list(seen)
    legend = []
    for style, letter in letters.items():
        same: dict[str, list[str]] = {}
        for name, words in zip(names, style, strict=True):
            same.setdefault(words, []).append(name)
        legend.append(
            f"{letter} = " + " | ".join(f"{','.join(there)}: {words or 'plain'}" for words, there in same.items())
        )
    return "\n".join("".join(letters[style] for style in row).rstrip(PLAIN) for row in rows), legend
