"""Training: its curves, its pace, the machine and the batch size, live; the settings behind one key."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Horizontal, Vertical

from rvc_engine.client.engine_client import Client, Ended
from rvc_engine.common.lines import Answered
from rvc_tui.engine_texts import translated
from rvc_tui.preferences import Price, kept_price, read_price, save_preference
from rvc_tui.screens.audition import AuditionScreen, pictures_in
from rvc_tui.screens.curves import CurvesScreen
from rvc_tui.screens.name import NameScreen
from rvc_tui.screens.stage import StageScreen
from rvc_tui.texts import _
from rvc_tui.widgets.advisor import AdvisorPanel
from rvc_tui.widgets.chart import ChartPanel, NormsPanel
from rvc_tui.widgets.failure import FailurePanel
from rvc_tui.widgets.form import Form
from rvc_tui.widgets.journal import JournalPanel
from rvc_tui.widgets.memory import MachinePanel
from rvc_tui.widgets.pace import PacePanel
from rvc_tui.widgets.stages import OneStagePanel

VIEWS = ("chart", "machine", "advice", "journal")
ROOMY = 34  # lines: all the panels at once
LIVE = ("view", "curve", "curves", "smooth", "log", "axis", "zoom", "pan", "whole")


class TrainScreen(StageScreen):
    place = "train"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("x", "run_stage", "train", id="run.stage", tooltip="this stage, after those that it needs"),
        Binding("t", "turn", "set/live", id="train.turn", tooltip="the settings, or the live panels"),
        Binding(
            "v", "view", "panel", id="train.view", tooltip="give the room to: curves, machine, batch size, journal"
        ),
        Binding("c", "curve(1)", "curve", id="train.curve", tooltip="the next curve alone; C the one before"),
        Binding("C", "curve(-1)", show=False, id="train.curve-before"),
        Binding("i", "curves", "meaning", id="train.curves", tooltip="what each curve means, and which are drawn"),
        Binding("o", "smooth", show=False, id="chart.smooth", tooltip="smoothing: 0, 0.6, 0.9, 0.987"),
        Binding("L", "log", show=False, id="chart.log", tooltip="logarithmic scale, or linear"),
        Binding("X", "axis", show=False, id="chart.axis", tooltip="by step, epoch or time"),
        Binding(
            "plus,equals_sign", "zoom(1)", key_display="+ -", show=False, id="chart.zoom-in", tooltip="zoom in and out"
        ),
        Binding("minus", "zoom(-1)", show=False, id="chart.zoom-out"),
        Binding(
            "less_than_sign,comma",
            "pan(-1)",
            key_display="< >",
            show=False,
            id="chart.before",
            tooltip="earlier and later; also , .",
        ),
        Binding("greater_than_sign,full_stop", "pan(1)", show=False, id="chart.after"),
        Binding("z", "whole", show=False, id="chart.whole", tooltip="the whole history again"),
        Binding(
            "w",
            "audition",
            show=False,
            id="train.audition",
            tooltip="the voice at each checkpoint: spectrograms, files to hear",
        ),
        Binding("p", "price", show=False, id="train.price", tooltip="the price of an hour of this machine"),
        Binding(
            "m",
            "measure",
            show=False,
            id="advice.measure",
            tooltip="measure batch sizes with real steps; again stops it",
        ),
        Binding("u", "use_advice", show=False, id="advice.use", tooltip="use the recommended batch size"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.live: bool | None = None  # None: as it suits, live while training
        self.view = "chart"
        self.price: Price | None = None

    def body(self) -> ComposeResult:
        yield OneStagePanel(self.place, ascii=self.ascii, id="stage")
        yield FailurePanel(ascii=self.ascii, id="failure")
        with Vertical(id="live"):
            yield PacePanel(ascii=self.ascii, id="pace")
            with Horizontal(id="charts"):
                yield ChartPanel(ascii=self.ascii, id="chart")
                yield NormsPanel(ascii=self.ascii, id="norms")
            with Container(id="around"):
                yield MachinePanel(ascii=self.ascii, id="machine")
                yield AdvisorPanel(ascii=self.ascii, id="advice")
        yield Form(ascii=self.ascii, id="form")
        yield JournalPanel(stage=self.place, id="journal")

    def entered(self) -> None:
        self.price = kept_price()
        self.give_room()

    def on_resize(self) -> None:
        self.give_room()

    @property
    def shows_live(self) -> bool:
        view = self.session.state.view
        return self.live if self.live is not None else bool(view.losses)

    @property
    def chart(self) -> ChartPanel:
        return self.query_one("#chart", ChartPanel)

    @property
    def advisor(self) -> AdvisorPanel:
        return self.query_one(AdvisorPanel)

    def give_room(self) -> None:
        """Which panels are there, by what is asked for and by the room. Those inside others come a moment after the
        screen."""
        if not (self.is_mounted and self.query("MachinePanel") and self.query("PacePanel")):
            return
        roomy = self.size.height >= ROOMY
        self.set_class(roomy, "-roomy")
        self.set_class(self.shows_live, "-live")
        for view in VIEWS:
            self.set_class(self.view == view, f"-view-{view}")
        machine = self.query_one(MachinePanel)
        machine.roomy = roomy or self.view == "machine"
        self.query_one(PacePanel).price = self.price

    def draw(self) -> None:
        if self.has_panels:
            self.give_room()
            settings = self.settings()
            self.advisor.chosen = str(settings.train.batch_size) if settings else ""
        super().draw()

    def works(self, action: str) -> bool:
        if action in ("change", "cycle", "reset") and self.shows_live:
            return False
        if action in LIVE:
            return self.shows_live
        if action == "measure":
            return bool(self.session.client.name) and not self.session.state.running
        if action == "use_advice":
            return self.session.state.outlook.advice is not None and bool(self.session.client.name)
        return super().works(action)

    def move(self, count: int) -> None:
        if self.shows_live:
            self.query_one(JournalPanel).scroll_relative(y=count, animate=False)
        else:
            super().move(count)

    def turned(self) -> None:
        self.draw()
        self.refresh_bindings()

    def action_filter(self) -> None:
        self.view = "journal"
        self.draw()
        super().action_filter()

    # --- keys ---------------------------------------------------------------------------------------------------------
    def action_turn(self) -> None:
        self.live = not self.shows_live
        self.turned()

    def action_view(self) -> None:
        self.view = VIEWS[(VIEWS.index(self.view) + 1) % len(VIEWS)]
        self.turned()

    def action_curve(self, step: int) -> None:
        self.chart.next_curve(step)

    def action_curves(self) -> None:
        def chosen(names: list[str] | None) -> None:
            if names:
                self.chart.look.drawn = names
                self.chart.redraw()

        self.app.push_screen(CurvesScreen(self.session.state.view, self.chart.look.drawn), chosen)

    def action_smooth(self) -> None:
        self.chart.next_weight()

    def action_log(self) -> None:
        self.chart.turn_log()

    def action_axis(self) -> None:
        self.chart.next_axis()

    def action_zoom(self, steps: int) -> None:
        self.chart.zoom_by(steps)

    def action_pan(self, halves: int) -> None:
        self.chart.pan(halves)

    def action_whole(self) -> None:
        self.chart.whole()

    def action_audition(self) -> None:
        """What each checkpoint made of one clip."""
        if found := pictures_in(Path(self.session.client.folder) / "audition"):
            self.app.push_screen(AuditionScreen(found))
        else:
            self.notify(_("the first checkpoint of a training makes one"), title=_("Nothing to hear yet"))

    def action_price(self) -> None:
        def answered(text: str | None) -> None:
            price = read_price(text or "")
            if text and price is None:
                self.notify(_("{text} is no price: 0.30, $0.30 or 0.30 EUR").format(text=repr(text)), severity="error")
                return
            if price is None or price == self.price:
                return
            self.price = price if price.an_hour else None
            if why := save_preference("price_per_hour", str(price) if price.an_hour else ""):
                self.notify(why, title=_("Not saved"), severity="warning")
            self.draw()

        question = _("The price of an hour of this machine, as in 0.30, $0.30 or 0.30 EUR; 0 shows none")
        self.app.push_screen(NameScreen(question, str(self.price or "")), answered)

    # --- the batch size -----------------------------------------------------------------------------------------------
    def action_use_advice(self) -> None:
        advice = self.session.state.outlook.advice or {}
        size = advice.get("recommended")
        if why := self.session.client.change("train.batch_size", size):
            self.notify(why, title=_("Not changed"), severity="error")
            return
        running = self.session.state.running
        self.notify(
            _("train.batch_size is {size}").format(size=size), title=_("Saved for the next run") if running else ""
        )
        self.draw()
        self.rvc.look_now()

    def action_measure(self) -> None:
        if self.advisor.measuring:
            self.session.client.interrupt("advise")
            return
        self.advisor.measuring, self.advisor.problem = True, ""
        self.view, self.live = "advice", True
        self.session.unfinished["advise"] = _("measuring the batch size")
        self.turned()
        self.measure(self.session.client, self.measuring_words())

    def measuring_words(self) -> list[str]:
        settings = self.settings()
        precision = ["--precision", settings.train.precision] if settings else []
        return ["advise", self.session.client.spelled(), *precision, "--measure", "--json"]

    @work(thread=True, group="measure")
    def measure(self, client: Client, words: list[str]) -> None:
        advice: dict[str, Any] | None = None
        problem = ""
        for line in client.stream(words):
            if isinstance(line, Answered):
                advice = line.data
            elif isinstance(line, Ended):
                problem = line.problem
        self.call_later(self.measured, client, advice, problem)

    def measured(self, client: Client, advice: dict[str, Any] | None, problem: str) -> None:
        self.advisor.measuring = False
        self.session.unfinished.pop("advise", None)
        if client is self.session.client:
            self.advisor.problem = (
                _("not measured: {reason}").format(reason=translated(problem) or _("stopped")) if advice is None else ""
            )
            if advice is not None:
                state = self.session.state
                state.outlook = replace(state.outlook, advice=advice)
        self.turned()
