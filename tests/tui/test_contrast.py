"""Every colour of every screen can be read, on a black and on a white background.

The screens are those of the snapshots, which say the style of every character; so this needs no app. Contrast is that
of WCAG 2.2 (relative luminance, 1.4.3), with xterm's palette for the 16 colours; bold may mean the brighter one of a
pair there: both are tried.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pretended
import pytest
from looks import LOOKS, PLAIN
from rich.color import Color
from rich.style import Style
from snapshot_app import app_of, settle

from rvc_tui.app import RvcApp
from rvc_tui.colours import ANYWHERE_16, ANYWHERE_256, DARK, table_of

PAGES = sorted((Path(__file__).with_name("__snapshots__") / "test_snapshots").glob("*.txt"))
Rgb = tuple[float, float, float]
XTERM: list[Rgb] = [
    (0, 0, 0),
    (205, 0, 0),
    (0, 205, 0),
    (205, 205, 0),
    (0, 0, 238),
    (205, 0, 205),
    (0, 205, 205),
    (229, 229, 229),
    (127, 127, 127),
    (255, 0, 0),
    (0, 255, 0),
    (255, 255, 0),
    (92, 92, 255),
    (255, 0, 255),
    (0, 255, 255),
    (255, 255, 255),
]
BLACK, WHITE, LIGHT_GREY = (0.0, 0.0, 0.0), (255.0, 255.0, 255.0), (229.0, 229.0, 229.0)
GROUNDS: dict[str, tuple[Rgb, Rgb]] = {"on black": (LIGHT_GREY, BLACK), "on white": (BLACK, WHITE)}  # text, background
FAINT = 0.5  # of a colour, and as much of the background: the weakest that terminals make of dim
ENOUGH = 3.0
LINES = set("─│┌┐└┘┤┴├┬┼-|+ ")  # they frame; nothing is read from them


def luminance(rgb: Rgb) -> float:
    linear = [v / 12.92 if v <= 0.03928 else ((v + 0.055) / 1.055) ** 2.4 for v in (c / 255 for c in rgb)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a: Rgb, b: Rgb) -> float:
    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_is_that_of_the_standard() -> None:
    assert contrast(BLACK, WHITE) == pytest.approx(21) and contrast((119, 119, 119), WHITE) == pytest.approx(
        4.48, abs=0.01
    )


def rgb_of(colour: Color | None, default: Rgb, *, bright: bool = False) -> Rgb:
    if colour is None or colour.is_default:
        return default
    if colour.triplet is None and colour.number is not None and colour.number < 16:
        return XTERM[colour.number + 8 if bright and colour.number < 8 else colour.number]
    triplet = colour.get_truecolor()
    return (triplet.red, triplet.green, triplet.blue)


def worst(style: Style, text: Rgb, ground: Rgb) -> float:
    """The lowest contrast that a terminal may make of it."""
    found = []
    for bright in {False, bool(style.bold)}:
        front, back = rgb_of(style.color, text, bright=bright), rgb_of(style.bgcolor, ground)
        if style.dim:
            front = tuple(FAINT * f + (1 - FAINT) * b for f, b in zip(front, back, strict=True))  # type: ignore[assignment]
        found.append(contrast(front, back))
    return min(found)


# --- what the pages hold ---------------------------------------------------------------------------
def parts(page: str) -> Iterator[tuple[list[str], list[str], list[str], dict[str, dict[str, str]]]]:
    """Of each group of looks: their names, the characters, the letters, and {letter: {look: style}}."""
    for part in re.split(r"^== ", page, flags=re.MULTILINE)[1:]:
        head, _, rest = part.partition("\n")
        text, _, below = rest.partition("\n-- styles\n")
        lines = below.splitlines()
        count = len(text.split("\n"))
        legend = {}
        for line in lines[count:]:
            letter, _, words = line.partition(" = ")
            named = (one.split(": ", 1) for one in words.split(" | "))
            legend[letter] = {look: style for looks, style in named for look in looks.split(",")}
        yield head.split(), text.split("\n"), lines[:count], legend


def box_of(text: list[str]) -> tuple[range, range]:
    """Rows and columns of the box in front; all of it where there is none."""
    tops = [(y, line.index("┌"), line.index("┐")) for y, line in enumerate(text) if "┌" in line and "┐" in line]
    if not tops:
        return range(len(text)), range(1000)
    y, left, right = tops[-1]
    bottom = next(row for row in range(y, len(text)) if text[row][left : left + 1] == "└")
    return range(y, bottom + 1), range(left, right + 1)


def read_styles(page: str) -> set[tuple[str, str]]:
    """(look, style) of all that is read; what a box has dimmed behind it is not."""
    found = set()
    for looks, text, letters, legend in parts(page):
        rows, columns = box_of(text)
        for y in rows:
            row = letters[y] if y < len(letters) else ""
            for x, character in enumerate(text[y]):
                letter = row[x] if x < len(row) else PLAIN
                if x in columns and character not in LINES and letter in legend:
                    found |= {(look, legend[letter][look]) for look in looks}
    return found


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem.removeprefix("test_look"))
def test_all_that_is_read_stands_out(path: Path) -> None:
    faults = []
    for look, words in read_styles(path.read_text()):
        if words in ("picture", "plain") or words.startswith("on "):
            continue
        style = Style.parse(words)
        grounds = GROUNDS if LOOKS[look].theme == "terminal" else {"": (WHITE, BLACK)}
        faults += [
            f"{look} {name}: {words} {worst(style, *ground):.2f}"
            for name, ground in grounds.items()
            if worst(style, *ground) < ENOUGH
        ]
    assert faults == []


def test_there_are_pages() -> None:
    assert len(PAGES) >= 40


@pytest.mark.parametrize("colours", ["standard", "256"])
def test_each_of_the_sixteen_colours_can_be_read_anywhere(colours: str) -> None:
    """Also those that no screen uses today."""
    table = table_of("terminal", colours)
    for number in range(16):
        replaced = table.get(number, number)
        style = Style(color=None if replaced is None else Color.from_ansi(replaced))
        for text, ground in GROUNDS.values():
            assert worst(style, text, ground) >= ENOUGH, (number, replaced, ground)
            if colours == "256" and replaced is not None:
                assert replaced > 15  # the user's palette may hold anything


def test_a_background_that_is_known_keeps_its_colours() -> None:
    assert table_of("ansi-dark", "256") == table_of("ansi-dark", "standard") == DARK
    assert table_of("textual-light", "truecolor") == ANYWHERE_256 and table_of("ansi-light", "standard") == ANYWHERE_16
    for number in (1, 2, 3, 4, 5, 6, 9, 10, 11, 12, 13, 14):
        assert worst(Style(color=Color.from_ansi(DARK.get(number, number) or 0)), LIGHT_GREY, BLACK) >= ENOUGH


async def test_no_color_means_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = app_of("failed")
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        for strip in app.screen._compositor.render_strips():
            for segment in strip:
                for colour in (segment.style.color, segment.style.bgcolor) if segment.style else ():
                    assert colour is None or colour.is_default, segment


@pytest.mark.parametrize("name", ["terminal", "textual-light", "nord"])
def test_theme_can_be_chosen(name: str) -> None:
    app = RvcApp(pretended.PretendedClient(), theme=name)
    assert app.theme == name and app.native_ansi_color == (name == "terminal")


@pytest.mark.parametrize("words", [["--theme", "nope"], []], ids=["option", "environment"])
def test_unknown_theme_is_refused_with_the_choices(words: list[str], tmp_path: Path) -> None:
    environment = {**os.environ, "TEXTUAL_THEME": "" if words else "nope"}
    command = [sys.executable, "-m", "rvc_tui", "--plain", "--home", str(tmp_path), *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment)
    assert (
        done.returncode == 2
        and "no theme 'nope'" in done.stderr
        and "terminal, textual-dark, textual-light" in done.stderr
    )
