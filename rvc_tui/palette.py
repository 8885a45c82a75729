"""What can be done now: every screen, and every key that works, as entries of the palette."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from textual.binding import ActiveBinding
from textual.dom import DOMNode

from rvc_tui.keymap import key_names
from rvc_tui.places import PLACES
from rvc_tui.texts import N_, _


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


KEYS_FILE = (
    (N_("write the keys file, with every id and its keys"), "write_keys"),
    (N_("change the keys: the keys file in $EDITOR"), "edit_keys"),
)


def entries_of(active: Mapping[str, ActiveBinding], app: DOMNode, there: Iterable[str]) -> list[Entry]:
    """Actions of the screen first, then those of the app, the screens, moving about. Textual's own have no id, and are
    left out."""
    keys: dict[tuple[DOMNode, str], list[str]] = {}
    first: dict[tuple[DOMNode, str], ActiveBinding] = {}
    for key, found in active.items():
        at = (found.node, found.binding.action)
        words = found.binding.tooltip or found.binding.description
        id = found.binding.id or "screen."
        if found.enabled and words and not id.startswith("screen.") and id != "palette":
            keys.setdefault(at, []).append(key)
            first.setdefault(at, found)
    entries = [
        Entry(
            found.binding.tooltip or found.binding.description,
            key_names(sorted(keys[at], key=lambda key: "+" in key)[:2]),
            found.binding.action,
            found.node,
        )
        for at, found in sorted(first.items(), key=lambda item: item[1].node is app)
    ]
    names = set(there)
    by_action = {
        found.binding.action: key for key, found in active.items() if (found.binding.id or "").startswith("screen.")
    }
    for place in PLACES:
        if place.name in names:
            key = by_action.get(f"go('{place.name}')", "")
            entries.append(
                Entry(
                    _("screen: {name}").format(name=_(place.name)),
                    key_names([key]) if key else "",
                    f"go('{place.name}')",
                    app,
                )
            )
    entries.sort(key=lambda entry: entry.action.startswith(("down(", "up(")) or entry.action in ("down", "up"))
    return entries + [Entry(_(what), "", action, app) for what, action in KEYS_FILE]
