"""Convert: a voice, recordings, every setting, and what came of each recording."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message

from rvc_engine.client.engine_client import Answer, Client
from rvc_engine.common.printable import listed, printable
from rvc_engine.errors import RvcError
from rvc_engine.events import Event
from rvc_tui.conversion import Conversion
from rvc_tui.engine_texts import translated
from rvc_tui.screens.confirm import ConfirmScreen
from rvc_tui.screens.convert_choices import ConvertChoices
from rvc_tui.texts import N_, _
from rvc_tui.widgets.convert import ConvertPanel, result_lines, result_row
from rvc_tui.widgets.form import Form
from rvc_tui.widgets.paths import within
from rvc_tui.widgets.rows import RowsPanel, TextPanel

HAS = {
    "finished": N_("The conversion has finished"),
    "stopped": N_("The conversion has stopped"),
    "failed": N_("The conversion has failed"),
}


NEEDING_A_REQUEST = (
    "voice",
    "add",
    "take_away",
    "output",
    "index",
    "suggest",
    "change",
    "cycle",
    "reset",
    "convert",
    "enqueue",
    "cancel",
)


class ConvertScreen(ConvertChoices):
    place = "convert"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("v", "voice", "voice", id="convert.voice", tooltip="which voice: one of the workspace, or a file"),
        Binding(
            "f",
            "add",
            "files",
            id="convert.files",
            tooltip="add recordings: files, a folder, or a pattern such as ~/takes/*.wav",
        ),
        Binding("F", "take_away", "fewer", show=False, id="convert.fewer", tooltip="take recordings off the list"),
        Binding(
            "o",
            "output",
            "output",
            id="convert.output",
            tooltip="where the results go: a folder, or a file for one recording",
        ),
        Binding(
            "i",
            "index",
            "index",
            show=False,
            id="convert.index",
            tooltip="which index: the voice's own, another file, or none",
        ),
        Binding(
            "p",
            "suggest",
            "pitch",
            show=False,
            id="convert.suggest",
            tooltip="transpose by what suits voice and first recording",
        ),
        Binding(
            "enter",
            "change",
            "change",
            key_display="enter",
            show=False,
            id="form.change",
            tooltip="change the chosen setting",
        ),
        Binding(
            "space",
            "cycle",
            "next value",
            show=False,
            id="form.next",
            tooltip="the next of the few values of a setting",
        ),
        Binding("d", "reset", "default", show=False, id="form.default", tooltip="back to the default"),
        Binding("x", "convert", "convert", id="convert.start", tooltip="convert the recordings"),
        Binding(
            "n",
            "enqueue",
            "queue",
            id="convert.queue",
            tooltip="put it at the end of the queue; the voice may be trained before its turn",
        ),
        Binding("c", "cancel", "cancel", id="convert.cancel", tooltip="stop the conversion (asks first)"),
        Binding("t", "turn", "results", id="convert.turn", tooltip="the settings, or the results"),
        Binding("escape", "leave_field", show=False, id="form.leave"),
    ]

    @dataclass
    class Began(Message):
        """The engine of a conversion runs, or with `problem` does not."""

        work: Conversion
        name: str
        problem: str = ""

    @dataclass
    class Happened(Message):
        """Events of a conversion; `ended`: there are no more."""

        work: Conversion
        events: list[Event]
        ended: bool = False

    @dataclass
    class Queued(Message):
        """It waits in the queue, or with `problem` does not."""

        problem: str = ""

    @dataclass
    class Suggested(Message):
        voice: str
        answer: Answer

    def __init__(self) -> None:
        super().__init__()
        self.conversion = Conversion()
        self.shows_results = False
        self.wanted_conversion = ""  # chosen on another screen
        self._asking = False

    def body(self) -> ComposeResult:
        yield ConvertPanel(ascii=self.ascii, id="convert")
        yield Form(ascii=self.ascii, id="form")
        yield RowsPanel(_("Results"), _("nothing is converted yet"), ascii=self.ascii, id="results")
        yield TextPanel(ascii=self.ascii, id="result")

    def on_mount(self) -> None:
        self.form.listener = self.changed
        if not self.wanted_conversion:
            self.find_conversion(self.session.client)

    def entered(self) -> None:
        super().entered()
        name, self.wanted_conversion = self.wanted_conversion, ""
        if name and name != self.conversion.name:
            self.find_conversion(self.session.client, name)
        self.shows_results = self.shows_results or bool(name)

    @property
    def form(self) -> Form:
        return self.query_one(Form)

    @property
    def results(self) -> RowsPanel:
        return self.query_one(RowsPanel)

    def draw(self) -> None:
        if self.has_panels and self.request is not None:
            panel = self.query_one(ConvertPanel)
            panel.request, panel.work, panel.known = self.request, self.conversion, self.row_of(self.request.voice)
            self.form.display, self.results.display = not self.shows_results, self.shows_results
            self.form.show(self.request.items(), self.request.settings)
            results = self.conversion.view.results
            self.results.fill([result_row(result) for result in results])
            chosen = results[self.results.cursor] if self.shows_results and results else None
            self.query_one(TextPanel).fill(result_lines(chosen, self.conversion.error))
        super().draw()

    def command(self) -> list[str]:
        return self.request.words() if self.request is not None else ["convert"]

    def to_copy(self) -> list[str]:
        return self.conversion.paths

    # --- workers -----------------------------------------------------------------------------------
    @work(thread=True, group="convert")
    def run_conversion(self, client: Client, work: Conversion, words: list[str]) -> None:
        name, problem = client.convert(words)
        self.post_message(self.Began(work, name, problem))
        if name and not problem:
            self._follow(client, work, name)

    @work(thread=True, group="convert")
    def find_conversion(self, client: Client, name: str = "") -> None:
        """One that runs since before the app was opened; with a name that one, also when it has ended."""
        asked_at = 0.0 if name else client.now()
        if name := name or client.conversion():
            work = Conversion(asked_at=asked_at)
            self.post_message(self.Began(work, name))
            self._follow(client, work, name)

    def _follow(self, client: Client, work: Conversion, name: str) -> None:
        try:
            for events in client.follow(name):
                if events:
                    self.post_message(self.Happened(work, events))
        except RvcError as error:
            self.post_message(self.Began(work, name, error.line))
        self.post_message(self.Happened(work, [], ended=True))

    @work(thread=True, group="queue")
    def put_into_queue(self, client: Client, words: list[str]) -> None:
        self.post_message(self.Queued(client.ask([*words, "--queue", "--json"]).problem))

    @work(thread=True, group="suggest")
    def ask_for_pitch(self, client: Client, voice: str, source: str) -> None:
        self.post_message(self.Suggested(voice, client.ask(["voice", "info", voice, "--source", source, "--json"])))

    def on_convert_screen_began(self, message: Began) -> None:
        work = message.work
        work.name, work.problem = message.name, message.problem
        self.conversion = work
        self.results.cursor = 0
        self.session.conversion = work.name if work.running else ""
        self.shows_results = True
        self.rvc.draw()

    def on_convert_screen_happened(self, message: Happened) -> None:
        work = message.work
        known = len(work.view.results)
        work.fold(message.events)
        is_displayed = work is self.conversion
        if is_displayed and len(work.view.results) > known and self.results.cursor == known - 1:  # it follows the end
            self.results.cursor = len(work.view.results) - 1
        if not message.ended:
            self.rvc.draw_soon()
            return
        work.end()
        self.session.conversion = "" if self.session.conversion == work.name else self.session.conversion
        if not work.asked_at:  # of the queue
            self.rvc.draw()
            return
        self.session.results += [path for path in work.paths if path not in self.session.results]
        if self.rvc.displayed is not self:
            summary = _("{count} converted").format(count=len(work.paths)) + _(", {count} failed").format(
                count=work.failed
            )
            self.notify(summary, title=_(HAS[work.state]) if work.state in HAS else "")
        self.rvc.draw()

    def on_convert_screen_queued(self, message: Queued) -> None:
        if message.problem:
            self.notify(translated(message.problem), title=_("Not added"), severity="error", timeout=10)
        else:
            self.notify(_("The conversion is in the queue: the screen queue starts it"))

    def on_convert_screen_suggested(self, message: Suggested) -> None:
        self._asking = False
        facts = message.answer.data[0] if isinstance(message.answer.data, list) and message.answer.data else {}
        shift = facts.get("transpose")
        if self.request is None or message.voice != self.request.voice:
            return
        if shift is not None:
            self.set("transpose", float(shift))
            theirs, own = facts["source_pitch_hz"][1], facts["pitch_hz"][1]
            heights = _("the recording is at {theirs} Hz, the voice at {own} Hz").format(
                theirs=f"{theirs:.0f}", own=f"{own:.0f}"
            )
            self.notify(heights, title=_("Transposed by {count} semitones").format(count=f"{shift:+d}"))
        else:
            untold = (
                _("neither its file nor its experiment says how high it is")
                if facts.get("pitch")
                else _("the voice has no pitch")
            )
            self.notify(
                translated(message.answer.problem) or untold,
                title=_("No transposition can be suggested"),
                severity="warning",
            )
        self.rvc.draw()

    # --- keys --------------------------------------------------------------------------------------
    def works(self, action: str) -> bool:
        if self.request is None:
            return action not in NEEDING_A_REQUEST and super().works(action)
        if action in ("change", "cycle", "reset"):
            return not self.shows_results
        if action == "convert":
            return not self.conversion.running and not self.request.missing()
        if action == "enqueue":
            return not self.request.missing()
        if action == "cancel":
            return self.conversion.running
        if action == "take_away":
            return bool(self.request.inputs)
        if action == "suggest":
            return not self.request.missing() and not self._asking
        return super().works(action)

    def move(self, count: int) -> None:
        if self.shows_results:
            self.results.move(count)
            self.draw()
        else:
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
        else:
            self.rvc.action_home()

    def action_turn(self) -> None:
        self.shows_results = not self.shows_results
        self.rvc.draw()

    def action_suggest(self) -> None:
        if self.request is None:
            return
        source = next(iter(self.request.recordings()), None)
        if source is None:
            self.notify(_("there are no files in it"), title=self.request.inputs[0], severity="warning")
            return
        self._asking = True
        self.notify(_("how high {name} and the voice are").format(name=source.name), title=_("Looking"))
        self.ask_for_pitch(self.session.client, self.request.voice, str(source))

    def action_convert(self) -> None:
        self.agreed_to_write(self.start_conversion)

    def action_enqueue(self) -> None:
        def agreed(yes: bool | None) -> None:
            if yes and self.request is not None:
                self.put_into_queue(self.session.client, self.request.words())

        self.agreed_to_write(agreed)

    def agreed_to_write(self, then: Callable[[bool | None], None]) -> None:
        """Asks only when files would be written over."""
        if self.request is None:
            return
        there = self.request.replaces()
        if not there:
            then(True)
            return
        names = listed(path.name for path in there[:5]) + (
            _(" and {count} more").format(count=len(there) - 5) if len(there) > 5 else ""
        )
        where = printable(within(str(there[0].parent), self.session.client.home))
        question = _("Write over what is in {folder}?").format(folder=where)
        self.app.push_screen(ConfirmScreen(f"{question}\n{names}"), then)

    def start_conversion(self, yes: bool | None) -> None:
        if not yes or self.request is None or self.conversion.running:
            return
        self.conversion = Conversion(asked_at=self.session.client.now())
        self.shows_results = True
        self.results.cursor = 0
        self.rvc.draw()
        self.run_conversion(self.session.client, self.conversion, self.request.words())

    def action_cancel(self) -> None:
        def answered(yes: bool | None) -> None:
            if yes and self.conversion.running:
                self.interrupt()

        question = _("Stop the conversion?\nThe recording at hand is lost; those that are done stay.")
        self.app.push_screen(ConfirmScreen(question), answered)

    def interrupt(self) -> None:
        """In the first instant its engine is not there yet: again a moment later."""
        work = self.conversion
        if not work.running:
            return
        if not work.name:
            self.set_timer(0.1, self.interrupt)
        elif problem := self.session.client.stop_conversion(work.name):
            self.notify(problem, severity="warning")
