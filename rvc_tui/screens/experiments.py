"""The experiments, and the one that is watched: its stages, the machine, its journal."""

from __future__ import annotations

import os
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from rvc_engine.common.printable import printable
from rvc_engine.errors import RvcError
from rvc_tui.engine_texts import error_line
from rvc_tui.screens.base import AppScreen
from rvc_tui.screens.choose import Choice, ChooseScreen
from rvc_tui.screens.confirm import ConfirmScreen
from rvc_tui.screens.name import NameScreen
from rvc_tui.texts import _
from rvc_tui.widgets.experiments import ExperimentsPanel
from rvc_tui.widgets.failure import FailurePanel
from rvc_tui.widgets.journal import JournalPanel
from rvc_tui.widgets.memory import MemoryPanel
from rvc_tui.widgets.stages import StagesPanel


class ExperimentsScreen(AppScreen):
    place = "experiments"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "new", "new", id="experiment.new", tooltip="a new experiment: name, recordings, preset"),
        Binding(
            "enter,o", "open", "open", key_display="enter", id="experiment.open", tooltip="watch the chosen experiment"
        ),
        Binding(
            "c",
            "duplicate",
            "duplicate",
            show=False,
            id="experiment.duplicate",
            tooltip="a new experiment with the same settings",
        ),
        Binding(
            "D,delete",
            "remove",
            "delete",
            show=False,
            key_display="D",
            id="experiment.delete",
            tooltip="move it to trash/ (asks)",
        ),
        Binding("space", "down(10)", "further down", show=False, id="experiments.page-down"),
    ]

    def body(self) -> ComposeResult:
        yield ExperimentsPanel(ascii=self.ascii, id="list")
        yield StagesPanel(ascii=self.ascii, id="stages")
        yield MemoryPanel(ascii=self.ascii, id="machine")
        yield FailurePanel(ascii=self.ascii, id="failure")
        yield JournalPanel(id="journal")

    @property
    def panel(self) -> ExperimentsPanel:
        return self.query_one(ExperimentsPanel)

    def draw(self) -> None:
        super().draw()
        if self.has_panels:
            self.query_one(JournalPanel).show(self.session.state)

    def command(self) -> list[str]:
        if not self.session.client.name:
            return ["list"]
        return self.rvc.run_command()

    def move(self, count: int) -> None:
        """By one in the list; more scrolls the journal."""
        if abs(count) > 1:
            self.query_one(JournalPanel).scroll_relative(y=count, animate=False)
        elif self.panel.rows:
            self.panel.move(count)
            self.panel.show(self.session.state, self.session.client.now())
            self.refresh_bindings()

    # --- keys ---------------------------------------------------------------------------------------------------------
    def works(self, action: str) -> bool:
        if action in ("open", "duplicate", "remove"):
            return bool(self.panel.rows)
        return super().works(action)

    def action_open(self) -> None:
        row = self.panel.chosen
        if row is not None and row.name != self.session.client.name:
            self.open_experiment(row.name)

    def open_experiment(self, name: str) -> bool:
        """False when that cannot be a name."""
        try:
            client = self.session.client.switch(name)
        except RvcError as error:
            self.notify(error_line(error), title=_("Not opened"), severity="error")
            return False
        self.rvc.watch_experiment(client)
        self.panel.put_cursor_on(name)
        return True

    def action_new(self) -> None:
        """The form, with the name that the app was started with where there is no such experiment yet."""
        client, outlook = self.session.client, self.session.state.outlook
        names, name = client.names(), client.spelled()
        known = Choice("" if name in names or os.path.isdir(name) else name, self.session.recordings, outlook.preset)
        self.app.push_screen(ChooseScreen(known, names), self._made)

    def _made(self, choice: Choice | None) -> None:
        if choice is None:
            return
        if choice.name not in self.session.client.names():
            if why := self.session.client.create(choice.name, choice.dataset, choice.preset):
                self.notify(why, title=_("Not made"), severity="error")
                return
        elif choice.dataset and (why := self.session.client.switch(choice.name).change("dataset", choice.dataset)):
            self.notify(why, title=_("Not changed"), severity="error")
        if self.open_experiment(choice.name):
            self.session.dataset = choice.dataset
            if choice.run:
                self.rvc.run_words(self.rvc.run_command())

    def action_duplicate(self) -> None:
        row = self.panel.chosen
        if row is None:
            return

        def named(new: str | None) -> None:
            if new:
                if why := self.session.client.duplicate(row.name, new):
                    self.notify(why, title=_("Not made"), severity="error")
                elif self.open_experiment(new):
                    self.notify(_("{new} has the settings of {name}").format(new=new, name=row.name))

        self.app.push_screen(
            NameScreen(
                _("Name of the new experiment, with the settings of {name}").format(name=printable(row.name)),
                f"{row.name}-2",
            ),
            named,
        )

    def action_remove(self) -> None:
        row = self.panel.chosen
        if row is None:
            return

        def answered(yes: bool | None) -> None:
            if not yes:
                return
            if why := self.session.client.remove(row.name):
                self.notify(why, title=_("Not deleted"), severity="error")
                return
            self.notify(
                _("moved to {folder}; voices in weights/ stay").format(folder=self.session.client.home / "trash")
            )
            others = [name for name in self.session.client.names() if name != row.name]
            self.open_experiment(
                others[0] if others else ""
            ) if row.name == self.session.client.name else self.rvc.look_now()

        question = _(
            "Delete {name}: its clips, features, checkpoints and journals?\nThey move to trash/; voices in weights/ "
            "stay."
        ).format(name=printable(row.name))
        self.app.push_screen(ConfirmScreen(question), answered)
