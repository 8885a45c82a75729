"""The app: watches one experiment, routes between the screens, and stays small. The engine is another process; leaving
never stops it."""

from __future__ import annotations

import shlex
import time
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.css.query import NoMatches
from textual.filter import LineFilter
from textual.notifications import SeverityLevel

from rvc_engine.client.engine_client import Client
from rvc_engine.common.printable import LONG, printable
from rvc_engine.errors import RvcError
from rvc_engine.messages import NOTHING
from rvc_engine.run.stage_list import find_stage
from rvc_tui import engine_texts
from rvc_tui.changed_cells import ChangedCells
from rvc_tui.clipboard import CopyingApp
from rvc_tui.colours import COLOURLESS, TERMINAL, TERMINAL_THEME, Readable, table_of
from rvc_tui.editor import edit_suspended
from rvc_tui.engine_texts import error_line, translated
from rvc_tui.keymap import NO_KEY, UserKeys, for_textual, key_names, keys_file, read_keys, write_keys
from rvc_tui.keystrokes import KeystrokesApp
from rvc_tui.messages import Happened, Looked, MachineRead, Refused
from rvc_tui.palette import Entry, entries_of
from rvc_tui.places import PLACES, beside
from rvc_tui.reporting import ReportingApp
from rvc_tui.safe_cells import SafeCells
from rvc_tui.screens import SCREENS
from rvc_tui.screens.base import AppScreen
from rvc_tui.screens.command import CommandScreen
from rvc_tui.screens.confirm import ConfirmScreen, LeaveScreen
from rvc_tui.screens.help import HelpScreen
from rvc_tui.screens.palette import PaletteScreen
from rvc_tui.screens.plan import PlanScreen
from rvc_tui.session import Session
from rvc_tui.texts import _
from rvc_tui.textual_private import is_leaving
from rvc_tui.watching import WatchingApp

DRAW_S = 0.25
SLOWER = 5  # times, in low-bandwidth mode
REPLAY = 300  # more events at once are a replay; drawing holds it up
REPLAY_DRAW_S = 1.0


class RvcApp(WatchingApp, ReportingApp, ChangedCells, CopyingApp, KeystrokesApp):
    CSS_PATH = Path(__file__).with_name("rvc.tcss")
    TITLE = "rvc-tui"
    ENABLE_COMMAND_PALETTE = False
    AUTO_FOCUS = ""
    SCREENS = SCREENS
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "run_all", "run all", id="run.all"),
        Binding("s", "stop", "stop", id="run.stop"),
        Binding("y", "copy", "copy", id="copy"),
        Binding("at", "command", "command", key_display="@", show=False, id="command"),
        Binding("e", "edit", "edit file", show=False, id="edit.file"),
        Binding("right,l,right_square_bracket", "beside(1)", "next screen", show=False, id="screen.next"),
        Binding("left,h,left_square_bracket", "beside(-1)", "screen before", show=False, id="screen.previous"),
        *(
            Binding(
                place.key or f"{NO_KEY}screen.{place.name}",
                f"go('{place.name}')",
                f"the screen {place.name}",
                show=False,
                id=f"screen.{place.name}",
            )
            for place in PLACES
        ),
        Binding("question_mark", "help", "help", key_display="?", id="help"),
        Binding("escape", "home", "experiments", show=False, id="back"),
        Binding(
            "colon,ctrl+p",
            "palette",
            "palette",
            show=False,
            id="palette",
            tooltip="everything that can be done now, by name",
        ),
        Binding("q", "leave", "quit", id="quit"),
        Binding("ctrl+c,ctrl+q", "leave", "quit", show=False, priority=True, id="quit.ctrl"),
        Binding("ctrl+z", "suspend_process", "suspend: fg brings it back", show=False, id="suspend"),
    ]

    def __init__(
        self,
        client: Client,
        *,
        ascii: bool = False,
        slow: bool = False,
        first: str = "",
        theme: str = "",
        keys: UserKeys | None = None,
    ) -> None:
        super().__init__()
        self.keys = keys or UserKeys()
        self.register_theme(TERMINAL_THEME)
        self.theme = theme or TERMINAL
        self.readable = Readable(lambda: table_of(self.theme, self.console.color_system))
        self.ascii = ascii
        self.safe_cells = SafeCells(ascii=ascii)
        self.session = Session(client, ascii=ascii, pace=SLOWER if slow else 1)
        self.first_place = first or "experiments"
        self._drawn_at = 0.0
        self._undrawn = False
        self._replays = False
        self._usable: tuple[object, ...] = ()

    def on_mount(self) -> None:
        self.set_class(self.ascii, "-ascii")
        self.use_keys(self.keys)
        self.push_screen(self.first_place)
        self.watch_experiment(self.session.client)
        self.set_interval(1.0 * self.session.pace, self.draw)
        self.set_interval(DRAW_S * self.session.pace, self._draw_if_due)

    def watch_experiment(self, client: Client) -> None:
        """From its first line on."""
        self.session.begin(client)
        self.workers.cancel_group(self, "watch")
        self.follow(client)
        self.look(client)
        self.watch_machine(client)
        self.draw()

    def get_line_filters(self) -> Sequence[LineFilter]:
        return [self.safe_cells, self.readable, *super().get_line_filters(), *([COLOURLESS] if self.no_color else [])]

    @property
    def displayed(self) -> AppScreen | None:
        """The screen of the app that is seen, perhaps below a question."""
        return next((screen for screen in reversed(self.screen_stack) if isinstance(screen, AppScreen)), None)

    # --- what the workers found ---------------------------------------------------------------------------------------
    def on_happened(self, message: Happened) -> None:
        update, state = message.update, self.session.state
        before = (state.view.state, bool(state.view.artefacts))
        state.fold(update.events)
        if update.curves is not None:
            state.view.curves = update.curves
        if state.running and not update.alive and not update.more:
            state.view.note_gone()
        state.event_at = max(state.event_at, update.event_at)
        state.stuck_after_s = update.stuck_after_s or state.stuck_after_s
        self._undrawn = self._undrawn or bool(update.events)
        self._replays = len(update.events) > REPLAY
        if before != (state.view.state, bool(state.view.artefacts)):
            self.draw()
        else:
            self._draw_if_due()

    def on_looked(self, message: Looked) -> None:
        self.session.state.outlook = message.outlook
        self.draw()

    def on_machine_read(self, message: MachineRead) -> None:
        self.session.state.note_machine(message.machine)
        self.draw_soon()

    def on_refused(self, message: Refused) -> None:
        if message.why:
            self.session.state.starting, self.session.state.refused = False, message.why
        else:  # `starting` holds until the run's first line arrives
            self.session.dataset = self.session.preset = ""
        self.draw()

    # --- drawing ------------------------------------------------------------------------------------------------------
    def draw_soon(self) -> None:
        """At the app's pace: for what changes often."""
        self._undrawn = True
        self._draw_if_due()

    def _draw_if_due(self) -> None:
        pause = REPLAY_DRAW_S if self._replays else DRAW_S
        if self._undrawn and time.monotonic() - self._drawn_at >= pause * self.session.pace:
            self.draw()

    def draw(self) -> None:
        screen = self.displayed
        if screen is None or is_leaving(self):
            return
        self._drawn_at, self._undrawn = time.monotonic(), False
        try:
            screen.draw()
        except NoMatches:  # its panels are not all there yet, or no longer
            self._undrawn = True
            return
        usable = (
            screen.place,
            *(self.check_action(action, ()) for action in ("run_all", "stop", "copy")),
            *screen.usable(),
        )
        if usable != self._usable:
            self._usable = usable
            screen.refresh_bindings()

    # --- keys ---------------------------------------------------------------------------------------------------------
    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The footer shows only what works now."""
        state, screen = self.session.state, self.displayed
        if action == "run_all":
            return not state.running and not state.starting
        if action == "stop":
            return state.running
        if action == "copy":
            return screen is not None and screen.check_action(action, parameters)
        if action == "edit":
            return bool(self.session.client.name)
        return True

    def action_go(self, name: str) -> None:
        if self.displayed is not None and self.displayed.place != name and name in self.SCREENS:
            self.switch_screen(name)

    def action_beside(self, step: int) -> None:
        if self.displayed is not None:
            self.action_go(beside(self.displayed.place, step, self.SCREENS))

    def action_home(self) -> None:
        self.action_go("experiments")

    def action_run_all(self) -> None:
        """Says what will run; enter starts it."""
        if not self.session.client.name or not self._has_recordings():
            self.action_go("experiments")
            self.notify(_("n makes an experiment: a name and a folder of recordings"), title=_("Nothing to run yet"))
            return

        def answered(yes: bool | None) -> None:
            if yes:
                self.run_words(self.run_command(), agreed=True)

        self.push_screen(PlanScreen(self.session), answered)

    def _has_recordings(self) -> bool:
        """Also in the moment before the first look at the experiment has answered."""
        settings = None if self.session.recordings else self.session.settings()
        return bool(self.session.recordings or (settings and settings.dataset))

    def run_command(self) -> list[str]:
        """The whole pipeline, with what was chosen and is not yet written down."""
        words = ["run", self.session.client.spelled()]
        words += ["--dataset", self.session.dataset] if self.session.dataset else []
        return words + (["--preset", self.session.preset] if self.session.preset else [])

    def run_words(self, words: list[str], *, agreed: bool = False) -> None:
        """`agreed`: what the engine would ask about was displayed, and the answer was yes."""
        stage = find_stage(words[0])  # None for the whole run
        doubt = self.session.state.outlook.doubt if stage is None or stage.is_training else ""
        if doubt and not agreed:

            def answered(yes: bool | None) -> None:
                if yes:
                    self.run_words(words, agreed=True)

            question = _("The old work moves to a backup; its voice stays until the new one is whole.")
            self.push_screen(ConfirmScreen(f"{translated(doubt)}\n{question}"), answered)
            return
        words = [*words, "--yes"] if doubt else words
        self.session.state.starting, self.session.state.refused = True, NOTHING
        self.draw()
        self.start(self.session.client, words)

    def action_stop(self) -> None:
        def answered(yes: bool | None) -> None:
            if yes:
                self.notify(_("It saves after its next step, then ends."))
                self.ask_to_stop(self.session.client)

        question = _("Stop the run of {name}?\nIt saves after its next step, then ends; r resumes it.").format(
            name=printable(self.session.state.view.name)
        )
        self.push_screen(ConfirmScreen(question), answered)

    def action_copy(self) -> None:
        if self.displayed is not None:
            self.copy_lines(self.displayed.to_copy())

    def copy_lines(self, lines: list[str]) -> None:
        text = "\n".join(lines)
        self.copy_to_clipboard(text)
        many = _("{count} lines copied").format(count=len(lines))
        self.notify(many if len(lines) > 1 else _("copied: {text}").format(text=text))

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = True,
    ) -> None:
        """A notification may hold anything that a file is called: it is one line, and never markup."""
        super().notify(
            printable(message, LONG), title=printable(title), severity=severity, timeout=timeout, markup=False
        )

    def action_command(self) -> None:
        if self.displayed is not None:
            self.push_screen(CommandScreen(shlex.join(["rvc", *self.displayed.command()])))

    def action_edit(self) -> None:
        """experiment.toml in the user's editor; what is wrong with it afterwards is said."""
        path = Path(self.session.client.folder) / "experiment.toml"
        if not path.is_file():
            self.notify(
                _("it is written by the first run, or by n"),
                title=_("There is no experiment.toml yet"),
                severity="warning",
            )
            return
        self.open_editor(path)
        try:
            self.session.client.settings()
        except RvcError as error:
            self.notify(error_line(error), title=_("The file is not valid"), severity="error")
        self.look_now()
        self.draw()

    def open_editor(self, path: Path) -> None:
        if (problem := edit_suspended(self, path)) is not None:
            self.notify(problem.message, title=problem.title, severity="error")

    def use_keys(self, keys: UserKeys) -> None:
        """The user's own keys; what is wrong with them is displayed."""
        self.keys = keys
        self.set_keymap(for_textual(keys.keymap))
        engine_texts.use_keys(keys.keymap)
        if keys.problems:
            self.notify("; ".join(keys.problems[:5]), title=_("Keys"), severity="warning", timeout=15)

    def action_write_keys(self) -> None:
        try:
            self.notify(write_keys(keys_file()), title=_("Keys"))
        except OSError as error:
            self.notify(str(error), title=_("Not written"), severity="error")

    def action_edit_keys(self) -> None:
        """The file is written first when there is none; what it says counts at once."""
        path = keys_file()
        if not path.exists():
            self.action_write_keys()
        if path.exists():
            self.open_editor(path)
            self.use_keys(read_keys(path))

    def action_palette(self) -> None:
        def chosen(entry: Entry | None) -> None:
            if entry is not None:
                self.call_later(self.run_action, entry.action, entry.node)

        self.push_screen(PaletteScreen(entries_of(self.screen.active_bindings, self, self.SCREENS)), chosen)

    def get_key_display(self, binding: Binding) -> str:
        """7-bit names in ASCII mode."""
        name = super().get_key_display(binding)
        return name if name.isascii() or not self.ascii else key_names([binding.key])

    def action_help(self) -> None:
        self.push_screen(HelpScreen(self.screen.active_bindings, self.keys.keymap))

    def action_leave(self) -> None:
        """Asks only when something would be lost. A run continues, and is not."""

        def answered(yes: bool | None) -> None:
            if yes:
                if self.session.unfinished:
                    self.session.client.interrupt()
                self.exit()

        lost = [what for what in self.session.unfinished.values() if what]
        if not lost or isinstance(self.screen, LeaveScreen):  # asked twice: meant
            answered(True)
        else:
            self.push_screen(
                LeaveScreen("\n".join([_("Leaving cuts off:"), *map(printable, lost), _("Leave?")])), answered
            )

    def parting_words(self) -> list[str]:
        """What is printed on leaving: that a run continues, and where the results are."""
        state = self.session.state
        lines = [_("artefact: {path}").format(path=artefact["path"]) for artefact in state.view.artefacts]
        lines += [_("written: {path}").format(path=path) for path in self.session.results]
        if state.running:
            name = state.view.name
            line = _("{name} continues as process {pid}: rvc-tui {name} shows it again, rvc stop {name} stops it")
            lines.append(line.format(name=name, pid=state.view.pid))
        if name := self.session.conversion:
            lines.append(
                _("{name} continues: rvc attach {name} follows it, rvc stop {name} stops it").format(name=name)
            )
        return lines
