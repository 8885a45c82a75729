"""What goes to the terminal: the cells that look otherwise than before, neighbours of one style together.

Over a slow link each byte counts. Textual writes a widget's line from its left end to the last cell that may have
changed, with the codes of the style around each segment, however short, and repaints what was only touched.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len
from rich.color import ColorSystem
from rich.console import COLOR_SYSTEMS
from rich.style import Style
from textual import events
from textual.strip import Strip

from rvc_tui.textual_private import ChopsUpdate, CompositorUpdate, DisplayApp, LayoutUpdate

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

Cell = tuple[str, Style | None]  # a letter of many cells is followed by empty ones
NEAR = 4  # cells that did not change are written too where going past them takes as many bytes
UNKNOWN: Cell = ("\0", None)


def cells_of(strip: Strip) -> Iterator[Cell]:
    for text, style, control in strip:
        if not control:
            yield from ((letter, style) for letter in (text if text.isascii() else letters_of(text)))


def letters_of(text: str) -> list[str]:
    """One a cell. What cannot be split is one letter of many cells."""
    letters: list[str] = []
    for letter in text:
        letters += [letter] + [""] * (cell_len(letter) - 1)
    width = cell_len(text)
    return (
        letters if len(letters) == width and all(map(cell_len, filter(None, letters))) else [text] + [""] * (width - 1)
    )


def changed_runs(before: list[Cell], now: list[Cell]) -> list[tuple[int, int]]:
    """From and to of the parts that look otherwise; wide letters are whole in them."""
    runs: list[tuple[int, int]] = []
    for x, (old, new) in enumerate(zip(before, now, strict=True)):
        if old == new:
            continue
        if runs and x - runs[-1][1] <= NEAR:
            runs[-1] = (runs[-1][0], x + 1)
        else:
            runs.append((x, x + 1))
    whole = []
    for first, end in runs:
        while first > 0 and not now[first][0]:
            first -= 1
        while end < len(now) and not now[end][0]:
            end += 1
        whole.append((first, end))
    return whole


def painted(cells: Iterable[Cell], colours: ColorSystem) -> str:
    """Codes once for all neighbours of the same style."""
    parts: list[str] = []
    text, style = "", None
    for letter, of in cells:
        if of is not style and of != style:
            parts.append(render(text, style, colours))
            text, style = "", of
        text += letter
    return "".join([*parts, render(text, style, colours)])


def render(text: str, style: Style | None, colours: ColorSystem) -> str:
    return text if not text or style is None else Strip.render_style(style, text, colours)


class WrittenCells:
    """The cells of the terminal, as they were written last."""

    def __init__(self) -> None:
        self.rows: dict[int, list[Cell]] = {}
        self.width = 0

    def forget(self) -> None:
        self.rows.clear()

    def row(self, y: int) -> list[Cell]:
        if y not in self.rows:
            self.rows[y] = [UNKNOWN] * self.width
        return self.rows[y]

    def put(self, y: int, x: int, cells: list[Cell], colours: ColorSystem) -> str:
        """What takes the terminal to these cells."""
        row = self.row(y)
        cells = cells[: max(self.width - x, 0)]
        before = row[x : x + len(cells)]
        runs = changed_runs(before, cells) if before != cells else []
        row[x : x + len(cells)] = cells
        return "".join(f"\x1b[{y + 1};{x + first + 1}H{painted(cells[first:end], colours)}" for first, end in runs)

    def changes(self, update: ChopsUpdate, colours: ColorSystem) -> str:
        parts = []
        for y, first, last in update.spans:
            for end, (x, strip) in zip(update.chop_ends[y], update.chops[y].items(), strict=False):
                if strip is not None and x <= last and end > first:
                    parts.append(self.put(y, x, list(cells_of(strip))[: end - x], colours))
        return "".join(parts)

    def whole(self, update: LayoutUpdate, colours: ColorSystem) -> str:
        """Everything, whatever was there: it may have been wiped out."""
        self.forget()
        lines = enumerate(update.strips, update.region.y)
        return "".join(
            self.put(y, update.region.x, [c for strip in line for c in cells_of(strip)], colours) for y, line in lines
        )


class Written(CompositorUpdate):
    """What has been worked out already."""

    def __init__(self, codes: str) -> None:
        self.codes = codes

    def render_segments(self, console: Console) -> str:
        return self.codes


class ChangedCells(DisplayApp):
    """An app that writes only what changed."""

    def __init__(self, **settings: Any) -> None:
        self.cells = WrittenCells()
        super().__init__(**settings)

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, events.Resize):
            self.cells.forget()
        await super().on_event(event)

    def on_mount(self) -> None:
        """Another program may have the terminal for a while."""
        self.app_resume_signal.subscribe(self, lambda _app: self.cells.forget(), immediate=True)

    def to_write(self, drawn: RenderableType) -> Any:
        if self.cells.width != self.size.width:
            self.cells.forget()
            self.cells.width = self.size.width
        colours = COLOR_SYSTEMS[self.console.color_system or "truecolor"]
        if isinstance(drawn, LayoutUpdate):
            return Written(self.cells.whole(drawn, colours))
        if isinstance(drawn, ChopsUpdate):
            codes = self.cells.changes(drawn, colours)
            return Written(codes) if codes else None
        self.cells.forget()
        return drawn
