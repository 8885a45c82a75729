"""A line to type in what the journal is to show."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message

from rvc_tui.safe_cells import Field
from rvc_tui.texts import _


class FilterLine(Field):
    """Enter keeps what is typed, esc clears it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "give_up", "all lines", id="filter.back")]

    class Left(Message):
        def __init__(self, wanted: str) -> None:
            super().__init__()
            self.wanted = wanted

    def __init__(self, wanted: str) -> None:
        super().__init__(
            wanted, placeholder=_("only lines with this text; enter keeps it, esc shows all"), compact=True, id="filter"
        )

    def action_give_up(self) -> None:
        self.post_message(self.Left(""))

    async def action_submit(self) -> None:
        self.post_message(self.Left(self.value.strip()))
