"""The run screen: the stages of one experiment, live, and one key for the whole pipeline."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from dataclasses import replace
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widgets import Footer
from textual.worker import get_current_worker

from rvc_engine.errors import RvcError
from rvc_tui.engine_client import Client
from rvc_tui.messages import Happened, Looked, MachineRead, Refused
from rvc_tui.screens.choose import Choice, ChooseScreen
from rvc_tui.screens.confirm import ConfirmScreen
from rvc_tui.screens.help import HelpScreen
from rvc_tui.state import ScreenState
from rvc_tui.widgets.failure import FailurePanel, told
from rvc_tui.widgets.heading import Heading
from rvc_tui.widgets.journal import JournalPanel
from rvc_tui.widgets.losses import LossesPanel
from rvc_tui.widgets.memory import MemoryPanel
from rvc_tui.widgets.panel import Panel
from rvc_tui.widgets.stages import StagesPanel

FOLLOW_S, LOOK_S, MACHINE_S, DRAW_S = 0.1, 15.0, 2.0, 0.25
SLOWER = 5  # times, in low-bandwidth mode


class RunScreen(Screen[None]):
    AUTO_FOCUS = ""
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (70, "-wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-tiny"), (16, "-short"), (24, "-tall")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "run_all", "run all"),
        Binding("s", "stop", "stop"),
        Binding("n,o", "choose", "new/open", key_display="n"),
        Binding("y", "copy", "copy paths"),
        Binding("j,down", "scroll(1)", "scroll", key_display="j k"),
        Binding("k,up", "scroll(-1)", show=False),
        Binding("pagedown,space", "scroll(10)", show=False),
        Binding("pageup,b", "scroll(-10)", show=False),
        Binding("g,home", "scroll(-100000)", show=False),
        Binding("G,end", "scroll(100000)", show=False),
        Binding("question_mark", "help", "help", key_display="?"),
        Binding("q,escape", "leave", "quit", key_display="q"),
        Binding("ctrl+z", "app.suspend_process", show=False),
    ]

    def __init__(self, client: Client, *, ascii: bool = False, slow: bool = False) -> None:
        super().__init__()
        self.client, self.ascii = client, ascii
        self.pace = SLOWER if slow else 1
        self.state = ScreenState()
        self.choice = Choice("", "", "")  # what the form was left with, until the engine has written it down
        self._drawn_at = 0.0
        self._undrawn = False
        self._usable: tuple[bool | None, ...] = ()

    def compose(self) -> ComposeResult:
        yield Heading(ascii=self.ascii, id="heading")
        yield StagesPanel(ascii=self.ascii, id="stages")
        yield LossesPanel(ascii=self.ascii, id="losses")
        yield MemoryPanel(ascii=self.ascii, id="machine")
        yield FailurePanel(ascii=self.ascii, id="failure")
        yield JournalPanel(id="journal")
        yield Footer(show_command_palette=False, compact=True)

    def on_mount(self) -> None:
        self._begin()
        self.set_interval(1.0 * self.pace, self.draw)
        self.set_interval(DRAW_S * self.pace, self._draw_if_due)

    def _begin(self) -> None:
        """Watch the client's experiment from its first line on."""
        self.state = ScreenState(machine=self.state.machine)
        self.state.view.name, self.state.view.folder = self.client.name, self.client.folder
        self.state.begun = -1  # the journal panel forgets the former experiment
        self.workers.cancel_group(self, "watch")
        self.follow(self.client)
        self.look(self.client)
        self.watch_machine(self.client)
        self.draw()

    # --- workers: they fetch and post, and touch no widget ------------------------------------------------------------
    @work(thread=True, group="watch", exit_on_error=True)
    def follow(self, client: Client) -> None:
        worker = get_current_worker()
        known = False
        while not worker.is_cancelled:
            update = client.poll()
            if worker.is_cancelled:
                return
            if update.events or update.alive or known:
                self.post_message(Happened(update))
            known = update.alive
            if not update.more:
                time.sleep(FOLLOW_S * self.pace)

    @work(thread=True, group="watch")
    def look(self, client: Client) -> None:
        """The advisor and the plan, again from time to time: others come and go."""
        worker = get_current_worker()
        due = 0.0
        while not worker.is_cancelled:
            if time.monotonic() >= due:
                outlook = client.outlook()
                due = time.monotonic() + LOOK_S * self.pace
                if not worker.is_cancelled:
                    self.post_message(Looked(outlook))
            time.sleep(0.1)

    @work(thread=True, group="watch")
    def watch_machine(self, client: Client) -> None:
        worker = get_current_worker()
        due = 0.0
        while not worker.is_cancelled:
            if time.monotonic() >= due:
                machine = client.machine()
                due = time.monotonic() + MACHINE_S * self.pace
                if not worker.is_cancelled:
                    self.post_message(MachineRead(machine))
            time.sleep(0.1)

    @work(thread=True, group="command")
    def start(self, client: Client, dataset: str, preset: str) -> None:
        self.post_message(Refused(client.start(dataset, preset)))

    @work(thread=True, group="command")
    def ask_to_stop(self, client: Client) -> None:
        if why := client.stop():
            self.app.call_from_thread(self.notify, why, title="Not stopped", severity="warning")

    @work(thread=True, group="command")
    def copy_in_tmux(self, text: str) -> None:
        """tmux ignores what applications send to the clipboard unless told otherwise: its own buffer works."""
        subprocess.run(["tmux", "load-buffer", "-w", "-"], input=text.encode(), check=False, timeout=5, capture_output=True)

    # --- what they found ----------------------------------------------------------------------------------------------
    def on_happened(self, message: Happened) -> None:
        update, state = message.update, self.state
        before = (state.view.state, bool(state.view.artefacts))
        state.fold(update.events)
        if state.running and not update.alive and not update.more:
            state.view.note_gone()
        state.event_at = max(state.event_at, update.event_at)
        state.stuck_after_s = update.stuck_after_s or state.stuck_after_s
        self._undrawn = self._undrawn or bool(update.events)
        if before != (state.view.state, bool(state.view.artefacts)):
            self.draw()
        else:
            self._draw_if_due()

    def on_looked(self, message: Looked) -> None:
        self.state.outlook = message.outlook
        self.draw()

    def on_machine_read(self, message: MachineRead) -> None:
        self.state.machine = message.machine
        self._undrawn = True
        self._draw_if_due()

    def on_refused(self, message: Refused) -> None:
        if message.why:
            self.state.starting, self.state.refused = False, message.why
        else:  # `starting` holds until the run's first line arrives
            self.choice = Choice("", "", "")
        self.draw()

    # --- drawing ------------------------------------------------------------------------------------------------------
    def _draw_if_due(self) -> None:
        if self._undrawn and time.monotonic() - self._drawn_at >= DRAW_S * self.pace:
            self.draw()

    def draw(self) -> None:
        if not self.is_mounted:
            return
        self._drawn_at, self._undrawn = time.monotonic(), False
        self.set_class(bool(told(self.state)) and not self.state.starting, "-failing")
        for panel in self.query(Panel):
            panel.show(self.state, self.client.now())
        self.query_one(JournalPanel).show(self.state)
        usable = tuple(self.check_action(action, ()) for action in ("run_all", "stop", "copy", "scroll"))
        if usable != self._usable:
            self._usable = usable
            self.refresh_bindings()

    # --- keys ---------------------------------------------------------------------------------------------------------
    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The footer shows only what works now."""
        state = self.state
        if action == "run_all":
            return not state.running and not state.starting
        if action == "stop":
            return state.running
        if action == "copy":
            return bool(state.view.artefacts)
        if action == "scroll":
            return bool(state.lines)
        return True

    def action_run_all(self) -> None:
        dataset = self.choice.dataset or self.state.outlook.dataset
        if not self.client.name or not dataset:
            self.action_choose()
            return
        self.state.starting, self.state.refused = True, ""
        self.draw()
        self.start(self.client, self.choice.dataset, self.choice.preset)

    def action_stop(self) -> None:
        def answered(yes: bool | None) -> None:
            if yes:
                self.notify("It saves what it has, then stops.")
                self.ask_to_stop(self.client)

        question = f"Stop the run of {self.state.view.name}?\nWhat is done is saved; r goes on from there."
        self.app.push_screen(ConfirmScreen(question), answered)

    def action_choose(self) -> None:
        known = Choice(self.client.name, self.choice.dataset or self.state.outlook.dataset, self.choice.preset or self.state.outlook.preset)
        self.app.push_screen(ChooseScreen(known, self.client.names()), self._chosen)

    def _chosen(self, choice: Choice | None) -> None:
        if choice is None:
            return
        if choice.name != self.client.name:
            try:
                self.client = self.client.switch(choice.name)
            except RvcError as error:
                self.notify(str(error), title="Not opened", severity="error")
                return
            self._begin()
        fixed = self.state.outlook.preset if choice.name in self.client.names() else ""
        self.choice = Choice(choice.name, choice.dataset, "" if choice.preset == fixed else choice.preset)
        self.state.outlook = replace(self.state.outlook, dataset=choice.dataset, preset=choice.preset, problem="")
        self.draw()
        if choice.run and not self.state.running:
            self.action_run_all()

    def action_copy(self) -> None:
        paths = [str(artefact["path"]) for artefact in self.state.view.artefacts]
        text = "\n".join(paths)
        self.app.copy_to_clipboard(text)
        if os.environ.get("TMUX") and shutil.which("tmux"):
            self.copy_in_tmux(text)
        self.notify(f"{len(paths)} paths copied; they are printed on leaving too")

    def action_scroll(self, lines: int) -> None:
        self.query_one(JournalPanel).scroll_relative(y=lines, animate=False)

    def action_help(self) -> None:
        self.app.push_screen(HelpScreen())

    def action_leave(self) -> None:
        self.app.exit()
