"""The row of screens: each with its key; the current one stands in brackets."""

from __future__ import annotations

from rich.text import Text

from rvc_engine.client.state import ScreenState
from rvc_tui.places import PLACES, keys_of_places
from rvc_tui.texts import _, meant
from rvc_tui.widgets.panel import Panel


class PlacesLine(Panel):
    def __init__(self, current: str, *, ascii: bool, id: str | None = None) -> None:
        super().__init__(ascii=ascii, id=id)
        self.current = current

    def draw(self, state: ScreenState, width: int, now: float) -> Text:
        for short in (False, True):
            line = self.line(short=short)
            if line.cell_len <= width:
                return line
        others = _("{keys}: other screens").format(keys=keys_of_places())
        return Text.assemble((f"[{_(self.current)}]", "bold reverse"), f"  {others}")

    def line(self, *, short: bool) -> Text:
        parts = []
        for place in (place for place in PLACES if place.name in self.app.SCREENS):
            here = place.name == self.current
            if not place.key and short and not here:
                continue
            name = meant("short", place.short) if short else _(place.name)
            words = " ".join(filter(None, (place.key, name)))
            parts.append(Text(f"[{words}]" if here else words, "bold reverse" if here else "dim"))
        return Text(" " if short else "  ").join(parts)
