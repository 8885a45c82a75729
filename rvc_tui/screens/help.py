"""The keys of the screen below, and what people ask first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import ActiveBinding, Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from rvc_tui.keymap import has_key, key_names, keys_in
from rvc_tui.places import PLACES, keys_of_places
from rvc_tui.texts import N_, _

ALWAYS = (  # as the keys come, by which ids, what they do
    (keys_of_places(), tuple(f"screen.{place.name}" for place in PLACES), N_("the screens: {names}")),
    ("h l", ("screen.previous", "screen.next"), N_("the screen before and after; also arrows, [ and ]")),
    ("j k", ("list.down", "list.up"), N_("down and up; also arrows, page keys, g and G")),
    ("r", ("run.all",), N_("run the whole pipeline; what is up to date is skipped")),
    ("s", ("run.stop",), N_("stop the run (asks first): it saves after its next step; r resumes it")),
    ("y", ("copy",), N_("copy the paths or values of this screen")),
    ("@", ("command",), N_("the shell command that does the same")),
    ("e", ("edit.file",), N_("experiment.toml in $EDITOR")),
    (":", ("palette",), N_("everything that can be done now, by name; also ctrl+p")),
    ("?", ("help",), N_("this help")),
    ("q", ("quit",), N_("quit; also ctrl+c")),
)
NOTES = N_("""\
Leaving never stops a run. rvc-tui NAME shows it again, also after a dropped link.
rvc stop NAME stops it from a shell; rvc status NAME --json says how it is.
Shift and the mouse select text. If a lost link leaves the terminal in disorder, type reset.
In tmux, escape-time 10 makes esc quick.
""")


class HelpScreen(ModalScreen[None]):
    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q,escape,question_mark,enter", "dismiss", "back", id="help.back"),
        Binding("j,down", "scroll(1)", "down", show=False, id="help.down"),
        Binding("k,up", "scroll(-1)", "up", show=False, id="help.up"),
    ]

    def __init__(self, active: Mapping[str, ActiveBinding], keymap: Mapping[str, str] | None = None) -> None:
        """`keymap`: the user's own keys."""
        super().__init__()
        self.active, self.keymap = active, keymap or {}

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="box", can_focus=False):
            yield Static(columns(self.own()), classes="part")
            yield Static(columns(self.common()), classes="part")
            yield Static(_(NOTES), markup=False)
            yield Static(_("j k  scroll    esc or q  back"), markup=False, classes="keys")

    def common(self) -> list[tuple[str, str]]:
        rows, names = [], _(", ").join(_(place.name) for place in PLACES)
        for keys, ids, what in ALWAYS:
            if any(id in self.keymap for id in ids):
                keys = " ".join(key_names(keys_in(self.keymap[id])) for id in ids if self.keymap.get(id))
                if not keys:
                    continue
            rows.append((keys, _(what).format(names=names)))
        return rows

    def own(self) -> list[tuple[str, str]]:
        """The keys that only the screen below has."""
        known = {id for _keys, ids, _what in ALWAYS for id in ids}
        rows: dict[str, str] = {}
        for binding in (binding for binding in self.active.values() if has_key(binding.binding.key)):
            keys = binding.binding.key_display or key_names([binding.binding.key])
            what = binding.binding.tooltip or binding.binding.description
            if (
                (binding.binding.show or binding.binding.tooltip)
                and binding.enabled
                and binding.binding.id not in known
            ):
                rows.setdefault(what, keys)
        return [(key, what) for what, key in rows.items()]

    def action_scroll(self, lines: int) -> None:
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)


def columns(rows: list[tuple[str, str]]) -> Table:
    """Keys, and what they do: long lines wrap within their own column."""
    table = Table.grid(padding=(0, 1))
    table.add_column(min_width=10, no_wrap=True)
    table.add_column()
    for keys, what in rows:
        table.add_row(Text(keys, "bold"), Text(what))
    return table
