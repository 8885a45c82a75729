"""The state of a run, computed from the events of its journal. Opening a run again replays its journal."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import singledispatchmethod
from typing import Any, NewType

from rvc_engine import events as ev
from rvc_engine.common.lines import error_to_record
from rvc_engine.common.records import Moment, Pid, build
from rvc_engine.errors import RvcError
from rvc_engine.experiment import Experiment, resumed_by
from rvc_engine.messages import NOTHING, Message
from rvc_engine.messages.wire import with_codes, with_messages
from rvc_engine.run.curves import Curves
from rvc_engine.run.journal import BRIEF_BYTES, CHUNK_BYTES, JournalReader
from rvc_engine.run.moved import moved_artefacts
from rvc_engine.run.replay import STEPS_KEPT
from rvc_engine.run.stage_list import find_stage, title_of

CurveName = NewType("CurveName", str)
GRAD_NORM = CurveName("grad norm ")  # with the network: g or d
RATE = CurveName("learning rate")
PATHS = ("path", "target", "picture")  # fields of events that name a file
EPOCHS_KEPT = 32  # ends of the latest epochs, to estimate the time that is left


@dataclass
class StageView:
    name: str
    title: Message
    state: str = "pending"  # pending, running, done, skipped, failed, stopped
    done: int = 0
    total: int = 0
    unit: str = ""
    item: str = ""
    reason: Message = NOTHING
    seconds: float = 0.0
    started_at: Moment = 0.0
    skipped_items: list[tuple[str, Message]] = field(default_factory=list)

    def to_record(self) -> dict[str, Any]:
        items = [{"item": item, "reason": reason} for item, reason in self.skipped_items]
        return {**vars(self), "skipped_items": items}

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> StageView:
        """Raises TypeError or KeyError for what `to_record` did not make."""
        stage = build(cls, {**record, "skipped_items": []})
        items = [build(ev.ItemSkipped, {**one, "stage": stage.name}) for one in record["skipped_items"]]
        stage.skipped_items = [(one.item, one.reason) for one in items]
        return stage


@dataclass
class RunView:
    """What is known of the newest run of an experiment. Times in seconds since the epoch."""

    name: str = ""
    folder: str = ""
    written_in: str = ""  # the experiment's folder when the journal was written; not `folder` in a copy
    preset: str = ""
    run: int = 0
    state: str = "idle"  # idle, running, finished, failed, stopped
    stages: dict[str, StageView] = field(default_factory=dict)
    stage: str = ""
    epoch: int = 0
    epochs: int = 0
    step: int = 0
    losses: dict[str, float] = field(default_factory=dict)
    learning_rate: float = 0.0
    grad_norms: dict[str, float] = field(default_factory=dict)
    step_seconds: float = 0.0
    curves: Curves = field(default_factory=Curves)  # of every run that was folded
    # (time, step) in this run
    epoch_ends: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=EPOCHS_KEPT))
    # seconds (for data, in all) of the latest steps
    waits: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=STEPS_KEPT))
    warnings: list[ev.Warned] = field(default_factory=list)
    error: dict[str, Message] | None = None
    exit_code: int | None = None
    stop: ev.StageStopped | None = None  # how it was stopped
    artefacts: ev.Artefacts = field(default_factory=list)
    pid: Pid = 0
    supervisor: Pid = 0
    started_at: Moment = 0.0
    updated_at: Moment = 0.0
    rss_bytes: int = 0
    gpu_bytes: int = 0
    gpus: ev.Gpus = field(default_factory=list)  # what the engine holds on each, as in MemorySampled
    silent_s: float = 0.0  # since the last event, by the heartbeat
    stuck: bool = False  # silent for longer than such a stage should be
    paused: Message = NOTHING  # what the stage waits for
    problem: Message = NOTHING  # of some of its files; the others are used
    results: list[ev.Converted | ev.ItemSkipped] = field(default_factory=list)  # of a conversion
    part: tuple[int, int] = (0, 0)  # of a conversion: seconds of the current recording, done and total

    def fold(self, event: ev.Event) -> None:
        self.updated_at = event.at or self.updated_at
        handler_of(type(event))(self, event)

    def fold_all(self, reader: JournalReader) -> None:
        for batch in reader.batches(BRIEF_BYTES if reader.brief else CHUNK_BYTES):
            for event in batch:
                self.fold(event)

    def _stage(self, name: str) -> StageView:
        if name not in self.stages:
            self.stages[name] = StageView(name, title_of(name))
        return self.stages[name]

    @singledispatchmethod
    def _handle(self, event: ev.Event) -> None:
        """Events that do not matter for the state, such as MovedAside, change nothing."""

    @_handle.register
    def _(self, event: ev.RunStarted) -> None:
        folder = self.folder or event.folder  # of a copied or moved experiment: where it is now
        fresh = RunView(
            name=self.name or event.name,
            folder=folder,
            preset=event.preset,
            run=event.run,
            state="running",
            pid=event.pid,
        )
        fresh.written_in = event.folder
        fresh.supervisor = event.supervisor
        fresh.started_at = fresh.updated_at = event.at
        fresh.curves = self.curves
        fresh.curves.new_run()
        self.__dict__.update(fresh.__dict__)
        for stage in event.stages:
            self._stage(stage)

    @_handle.register
    def _(self, event: ev.StageStarted) -> None:
        stage = self._stage(event.stage)
        stage.state, stage.reason, stage.started_at = "running", event.reason, event.at
        self.stage = event.stage

    @_handle.register
    def _(self, event: ev.Progressed) -> None:
        if event.unit == "artefacts":
            return
        stage = self._stage(event.stage)
        stage.item = event.item
        if _converts(event.stage) and event.unit == "seconds":
            self.part = event.done, event.total
            return
        stage.done, stage.total, stage.unit = event.done, event.total, event.unit
        self.part = 0, 0

    @_handle.register
    def _(self, event: ev.ItemSkipped) -> None:
        self._stage(event.stage).skipped_items.append((event.item, event.reason))
        if _converts(event.stage):
            self.results.append(event)

    @_handle.register
    def _(self, event: ev.Converted) -> None:
        self.results.append(event)

    @_handle.register
    def _(self, event: ev.TrainStepped) -> None:
        self.step, self.epoch, self.epochs = event.step, event.epoch, event.epochs
        self.losses, self.grad_norms = event.losses, event.grad_norms
        self.learning_rate, self.step_seconds = event.learning_rate, event.seconds
        norms = {f"{GRAD_NORM}{network}": value for network, value in event.grad_norms.items()}
        self.curves.add(event.step, event.at, event.seconds, {**event.losses, **norms, RATE: event.learning_rate})
        self.waits.append((event.data_seconds, event.data_seconds + event.seconds))

    @_handle.register
    def _(self, event: ev.StepsSuperseded) -> None:
        self.curves.forget_after(event.after_step)
        self.epoch_ends.clear()
        self.step, self.epoch = min(self.step, event.after_step), min(self.epoch, event.epoch + 1)

    @_handle.register
    def _(self, event: ev.EpochFinished) -> None:
        self.epoch, self.epochs, self.step = event.epoch, event.epochs, event.step
        self.curves.end_epoch(event.epoch, event.step)
        self.epoch_ends.append((event.at, event.step))

    @_handle.register
    def _(self, event: ev.Paused) -> None:
        self.paused = event.reason
        self.epoch_ends.clear()

    @_handle.register
    def _(self, event: ev.Resumed) -> None:
        self.paused = NOTHING

    @_handle.register
    def _(self, event: ev.MemorySampled) -> None:
        self.rss_bytes, self.gpu_bytes, self.gpus = event.rss_bytes, event.gpu_bytes, event.gpus

    @_handle.register
    def _(self, event: ev.Warned) -> None:
        self.warnings.append(event)

    @_handle.register
    def _(self, event: ev.StageFinished) -> None:
        stage = self._stage(event.stage)
        stage.state, stage.seconds = "done", event.seconds

    @_handle.register
    def _(self, event: ev.StageSkipped) -> None:
        stage = self._stage(event.stage)
        stage.state, stage.reason = "skipped", event.reason

    @_handle.register
    def _(self, event: ev.StageStopped) -> None:
        self.state, self.exit_code, self.stop = "stopped", 130, event
        if event.stage:
            self._stage(event.stage).state = "stopped"

    @_handle.register
    def _(self, event: ev.StageFailed) -> None:
        self.state, self.exit_code = "failed", event.exit_code
        self.error = error_to_record(event.error())
        if event.stage:
            self._stage(event.stage).state = "failed"

    @_handle.register
    def _(self, event: ev.RunFinished) -> None:
        self.state, self.exit_code = "finished", 0
        self.artefacts = moved_artefacts(event.artefacts, self.written_in, self.folder)

    def own(self, event: ev.Event) -> ev.Event:
        """A folded event with the name and paths of this experiment: the journal of a copy has those of the
        original."""
        if isinstance(event, ev.RunStarted):
            return replace(event, name=self.name, folder=self.folder)
        if isinstance(event, ev.RunFinished):
            return replace(event, artefacts=self.artefacts)
        if self.written_in in ("", self.folder):
            return event
        paths: dict[str, Any] = {key: self._own_path(getattr(event, key)) for key in PATHS if hasattr(event, key)}
        return replace(event, **paths)

    def _own_path(self, path: str) -> str:
        """The path in this copy of a file of the original; only the name for a file outside the experiment's folder."""
        inside = os.path.relpath(path, self.written_in)
        return os.path.basename(path) if inside.startswith(os.pardir) else os.path.join(self.folder, inside)

    def move_to(self, experiment: Experiment) -> None:
        """After loading from a snapshot: the experiment may have been renamed since."""
        folder = str(experiment.folder)
        self.artefacts = moved_artefacts(self.artefacts, self.folder, folder)
        self.name, self.folder = experiment.name, folder

    def note_gone(self) -> None:
        """The journal has no end, and neither the engine nor its supervisor lives: killed together, or the machine
        restarted."""
        when = time.strftime("%H:%M", time.localtime(self.updated_at)) if self.updated_at else "?"
        self.note_unreadable(RvcError("run.gone", NOTHING, resumed_by(self.name), when=when))
        if self.stage and self.stages[self.stage].state == "running":
            self.stages[self.stage].state = "failed"

    def note_unreadable(self, error: RvcError) -> None:
        """The state of its runs is not known: it counts as failed."""
        self.state, self.exit_code = "failed", 1
        self.error = error_to_record(error)

    # --- snapshots --------------------------------------------------------------------------------------------------
    def to_record(self) -> dict[str, Any]:
        """As JSON, for a snapshot: all but its curves."""
        record = {name: value for name, value in vars(self).items() if name != "curves"}
        record["stages"] = [stage.to_record() for stage in self.stages.values()]
        record["warnings"] = [vars(warning) for warning in self.warnings]
        record["stop"] = vars(self.stop) if self.stop else None
        record["results"] = [ev.to_dict(result) for result in self.results]
        return with_codes({**record, "epoch_ends": [*self.epoch_ends], "waits": [*self.waits]})

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> RunView:
        """Raises TypeError for a record that `to_record` did not make."""
        if not isinstance(record["stages"], list) or not isinstance(record["warnings"], list):
            raise TypeError("no lists of stages and warnings")
        record = with_messages(record)
        view = build(cls, {**record, "stages": {}, "warnings": [], "stop": None, "results": []})
        done, total = view.part
        view.part = done, total  # JSON has lists
        view.stop = build(ev.StageStopped, record["stop"]) if record["stop"] is not None else None
        for one in record["stages"]:
            stage = StageView.from_record(one)
            view.stages[stage.name] = stage
        for one in record["results"]:
            result = ev.from_dict(one)
            if isinstance(result, ev.Converted | ev.ItemSkipped):
                view.results.append(result)
        view.warnings = [build(ev.Warned, one) for one in record["warnings"]]
        view.epoch_ends = deque(((at, step) for at, step in view.epoch_ends), maxlen=EPOCHS_KEPT)
        view.waits = deque(((data, whole) for data, whole in view.waits), maxlen=STEPS_KEPT)
        return view

    # --- printing ---------------------------------------------------------------------------------------------------
    def as_json(self) -> dict[str, Any]:
        """What `rvc status --json` prints."""
        current = self.stages.get(self.stage)
        keys = (
            "name",
            "folder",
            "preset",
            "run",
            "state",
            "stage",
            "epoch",
            "epochs",
            "step",
            "losses",
            "started_at",
            "updated_at",
        )
        record: dict[str, Any] = {key: getattr(self, key) for key in keys}
        record["done"], record["total"] = (current.done, current.total) if current else (0, 0)
        record["unit"] = current.unit if current else ""
        record["pid"] = self.pid if self.state == "running" else None
        record["error"], record["artefacts"] = self.error, self.artefacts
        record["saved"] = self.stop.saved if self.stop else None
        record["silent_s"], record["stuck"], record["paused"] = round(self.silent_s, 1), self.stuck, self.paused
        record["problem"] = self.problem
        record["warnings"] = [RvcError(w.title, w.message).summary for w in self.warnings]
        record["stages"] = {
            s.name: {"state": s.state, "done": s.done, "total": s.total, "skipped": len(s.skipped_items)}
            for s in self.stages.values()
        }
        return record


def _converts(stage: str) -> bool:
    known = find_stage(stage)
    return known is not None and known.purpose == "conversion"


_handlers: dict[type[ev.Event], Callable[[RunView, Any], None]] = {}


def handler_of(kind: type[ev.Event]) -> Callable[[RunView, Any], None]:
    """RunView's method for an event. Cached, since the lookup of singledispatchmethod slows down the replay of long
    journals."""
    if kind not in _handlers:
        found: singledispatchmethod[None] = RunView.__dict__["_handle"]
        _handlers[kind] = found.dispatcher.dispatch(kind)
    return _handlers[kind]
