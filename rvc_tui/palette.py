"""What can be done now: every screen, and every key that works, as entries of the palette."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from textual.binding import ActiveBinding
from textual.dom import DOMNode

from rvc_tui.keymap import shown_keys
from rvc_tui.places import PLACES


@dataclass(frozen=True)
class Entry:
    """`action` is run on `node`; `keys` as a keyboard has them."""

    what: str
    keys: str
    action: str
    node: DOMNode

    def fits(self, text: str) -> bool:
        """Every word that is typed is in it."""
        return all(word in f"{self.what} {self.keys}".casefold() for word in text.casefold().split())


KEYS_FILE = (("write the keys file, with every id and its keys", "write_keys"), ("change the keys: the keys file in $EDITOR", "edit_keys"))


def entries_of(active: Mapping[str, ActiveBinding], app: DOMNode, there: Iterable[str]) -> list[Entry]:
    """Actions of the screen first, then those of the app, then the screens."""
    keys: dict[tuple[DOMNode, str], list[str]] = {}
    first: dict[tuple[DOMNode, str], ActiveBinding] = {}
    for key, found in active.items():
        at = (found.node, found.binding.action)
        words = found.binding.tooltip or found.binding.description
        if found.enabled and words and not (found.binding.id or "").startswith("screen.") and found.binding.action != "palette":
            keys.setdefault(at, []).append(key)
            first.setdefault(at, found)
    entries = [
        Entry(found.binding.tooltip or found.binding.description, shown_keys(keys[at][:2]), found.binding.action, found.node)
        for at, found in first.items()
    ]
    names = set(there)
    by_action = {found.binding.action: key for key, found in active.items() if (found.binding.id or "").startswith("screen.")}
    for place in PLACES:
        if place.name in names:
            key = by_action.get(f"go('{place.name}')", "")
            entries.append(Entry(f"screen: {place.name}", shown_keys([key]) if key else "", f"go('{place.name}')", app))
    return entries + [Entry(what, "", action, app) for what, action in KEYS_FILE]
