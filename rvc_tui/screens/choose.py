"""A small form: which experiment, which recordings, which preset. No field has the focus until it is asked for."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.suggester import Suggester, SuggestFromList
from textual.widgets import Input, Static

from rvc_engine.common.printable import printable
from rvc_engine.dataset.files import dataset_path
from rvc_engine.errors import BadInput
from rvc_engine.presets import PRESETS, PUBLIC_PRESETS
from rvc_tui.engine_texts import error_line
from rvc_tui.safe_cells import Field
from rvc_tui.texts import _

FIELDS = ("name", "dataset", "preset")


@dataclass(frozen=True)
class Choice:
    """`run`: start the pipeline at once. An empty preset is the engine's own choice."""

    name: str
    dataset: str
    preset: str
    run: bool = False


class FolderSuggester(Suggester):
    """The first folder whose path starts with what is typed; the right arrow takes it."""

    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)

    async def get_suggestion(self, value: str) -> str | None:
        head, tail = os.path.split(value)
        try:
            with os.scandir(os.path.expanduser(head) or ".") as entries:
                names = sorted(
                    e.name
                    for e in entries
                    if e.name.startswith(tail) and e.is_dir() and (tail or not e.name.startswith("."))
                )
        except (OSError, ValueError):  # the second: no name of a file, whatever is typed or pasted
            return None
        return os.path.join(head, names[0]) + os.sep if names and value else None


class ChooseScreen(ModalScreen[Choice | None]):
    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "edit('name')", "name", id="choose.name"),
        Binding("d", "edit('dataset')", "recordings", id="choose.dataset"),
        Binding("p", "edit('preset')", "preset", id="choose.preset"),
        Binding("r", "use(True)", "run", id="choose.run"),
        Binding("enter", "use(False)", "open", id="choose.open"),
        Binding("j,down", "app.focus_next", "next field", show=False, id="choose.down"),
        Binding("k,up", "app.focus_previous", "field before", show=False, id="choose.up"),
        Binding("escape", "back", "back", id="choose.back"),
        Binding("q", "close", "back", show=False, id="choose.close"),
    ]

    def __init__(self, known: Choice, names: list[str]) -> None:
        super().__init__()
        self.known, self.names = known, names

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="box", can_focus=False):
            yield Static(_("Name of the experiment (n)"), markup=False)
            yield Field(
                self.known.name, placeholder="alice", id="name", compact=True, suggester=SuggestFromList(self.names)
            )
            yield Static(_("Folder of recordings (d)"), markup=False)
            yield Field(
                self.known.dataset,
                placeholder="~/recordings/alice",
                id="dataset",
                compact=True,
                suggester=FolderSuggester(),
            )
            yield Static(
                _("Preset (p): {names}; empty: the best that is here").format(names=", ".join(PUBLIC_PRESETS)),
                markup=False,
            )
            yield Field(
                self.known.preset,
                id="preset",
                compact=True,
                suggester=SuggestFromList(PUBLIC_PRESETS, case_sensitive=False),
            )
            yield Static("", id="problem", markup=False)
            yield Static(
                _("n d p  edit    enter  next, then open    r  run    esc  back"), markup=False, classes="keys"
            )

    def action_edit(self, field: str) -> None:
        self.query_one(f"#{field}", Input).focus()

    def action_back(self) -> None:
        """Out of a field first, then out of the form."""
        if self.focused is not None:
            self.set_focus(None)
        else:
            self.action_close()

    def action_close(self) -> None:
        self.dismiss(None)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter goes to the next field; after the last the form waits for enter or r."""
        event.stop()
        position = FIELDS.index(event.input.id or "")
        if position + 1 < len(FIELDS):
            self.action_edit(FIELDS[position + 1])
        else:
            self.set_focus(None)

    def action_use(self, run: bool) -> None:
        values = {field: self.query_one(f"#{field}", Input).value.strip() for field in FIELDS}
        try:
            choice = Choice(values["name"], dataset_path(values["dataset"]), values["preset"], run)
            problem = self.problem(choice)
        except BadInput as error:
            problem = error_line(error)
        if problem:
            self.query_one("#problem", Static).update(printable(problem))
        else:
            self.dismiss(choice)

    def problem(self, choice: Choice) -> str:
        """Why this cannot be used; empty when it can."""
        if not choice.name:
            return _("A name is needed.")
        if choice.preset and choice.preset not in PRESETS:
            return _("There is no preset {name}.").format(name=repr(choice.preset))
        if choice.dataset and not os.path.isdir(choice.dataset):
            return _("There is no folder {path}").format(path=choice.dataset)
        if choice.run and not choice.dataset and choice.name not in self.names:
            return _("A folder of recordings is needed.")
        return ""
