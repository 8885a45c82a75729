"""The footer: the keys that work now. Where there is little room, rare ones drop out; help and quit always stay."""

from __future__ import annotations

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.events import Resize
from textual.widgets import Footer

from rvc_tui.keymap import has_key
from rvc_tui.textual_private import FooterKey

KEPT = ("help", "leave")  # actions
RARE = ("copy", "reset", "cycle")  # the first ones to go, in this order; then those of the screen from the right
LATE = ("run_all", "stop")


def fitting(keys: list[tuple[str, int]], width: int) -> list[bool]:
    """Which are visible, of actions with the cells that their keys take."""
    visible = [True] * len(keys)
    names = [name for name, _ in keys]
    own = [name for name in reversed(names) if name not in (*RARE, *LATE, *KEPT)]
    for name in [name for name in (*RARE, *own, *LATE) if name in names]:
        # the last gap may be cut off
        if sum(cells for (_, cells), there in zip(keys, visible, strict=True) if there) <= width + 1:
            break
        visible[names.index(name)] = False
    return visible


class KeysFooter(Footer):
    def __init__(self) -> None:
        super().__init__(show_command_palette=False, compact=True)

    def compose(self) -> ComposeResult:
        keys = [key for key in super().compose() if isinstance(key, FooterKey) and has_key(key.key)]
        self.fit(keys)
        yield from keys

    def on_resize(self, event: Resize) -> None:
        self.fit(list(self.query(FooterKey)))

    def fit(self, keys: list[FooterKey]) -> None:
        cells = [
            (key.action.partition("(")[0], cell_len(key.key_display) + cell_len(key.description) + 2) for key in keys
        ]
        for key, there in zip(keys, fitting(cells, self.app.size.width), strict=True):
            key.display = there
