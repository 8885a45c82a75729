"""The queue: trainings and conversions that wait, run and have ended, and a command for the end."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from rich.cells import cell_len, set_cell_size
from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from rvc_engine.client.engine_client import Answer, Client
from rvc_engine.client.state import clock
from rvc_engine.client.words import duration
from rvc_engine.common.printable import LONG, printable
from rvc_engine.errors import BadInput, RvcError
from rvc_engine.run.queue import CONVERT, RUNNING, WAITING, deadline_of
from rvc_tui.drawing import fitted, padded
from rvc_tui.engine_texts import error_line, translated
from rvc_tui.screens.base import AppScreen
from rvc_tui.screens.confirm import ConfirmScreen
from rvc_tui.screens.convert import ConvertScreen
from rvc_tui.screens.name import NameScreen
from rvc_tui.texts import N_, _
from rvc_tui.widgets.failure import FailurePanel
from rvc_tui.widgets.rows import RowsPanel, TextPanel

REFRESH_S = 3.0
STYLE = {"running": "bold cyan", "done": "green", "failed": "bold red", N_("damaged"): "bold red", "waiting": ""}
NOTHING = N_("Queue is empty: n adds the experiment that is watched")


class QueueScreen(AppScreen):
    place = "queue"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "add", "add", id="queue.add", tooltip="put the watched experiment at the end, with its settings"),
        Binding(
            "x",
            "run_queue",
            "start",
            id="queue.run",
            tooltip="run what waits, one after the other; it outlives the app",
        ),
        Binding(
            "X", "stop_queue", "stop", id="queue.stop", tooltip="stop the queue and its run, which saves (asks first)"
        ),
        Binding(
            "enter,o",
            "open",
            "open",
            key_display="o",
            id="queue.open",
            tooltip="watch the experiment of the chosen entry, or its conversion",
        ),
        Binding("K", "shift(-1)", "up", show=False, id="queue.earlier", tooltip="the chosen entry one place earlier"),
        Binding("J", "shift(1)", "down", show=False, id="queue.later", tooltip="the chosen entry one place later"),
        Binding(
            "D,delete",
            "remove",
            "remove",
            key_display="D",
            show=False,
            id="queue.remove",
            tooltip="take the entry out (asks first)",
        ),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.entries: list[dict[str, Any]] = []
        self.runner = 0
        self._stamp: tuple[object, ...] | None = None

    def body(self) -> ComposeResult:
        yield RowsPanel(_("Queue"), _(NOTHING), ascii=self.ascii, id="entries")
        yield TextPanel(_("Entry"), ascii=self.ascii, id="about")
        yield FailurePanel(ascii=self.ascii, id="failure")

    def on_mount(self) -> None:
        self.set_interval(REFRESH_S * self.session.pace, self.refresh_entries)

    def entered(self) -> None:
        self.fetch(self.session.client)

    @property
    def rows(self) -> RowsPanel:
        return self.query_one(RowsPanel)

    @property
    def chosen(self) -> dict[str, Any] | None:
        return self.entries[self.rows.cursor] if self.entries else None

    # --- what the engine says ----------------------------------------------------------------------
    def stamp(self) -> tuple[object, ...]:
        """When the queue was last written and who runs it: only then is the engine asked again."""
        client = self.session.client
        try:
            about = (client.home / "queue.json").stat()
            written = (about.st_mtime_ns, about.st_size)
        except OSError:
            written = (0, 0)
        return (*written, client.queue_runner())

    def refresh_entries(self) -> None:
        if self.rvc.displayed is self and self.stamp() != self._stamp:
            self.fetch(self.session.client)

    @work(thread=True, group="queue", exclusive=True)
    def fetch(self, client: Client) -> None:
        self.tell(client.ask(["queue", "list", "--json"]), client)

    @work(thread=True, group="queue-change")
    def change(self, client: Client, words: list[str], title: str, done: str = "") -> None:
        """`title`: of what is said when it does not work; `done`: what is said when it does."""
        answer = client.ask(["queue", *words, "--json"])
        if answer.problem:
            self.call_later(self.say, translated(answer.problem), title)
        elif done:
            self.call_later(self.notify, done)
        self.tell(client.ask(["queue", "list", "--json"]), client)

    def tell(self, answer: Answer, client: Client) -> None:
        runner = client.queue_runner()
        self.call_later(self.listed, answer, runner)

    def say(self, problem: str, title: str) -> None:
        self.notify(problem, title=title, severity="error", timeout=10)

    def listed(self, answer: Answer, runner: int) -> None:
        self._stamp = self.stamp()
        if not self.has_panels:
            return
        number = self.chosen["number"] if self.chosen else 0
        self.runner, self.entries = runner, answer.data if isinstance(answer.data, list) else []
        self.rows.nothing = printable(translated(answer.problem)) or _(NOTHING)
        place = next((i for i, entry in enumerate(self.entries) if entry["number"] == number), self.rows.cursor)
        self.show_entries(place)
        self.rvc.draw()

    # --- drawing -----------------------------------------------------------------------------------
    def show_entries(self, cursor: int | None = None) -> None:
        state = _("runs, process {pid}").format(pid=self.runner) if self.runner else _("does not run")
        self.rows.border_title = f"{_('Queue')}: {state}"
        header = Text(
            f"{'':>3}  {padded(_('state'), 8)} {set_cell_size(_('experiment'), self.name_width)} {_('since')}", "dim"
        )
        self.rows.fill([self.line(entry) for entry in self.entries], header=header, cursor=cursor)
        self.query_one("#about", TextPanel).fill(self.about())

    @property
    def name_width(self) -> int:
        return min(20, max([10, *(cell_len(printable(title_of(entry))) for entry in self.entries)]))

    def line(self, entry: dict[str, Any]) -> Text:
        state = entry["state"]
        line = Text.assemble(
            f"{entry['number']:>3}  ",
            (padded(_(state), 8) + " ", STYLE.get(state, "")),
            (f"{fitted(title_of(entry), self.name_width)} ", "bold"),
        )
        line.append(padded(self.since(entry), 20) + " ", "dim")
        return line.append(printable(translated(entry["outcome"]), LONG))

    def since(self, entry: dict[str, Any]) -> str:
        started, ended, now = entry["started_at"], entry["ended_at"], self.session.client.now()
        if entry["state"] == RUNNING and started:
            return f"{clock(started)}, {duration(max(0.0, now - started))}"
        if ended and started and entry["state"] != WAITING:
            return f"{clock(ended)}, {_('took {time}').format(time=duration(ended - started))}"
        return clock(entry["added_at"])

    def about(self) -> list[Text]:
        """What the chosen entry runs, and what has become of it."""
        entry = self.chosen
        if entry is None:
            return []
        words = printable(" ".join([entry["name"], *entry["words"]]))
        lines = [Text.assemble((f"rvc {entry['command']} ", "dim"), words)]
        lines += [Text(f"{_('outcome')}  {printable(translated(entry['outcome']), LONG)}")] if entry["outcome"] else []
        if entry["state"] == WAITING:
            later = _("it takes the settings that the experiment has when its turn comes")
            if converts(entry):
                later = _("it takes the voice that is there when its turn comes")
            lines.append(Text(later, "dim"))
        return lines

    # --- keys --------------------------------------------------------------------------------------
    def works(self, action: str) -> bool:
        if action == "add":
            return bool(self.session.client.name)
        if action == "run_queue":
            return any(entry["state"] in (WAITING, RUNNING) for entry in self.entries)
        if action == "stop_queue":
            return bool(self.runner)
        if action == "open":
            return self.chosen is not None and bool(self.chosen["conversion"] or not converts(self.chosen))
        if action in ("shift", "remove"):
            return bool(self.entries)
        return super().works(action)

    def command(self) -> list[str]:
        waits = any(entry["state"] == WAITING for entry in self.entries)
        return ["queue", "run", "--detach"] if waits and not self.runner else ["queue", "list"]

    def to_copy(self) -> list[str]:
        return [
            f"{entry['number']} {entry['state']} {title_of(entry)} {entry['outcome']}".rstrip()
            for entry in self.entries
        ]

    def move(self, count: int) -> None:
        self.rows.move(count)
        self.show_entries()
        self.rvc.draw()  # the footer too

    def action_add(self) -> None:
        name = self.session.client.name
        self.change(
            self.session.client,
            ["add", *self.rvc.run_command()[1:]],
            _("Not added"),
            _("{name} is in the queue; x runs it").format(name=name),
        )

    def action_shift(self, step: int) -> None:
        entry = self.chosen
        place = self.rows.cursor + step
        if entry is not None and 0 <= place < len(self.entries):
            self.change(self.session.client, ["move", str(entry["number"]), str(place + 1)], _("Not moved"))

    def action_open(self) -> None:
        entry = self.chosen
        if entry is None:
            return
        if converts(entry):
            screen = self.app.get_screen("convert", ConvertScreen)
            screen.wanted_conversion = entry["conversion"]
            self.rvc.action_go(screen.place)
            return
        try:
            client = self.session.client.switch(entry["name"])
        except RvcError as error:
            self.notify(error_line(error), title=_("Not opened"), severity="error")
            return
        self.rvc.watch_experiment(client)
        self.rvc.action_go("experiments")

    def action_remove(self) -> None:
        entry = self.chosen
        if entry is None:
            return
        if entry["state"] == RUNNING and self.runner:
            self.notify(
                _("X stops the queue, s its run"),
                title=_("{name} runs").format(name=title_of(entry)),
                severity="warning",
            )
            return

        def answered(yes: bool | None) -> None:
            if yes:
                self.change(self.session.client, ["remove", str(entry["number"])], _("Not removed"))

        question = _("Take {number}, {name}, out of the queue?\nThe experiment and its work stay.")
        if converts(entry):
            question = _("Take {number}, {name}, out of the queue?\nThe recordings and what is converted stay.")
        question = question.format(number=entry["number"], name=printable(title_of(entry)))
        self.app.push_screen(ConfirmScreen(question), answered)

    def action_stop_queue(self) -> None:
        def answered(yes: bool | None) -> None:
            if yes:
                self.change(
                    self.session.client,
                    ["stop"],
                    _("Not stopped"),
                    _("The run saves after its next step, then ends; x resumes it."),
                )

        question = _(
            "Stop the queue and the run that is under way?\nThe run saves after its next step, then ends; x resumes it."
        )
        self.app.push_screen(ConfirmScreen(question), answered)

    def action_run_queue(self) -> None:
        """Asks for an end command and a time limit; both may stay empty."""
        if runner := self.session.client.queue_runner():
            self.notify(
                _("process {pid}; what is added is run after it").format(pid=runner),
                title=_("The queue runs already"),
                severity="warning",
            )
            return

        def limited(limit: str | None, then: str) -> None:
            if limit is None:
                return
            if problem := limit_problem(limit, self.session.client.now()):
                self.notify(problem, title=_("Not started"), severity="error")
                return
            words = (
                ["run", "--detach"] + (["--then", then] if then else []) + (["--time-limit", limit] if limit else [])
            )
            self.change(
                self.session.client, words, _("Not started"), _("The queue runs, and continues when the app is closed.")
            )

        def ended(then: str | None) -> None:
            if then is not None:
                self.app.push_screen(NameScreen(_(LIMIT_QUESTION)), lambda limit: limited(limit, then))

        self.app.push_screen(NameScreen(_(THEN_QUESTION)), ended)


THEN_QUESTION = N_(
    "A command for the end, when all is done or failed (enter: none).\nFor example: sudo shutdown -h now"
)
LIMIT_QUESTION = N_(
    "A time limit (enter: none): 8h, 90m or a time of day such as 06:00.\nThen the run stops and saves, and the rest "
    "does not begin."
)


def converts(entry: dict[str, Any]) -> bool:
    return bool(entry["command"] == CONVERT)


def title_of(entry: dict[str, Any]) -> str:
    """The experiment; for a conversion its voice, a file without its folder."""
    return f"{_('convert')} {Path(entry['name']).name}" if converts(entry) else str(entry["name"])


def limit_problem(text: str, now: float) -> str:
    try:
        if text:
            deadline_of(text, now)
    except BadInput as error:
        return error_line(error)
    return ""
