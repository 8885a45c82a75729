"""The app's interface to the engine: starts it by its command line, stops it, reads its files. Blocking calls, for
worker threads."""

from __future__ import annotations

import shutil
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from rvc_engine.assets.pretrained import missing_weights, preset_here
from rvc_engine.client.following import Follower, Part
from rvc_engine.client.listing import Listing
from rvc_engine.client.listing import newest_experiment as newest_experiment
from rvc_engine.client.machine import Machine, read_machine
from rvc_engine.client.replies import Detached
from rvc_engine.client.state import Outlook, Row
from rvc_engine.common.heartbeat import Heartbeat
from rvc_engine.common.lines import Answered, Line
from rvc_engine.common.lock import live_holder
from rvc_engine.errors import RvcError, reason_of
from rvc_engine.events import Event
from rvc_engine.experiment import Experiment
from rvc_engine.machine.advisor import advise, advise_experiment
from rvc_engine.machine.children import Child
from rvc_engine.machine.gpu_reader import ANSWER_S, gpus_now
from rvc_engine.messages import NOTHING, Message
from rvc_engine.registry import STAGES
from rvc_engine.run import launcher
from rvc_engine.run.conversions import conversions
from rvc_engine.run.curves import Curves
from rvc_engine.run.receipts import plan, why_to_ask
from rvc_engine.run.stage_list import stages_until
from rvc_engine.stages.receipt import Receipt, receipt_path
from rvc_engine.workspace import Workspace

if TYPE_CHECKING:  # made from pydantic, which takes a fifth of a second to import: after the first paint
    from rvc_engine.settings import ExperimentSettings

START_S = 300.0
PROGRAM = "rvc_engine"  # python -m: the command line


@dataclass(frozen=True)
class Update:
    """New events; whether the engine lives; when it last made progress, by its heartbeat (0: not known)."""

    events: list[Event] = field(default_factory=list)
    alive: bool = False
    event_at: float = 0.0
    stuck_after_s: float = 0.0  # after so long without an event it counts as stuck (0: not known)
    more: bool = False  # a replay continues: call again at once
    curves: Curves | None = None  # replace those that the events gave


@dataclass(frozen=True)
class Ended:
    """The end of a command. `problem`: one line with the reason of its failure; `error`: the same as it reported it."""

    exit_code: int = 0
    problem: Message = NOTHING
    error: RvcError | None = None


@dataclass(frozen=True)
class Answer:
    """The result of a command, and how it ended. A check that finds something has data and an exit code."""

    data: Any = None
    problem: Message = NOTHING
    error: RvcError | None = None


class Client(Protocol):
    """What the screens need from an engine; tests have a fake one."""

    name: str
    folder: str
    home: Path

    def poll(self) -> Update: ...
    def start(self, words: list[str]) -> Message: ...
    def stop(self) -> Message: ...
    def outlook(self) -> Outlook: ...
    def machine(self) -> Machine: ...
    def names(self) -> list[str]: ...
    def spelled(self) -> str: ...
    def rows(self) -> list[Row]: ...
    def switch(self, name: str) -> Client: ...
    def now(self) -> float: ...
    def settings(self) -> ExperimentSettings | None: ...
    def change(self, key: str, value: object) -> Message: ...
    def create(self, name: str, dataset: str, preset: str) -> Message: ...
    def duplicate(self, name: str, new: str) -> Message: ...
    def remove(self, name: str) -> Message: ...
    def ask(self, words: list[str]) -> Answer: ...
    def stream(self, words: list[str]) -> Iterator[Line | Ended]: ...
    def interrupt(self, command: str = "") -> bool: ...
    def convert(self, words: list[str]) -> tuple[str, Message]: ...
    def conversion(self) -> str: ...
    def follow(self, name: str) -> Iterator[list[Event]]: ...
    def stop_conversion(self, name: str) -> Message: ...
    def queue_runner(self) -> int: ...


class EngineClient:
    """One experiment of a workspace; an empty `name` means none is chosen yet. `curves`: whether to read the curves of
    a long history."""

    def __init__(self, home: Path, name: str, *, curves: bool = True) -> None:
        self.home, self.name = home, name
        self.workspace = Workspace(home)
        self.experiment: Experiment | None = self.workspace.experiment(name) if name else None
        self.folder = str(self.experiment.folder) if self.experiment else ""
        self._follower = Follower(self.experiment, curves=curves) if self.experiment else None
        self._streaming: dict[str, Child] = {}  # by the first two words of the command
        self._leaving = threading.Event()
        self._listing = Listing()

    def now(self) -> float:
        return time.time()

    def names(self) -> list[str]:
        try:
            return [experiment.name for experiment in self.workspace.experiments()]
        except RvcError:  # the outlook reports it
            return []

    def switch(self, name: str) -> EngineClient:
        """A client for another experiment; running commands are shared. Raises BadInput for an invalid name."""
        other = EngineClient(self.home, name)
        other._streaming, other._leaving, other._listing = self._streaming, self._leaving, self._listing
        return other

    def poll(self) -> Update:
        """What has been written since the last call, as from Follower.part. Empty when it cannot be read: the outlook
        has the reason."""
        if self.experiment is None:
            return Update()
        holder = live_holder(self.experiment.lock)  # before reading, so that the last events of an engine are read
        try:
            part = self._follower.part() if self._follower else Part()
        except OSError:
            return Update(alive=holder is not None)
        beat = Heartbeat.read(self.experiment.heartbeat) if holder else None
        event_at, stuck_after_s = (beat.event_at, beat.stuck_after_s) if beat is not None else (0.0, 0.0)
        more = part.more or (bool(part.events) and holder is None)  # it may have started after the lock was read
        return Update(part.events, holder is not None, event_at, stuck_after_s, more, part.curves)

    def start(self, words: list[str]) -> Message:
        """Start a run in the background: `words` as after `rvc`. Returns NOTHING, or the reason why not."""
        return self.ask([*words, "--detach", "--json"]).problem

    def ask(self, words: list[str]) -> Answer:
        """Run a command that gives a result with --json."""
        lines, ended = self._request(words)
        data = next((line.data for line in reversed(lines) if isinstance(line, Answered)), None)
        return Answer(data, ended.problem, ended.error)

    def _request(self, words: list[str]) -> tuple[list[Line], Ended]:
        with self._child(words) as child:
            lines = list(child.lines(START_S))
            if child.late:
                return lines, Ended(1, Message("client.command_slow", command=words[0], seconds=START_S))
            return lines, how_it_ended(child, words)

    def stream(self, words: list[str]) -> Iterator[Line | Ended]:
        """Run a command: what it reports, as it comes, then how it ended."""
        with self._child(words) as child:
            self._streaming[" ".join(words[:2])] = child
            if self._leaving.is_set():  # the app was closed while it started
                child.process.send_signal(signal.SIGINT)
            yield from child.lines()
            yield how_it_ended(child, words)

    def interrupt(self, command: str = "") -> bool:
        """Stop the streaming commands that begin with `command` ("assets pull"), as ctrl+c does. False when none runs
        yet. Without a command: all of them, also those that are about to start, since the app is being closed."""
        if not command:
            self._leaving.set()
        there = [
            child.process
            for name, child in list(self._streaming.items())
            if name.startswith(command) and child.process.poll() is None
        ]
        for process in there:
            process.send_signal(signal.SIGINT)
        return bool(there)

    # --- conversions ------------------------------------------------------------------------------------------------
    def convert(self, words: list[str]) -> tuple[str, Message]:
        """Start a conversion: `words` as after `rvc`. Returns its name, and the reason if it failed."""
        lines, ended = self._request([*words, "--detach", "--json"])
        return next((line.name for line in lines if isinstance(line, Detached)), ""), ended.problem

    def conversion(self) -> str:
        """The newest running one; empty when none runs."""
        running = (one for one in reversed(conversions(self.workspace)) if live_holder(one.lock) is not None)
        return next((one.name for one in running), "")

    def follow(self, name: str) -> Iterator[list[Event]]:
        """All events of a conversion, in batches that may be empty, until its end or until the app is closed. Raises
        RvcError when it cannot be read."""
        for batch in launcher.follow(launcher.attach(self.workspace.experiment(name))):
            yield batch
            if self._leaving.is_set():
                return

    def stop_conversion(self, name: str) -> Message:
        """Ask it to stop. Returns NOTHING, or the reason why not."""
        try:
            launcher.stop(self.workspace.experiment(name))
        except RvcError as error:
            return error.line
        return NOTHING

    def queue_runner(self) -> int:
        """The process that runs the queue; 0 when none does."""
        holder = live_holder(self.home / "queue-run.lock")
        return holder.pid if holder else 0

    def _child(self, words: list[str]) -> Child:
        return Child(PROGRAM, [*words, "--home", str(self.home)], session=True)

    # --- experiments ------------------------------------------------------------------------------------------------
    def rows(self) -> list[Row]:
        """Raises BadInput when they cannot be listed."""
        return self._listing.rows(self.workspace)

    def create(self, name: str, dataset: str, preset: str) -> Message:
        """A new experiment with the defaults of its preset. Returns NOTHING, or why not."""
        from rvc_engine.settings import for_preset

        try:
            experiment = self.workspace.experiment(name)
            if experiment.exists():
                return Message("client.experiment_exists", name=name)
            experiment.save_settings(for_preset(preset or preset_here(self.workspace), dataset=dataset))
        except (RvcError, OSError) as error:
            return reason_of(error)
        return NOTHING

    def duplicate(self, name: str, new: str) -> Message:
        """A new experiment with the settings of another one. Returns NOTHING, or why not."""
        try:
            target = self.workspace.experiment(new)
            if target.exists():
                return Message("client.experiment_exists", name=new)
            target.save_settings(self.workspace.experiment(name).load_settings())
        except (RvcError, OSError) as error:
            return reason_of(error)
        return NOTHING

    def remove(self, name: str) -> Message:
        """Move an experiment to the workspace's trash/. Returns NOTHING, or why not."""
        try:
            experiment = self.workspace.experiment(name)
            if live_holder(experiment.lock) is not None:
                return Message("client.stop_first", name=name)
            goal = self.home / "trash" / f"{name}-{time.strftime('%Y%m%d-%H%M%S')}"
            goal.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(str(experiment.folder), str(goal))
        except (RvcError, OSError) as error:
            return reason_of(error)
        return NOTHING

    def settings(self) -> ExperimentSettings | None:
        """None when there is no experiment yet. Raises BadInput when its file is damaged."""
        return self.experiment.load_settings() if self.experiment is not None and self.experiment.exists() else None

    def change(self, key: str, value: object) -> Message:
        """Set STAGE.name (or dataset) in experiment.toml. Returns NOTHING, or why not; then nothing is changed."""
        from rvc_engine.settings import apply

        try:
            settings = self.settings()
            if settings is None or self.experiment is None:
                return Message("client.no_experiment")
            if key == "dataset":
                settings.dataset = str(value)
            else:
                apply(settings, key, value)
            self.experiment.save_settings(settings)
        except (RvcError, OSError) as error:
            return reason_of(error)
        return NOTHING

    def spelled(self) -> str:
        """The experiment as an argument of the command line: its folder when it is not in this workspace."""
        if self.experiment is None:
            return ""
        own = self.experiment.folder.parent == self.workspace.logs
        return self.experiment.name if own else str(self.experiment.folder)

    def stop(self) -> Message:
        """Ask the engine to save and stop. Returns NOTHING, or why not."""
        try:
            asked = self.experiment is not None and launcher.stop(self.experiment)
        except (RvcError, OSError) as error:
            return reason_of(error)
        return NOTHING if asked else Message("client.nothing_runs")

    def outlook(self) -> Outlook:
        """What a run would do, and the advisor's answer. Never raises: errors are in its `problem`."""
        try:
            rows = tuple(self.rows())
        except RvcError as error:
            return Outlook(problem=error.line)
        if self.experiment is None:
            return Outlook(problem=Message("client.no_experiment_chosen"), rows=rows)
        if not self.experiment.exists():
            return Outlook(
                problem=Message("client.new_experiment"),
                rows=rows,
                advice=advise(preset_here(self.workspace), None, gpus=gpus_now(ANSWER_S)),
            )
        try:
            settings = self.experiment.load_settings()
            advice = advise_experiment(self.experiment, settings, gpus=gpus_now(ANSWER_S))
            missing = tuple(missing_weights(self.workspace, settings.preset, settings.model))
            took = {
                name: r.seconds
                for name in STAGES.names()
                if (r := Receipt.load(receipt_path(self.experiment, name))) and r.complete
            }
            known = Outlook(settings.dataset, settings.preset, rows=rows, advice=advice, missing=missing, took=took)
        except (RvcError, OSError) as error:
            return Outlook(problem=reason_of(error), rows=rows)
        try:
            decided = plan(self.experiment, settings, stages_until("", settings))
            doubt = why_to_ask(self.experiment, settings, decided)
        except (RvcError, OSError) as error:
            return replace(known, problem=reason_of(error))
        stages = tuple((stage.name, verdict.action, verdict.reason) for stage, verdict in decided)
        return replace(known, plan=stages, doubt=doubt.summary if doubt else NOTHING)

    def machine(self) -> Machine:
        return read_machine()


def how_it_ended(child: Child, words: list[str]) -> Ended:
    code = child.wait()
    assert code is not None
    problem = child.problem or Message("client.command_failed", command=words[0], number=code)
    return Ended(code, problem, child.error) if code else Ended()
