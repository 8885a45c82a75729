"""Training: its curves and the machine, live; the settings behind one key."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical

from rvc_tui.screens.stage import StageScreen
from rvc_tui.widgets.failure import FailurePanel
from rvc_tui.widgets.form import Form
from rvc_tui.widgets.journal import JournalPanel
from rvc_tui.widgets.losses import LossesPanel
from rvc_tui.widgets.memory import MemoryPanel
from rvc_tui.widgets.stages import OneStagePanel


class TrainScreen(StageScreen):
    place = "train"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("t", "turn", "settings/live", id="train.turn", tooltip="the settings, or the live panels"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.live: bool | None = None  # None: as it suits, live while training

    def body(self) -> ComposeResult:
        yield OneStagePanel(self.place, ascii=self.ascii, id="stage")
        yield FailurePanel(ascii=self.ascii, id="failure")
        with Vertical(id="live"):
            yield LossesPanel(ascii=self.ascii, id="losses")
            yield MemoryPanel(ascii=self.ascii, id="machine")
        yield Form(ascii=self.ascii, id="form")
        yield JournalPanel(stage=self.place, id="journal")

    @property
    def shows_live(self) -> bool:
        view = self.session.state.view
        return self.live if self.live is not None else bool(view.losses)

    def draw(self) -> None:
        if self.is_mounted:
            self.query_one("#live").display = self.shows_live
            self.form.display = not self.shows_live
        super().draw()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ("change", "cycle", "reset") and self.is_mounted and self.shows_live:
            return False
        return super().check_action(action, parameters)

    def move(self, count: int) -> None:
        if self.shows_live:
            self.query_one(JournalPanel).scroll_relative(y=count, animate=False)
        else:
            super().move(count)

    def action_turn(self) -> None:
        self.live = not self.shows_live
        self.draw()
        self.refresh_bindings()
