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

    def compose(self) -> ComposeResult:
        with Vertical(classes="box"):
            yield Input(placeholder=_("what to do"), id="wanted", compact=True)
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
        rows.add_options([Option(Text.assemble((f"{entry.keys:<{KEYS_WIDTH}} ", "bold"), entry.what)) for entry in self.found])
        rows.highlighted = 0 if self.found else None

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
