"""A stage of the pipeline: how far it is, every setting, and what it said."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from rvc_engine.settings import ExperimentSettings, for_base, for_preset
from rvc_tui.screens.base import AppScreen
from rvc_tui.texts import _
from rvc_tui.widgets.failure import FailurePanel
from rvc_tui.widgets.form import Form, items_of
from rvc_tui.widgets.journal import JournalPanel
from rvc_tui.widgets.stages import OneStagePanel


class StageScreen(AppScreen):
    """For any stage: `place` is its name."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "change", "change", id="form.change", tooltip="change the chosen setting"),
        Binding("space", "cycle", "next", id="form.next", tooltip="the next of the few values of a setting"),
        Binding("d", "reset", "default", id="form.default", tooltip="back to the default"),
        Binding("x", "run_stage", "this stage", id="run.stage", tooltip="this stage, after those that it needs"),
        Binding("escape", "leave_field", show=False, id="form.leave"),
    ]

    def body(self) -> ComposeResult:
        yield OneStagePanel(self.place, ascii=self.ascii, id="stage")
        yield FailurePanel(ascii=self.ascii, id="failure")
        yield Form(ascii=self.ascii, id="form")
        yield JournalPanel(stage=self.place, id="journal")

    def on_mount(self) -> None:
        self.form.listener = self.on_form_changed

    @property
    def form(self) -> Form:
        return self.query_one(Form)

    def draw(self) -> None:
        super().draw()
        if self.journal is None:
            return
        self.journal.show(self.session.state)
        self.show_form()

    def show_form(self) -> None:
        settings = self.settings()
        if settings is None:
            self.form.show([], None)
            return
        defaults = (for_base if settings.base else for_preset)(settings.preset, pitched=settings.pitched)
        section = settings.section(self.place)
        self.form.show(items_of(self.place, section, defaults.section(self.place)), section)

    def settings(self) -> ExperimentSettings | None:
        return self.session.settings()  # where they are damaged the heading says it, by the outlook

    def command(self) -> list[str]:
        """With every setting that is not its default."""
        words = [self.place, self.session.client.spelled() or "NAME"]
        return words + [word for item in self.form.items if item.changed for word in item.as_flag()]

    # --- keys -------------------------------------------------------------------------------------------------------
    def works(self, action: str) -> bool:
        if action in ("change", "cycle", "reset"):
            return bool(self.form.items)
        if action == "run_stage":
            return bool(self.session.client.name) and not self.session.state.running and not self.session.state.starting
        return super().works(action)

    def move(self, count: int) -> None:
        self.form.move(count)

    def action_change(self) -> None:
        self.form.edit()

    def action_cycle(self) -> None:
        self.form.cycle()

    def action_reset(self) -> None:
        self.form.reset()

    def action_leave_field(self) -> None:
        if self.form.editing:
            self.form.leave_entry()
        elif self.filtering:
            self.action_clear_filter()
        else:
            self.rvc.action_home()

    def action_run_stage(self) -> None:
        self.rvc.run_words([self.place, self.session.client.spelled()])

    def on_form_changed(self, message: Form.Changed) -> None:
        if why := self.session.client.change(message.key, message.value):
            self.notify(why, title=_("Not changed"), severity="error")
        elif self.session.state.running:
            self.notify(_("the run that is under way keeps what it began with"), title=_("Saved for the next run"))
        self.draw()
        self.rvc.look_now()
