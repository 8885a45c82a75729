"""The palette: type a few letters of what you want, enter does it."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from rvc_tui.palette import Entry
from rvc_tui.safe_cells import Field
from rvc_tui.texts import _

KEYS_WIDTH = 14


class PaletteScreen(ModalScreen[Entry]):
    AUTO_FOCUS = "Input"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close", "back", id="palette.back"),
        Binding("down,tab", "move(1)", "down", show=False, id="palette.down"),
        Binding("up,shift+tab", "move(-1)", "up", show=False, id="palette.up"),
        Binding("pagedown", "move(8)", "further down", show=False, id="palette.page-down"),
        Binding("pageup", "move(-8)", "further up", show=False, id="palette.page-up"),
    ]

    def __init__(self, entries: list[Entry]) -> None:
        super().__init__()
        self.entries = self.found = entries
        self.marked: int | None = None

    def compose(self) -> ComposeResult:
        with Vertical(classes="box"):
            yield Field(placeholder=_("what to do"), id="wanted", compact=True)
            rows = OptionList(id="found", compact=True, markup=False)
            rows.can_focus = False
            yield rows
            yield Static(_("enter  do it    up down  choose    esc  back"), markup=False, classes="keys")

    def on_mount(self) -> None:
        self.find("")

    def find(self, text: str) -> None:
        self.found = [entry for entry in self.entries if entry.fits(text)]
        rows = self.query_one("#found", OptionList)
        rows.clear_options()
        rows.add_options([Option(self.line(place)) for place in range(len(self.found))])
        rows.highlighted = 0 if self.found else None

    def line(self, place: int, *, here: bool = False) -> Text:
        entry = self.found[place]
        return Text.assemble(("> " if here else "  ", "bold"), (f"{entry.keys:<{KEYS_WIDTH}} ", "bold"), entry.what)

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """A mark, as in every list: the colour alone is not seen everywhere."""
        event.stop()
        rows, chosen = event.option_list, event.option_list.highlighted
        for place in {self.marked, chosen} - {None}:
            if place is not None and place < len(self.found):
                rows.replace_option_prompt_at_index(place, self.line(place, here=place == chosen))
        self.marked = chosen

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self.find(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        row = self.query_one("#found", OptionList).highlighted
        if row is not None:
            self.dismiss(self.found[row])

    def action_move(self, count: int) -> None:
        rows = self.query_one("#found", OptionList)
        if self.found:
            rows.highlighted = max(0, min(len(self.found) - 1, (rows.highlighted or 0) + count))

    def action_close(self) -> None:
        self.dismiss(None)
