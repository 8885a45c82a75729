"""Only the cells that changed are written, and the terminal shows the same as when all of them are."""

from __future__ import annotations

import random
import re

import pytest
from rich.cells import cell_len
from rich.color import ColorSystem
from rich.segment import Segment
from rich.style import Style
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.geometry import Region
from textual.strip import Strip

from rvc_tui.changed_cells import WrittenCells, cells_of

STYLES = [None, Style(bold=True), Style(color="red"), Style(bold=True, color="green", bgcolor="blue")]
LETTERS = ["a", "b", " ", "⣀", "█", "声", "音", "…"]
WIDTH, HEIGHT = 30, 4
COLOURS = ColorSystem.TRUECOLOR
CODE = re.compile(r"\x1b\[([0-9;]*)([Hm])|([^\x1b])")


class Screen:
    """What a terminal makes of codes: (letter, style) by cell; over half of a wide letter the other half goes too."""

    def __init__(self) -> None:
        self.cells = [[("?", "")] * WIDTH for _ in range(HEIGHT)]

    def write(self, codes: str) -> None:
        style, y, x = "", 0, 0
        for numbers, kind, letter in CODE.findall(codes):
            if kind == "H":
                y, x = (int(n) - 1 for n in numbers.split(";"))
            elif kind == "m":
                style = "" if numbers == "0" else numbers
            else:
                row = self.cells[y]
                for at in range(x, x + cell_len(letter)):
                    if row[at][0] == "" and at == x:
                        row[at - 1] = (" ", row[at - 1][1])
                    if at + 1 < WIDTH and row[at + 1][0] == "" and at == x + cell_len(letter) - 1:
                        row[at + 1] = (" ", row[at + 1][1])
                    row[at] = (letter if at == x else "", style)
                x += cell_len(letter)


def a_strip(chance: random.Random) -> Strip:
    segments, room = [], WIDTH
    while room:
        text = ""
        while room and (not text or chance.random() < 0.7):
            letter = chance.choice([one for one in LETTERS if cell_len(one) <= room])
            text, room = text + letter, room - cell_len(letter)
        segments.append(Segment(text, chance.choice(STYLES)))
    return Strip(segments, WIDTH)


def painted(strips: list[Strip]) -> Screen:
    screen = Screen()
    screen.write(a_terminal().whole(LayoutUpdate([[strip] for strip in strips], Region(0, 0, WIDTH, HEIGHT)), COLOURS))
    return screen


def a_terminal() -> WrittenCells:
    cells = WrittenCells()
    cells.width = WIDTH
    return cells


@pytest.mark.parametrize("seed", range(20))
def test_the_changes_lead_to_the_same_screen(seed: int) -> None:
    chance = random.Random(seed)
    strips = [a_strip(chance) for _ in range(HEIGHT)]
    cells, screen = a_terminal(), Screen()
    screen.write(cells.whole(LayoutUpdate([[strip] for strip in strips], Region(0, 0, WIDTH, HEIGHT)), COLOURS))
    for _ in range(20):
        y = chance.randrange(HEIGHT)
        strips[y] = a_strip(chance) if chance.random() < 0.5 else Strip(list(strips[y])[::-1], WIDTH)
        update = ChopsUpdate(
            [{0: strips[y] if line == y else None} for line in range(HEIGHT)], [(y, 0, WIDTH)], [[WIDTH]] * HEIGHT
        )
        screen.write(cells.changes(update, COLOURS))
        assert screen.cells == painted(strips).cells


def test_what_did_not_change_is_not_written() -> None:
    cells = a_terminal()
    before = Strip([Segment("epoch 3, step 120", STYLES[1]), Segment(" " * 13)], WIDTH)
    after = Strip([Segment("epoch 3, step 121", STYLES[1]), Segment(" " * 13)], WIDTH)
    cells.whole(LayoutUpdate([[before]], Region(0, 0, WIDTH, 1)), COLOURS)
    assert cells.changes(ChopsUpdate([{0: before}], [(0, 0, WIDTH)], [[WIDTH]]), COLOURS) == ""
    assert cells.changes(ChopsUpdate([{0: after}], [(0, 0, WIDTH)], [[WIDTH]]), COLOURS) == "\x1b[1;17H\x1b[1m1\x1b[0m"
    cells.forget()
    assert len(cells.changes(ChopsUpdate([{0: after}], [(0, 0, WIDTH)], [[WIDTH]]), COLOURS)) > WIDTH


def test_neighbours_of_one_style_have_its_codes_once() -> None:
    strip = Strip([Segment("⣀", STYLES[2]) for _ in range(WIDTH)], WIDTH)
    codes = a_terminal().whole(LayoutUpdate([[strip]], Region(0, 0, WIDTH, 1)), COLOURS)
    assert codes == "\x1b[1;1H\x1b[31m" + "⣀" * WIDTH + "\x1b[0m"


@pytest.mark.parametrize("text", ["e\u0301e", "👩\u200d👩\u200d👧 x", "\u200bx", "声a", "🏳️\u200d🌈"])
def test_there_are_as_many_cells_as_the_text_is_wide(text: str) -> None:
    assert len(list(cells_of(Strip([Segment(text)])))) == cell_len(text)
