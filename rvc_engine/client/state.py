"""The state of the run screen, computed from events only: opening a run again replays them. Does not use Textual."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from rvc_engine import events as ev
from rvc_engine.client.machine import Machine
from rvc_engine.client.words import line_of, stopped_words
from rvc_engine.common.printable import LONG, printable
from rvc_engine.messages import NOTHING, Message, verbatim
from rvc_engine.run.stage_list import title_of, usual_stages
from rvc_engine.run.view import RunView, StageView

LINES = 1000  # lines of the journal that are kept for scrolling
READINGS = 60
BUSY_READINGS = 10  # a GPU's utilisation is averaged over so many
DRAWN = (ev.TrainStepped, ev.Progressed, ev.MemorySampled)  # displayed in panels, not as lines of the journal
SILENT_S = 40.0  # so long without progress counts as stuck


@dataclass(frozen=True)
class Line:
    """One line of the journal panel. `mark`: note, warning, skipped, failed or done. `text`: a Message until it is
    translated and made printable."""

    at: float
    mark: str
    text: str
    stage: str = ""


@dataclass(frozen=True)
class Row:
    """An experiment in a list. `state` as in RunView; `at`: the time of its last change; `problem`: what is wrong with
    its files."""

    name: str
    preset: str = ""
    state: str = "idle"
    at: float = 0.0
    problem: Message = NOTHING


@dataclass(frozen=True)
class Outlook:
    """What a run would do and what it would train with. `plan`: (stage, action, reason); `problem`: why this is not
    known; `rows`: the experiments of the workspace; `missing`: weights that the preset needs; `took`: seconds of each
    stage last time; `doubt`: what a run would do to a training that the user may not expect."""

    dataset: str = ""
    preset: str = ""
    plan: tuple[tuple[str, str, Message], ...] = ()
    problem: Message = NOTHING
    advice: dict[str, Any] | None = None
    rows: tuple[Row, ...] = ()
    missing: tuple[str, ...] = ()
    took: dict[str, float] = field(default_factory=dict)
    doubt: Message = NOTHING


@dataclass
class ScreenState:
    """RunView, and what only a screen needs: the journal as text, the machine, what a run would do."""

    view: RunView = field(default_factory=RunView)
    lines: deque[Line] = field(default_factory=lambda: deque(maxlen=LINES))
    written: int = 0  # lines ever added, so that a widget knows which are new
    begun: int = 0  # how often the journal was cleared for a new run
    outlook: Outlook = field(default_factory=Outlook)
    machine: Machine = field(default_factory=Machine)
    readings: deque[Machine] = field(default_factory=lambda: deque(maxlen=READINGS))  # the latest of the machine
    refused: Message = NOTHING  # why the last start failed
    starting: bool = False
    event_at: float = 0.0  # of the last progress, by the engine's heartbeat
    stuck_after_s: float = SILENT_S  # longer without progress is reported
    translate: Callable[[str], str] = str  # of a message, into the user's language

    def fold(self, events: Iterable[ev.Event]) -> None:
        for event in events:
            if isinstance(event, ev.RunStarted):
                self.lines.clear()
                self.begun += 1
                self.refused, self.starting, self.event_at = NOTHING, False, 0.0
            self.view.fold(event)
            if not self.view.run:
                continue  # the training of an earlier run: only for the curves
            self.event_at = max(self.event_at, event.at)
            if not isinstance(event, DRAWN):
                for line in in_words(self.view.own(event)):
                    self.add(replace(line, text=printable(self.translate(line.text), LONG)))

    def add(self, line: Line) -> None:
        self.lines.append(line)
        self.written += 1

    def note_machine(self, machine: Machine) -> None:
        self.machine = machine
        self.readings.append(machine)

    def busy(self, index: int) -> float | None:
        """The mean utilisation of a GPU in the latest readings, in percent; None when not known."""
        readings = [
            gpu.utilisation
            for machine in list(self.readings)[-BUSY_READINGS:]
            for gpu in machine.gpus
            if gpu.index == index
        ]
        known = [value for value in readings if value is not None]
        return sum(known) / len(known) if known else None

    @property
    def running(self) -> bool:
        return self.view.state == "running"

    @property
    def preset(self) -> str:
        return (self.view.preset if self.running else "") or self.outlook.preset or self.view.preset

    def silent_s(self, now: float) -> float:
        """Seconds without progress if it counts as stuck, else 0."""
        silence = now - self.event_at if self.running and self.event_at else 0.0
        return silence if silence > self.stuck_after_s else 0.0

    def stages(self) -> list[StageView]:
        """The stages of the run; before the first run those of the plan."""
        if self.view.stages:
            return list(self.view.stages.values())
        if self.outlook.plan:
            return [
                StageView(name, title_of(name), "skipped" if action == "skip" else "pending", reason=reason)
                for name, action, reason in self.outlook.plan
            ]
        return [StageView(stage.name, stage.title) for stage in usual_stages()]


MARKS = {ev.Warned: "warning", ev.ItemSkipped: "skipped", ev.MovedAside: "warning", ev.StageFinished: "done"}


def in_words(event: ev.Event) -> list[Line]:
    """No lines for what panels display: progress, steps, memory."""
    stage = str(getattr(event, "stage", "") or "")
    if isinstance(event, ev.StageFailed):
        code = "client.stage_failed" if stage else "client.failed"
        return [Line(event.at, "failed", Message(code, stage=stage, title=event.title), stage)]
    if isinstance(event, ev.StageStopped):
        how = stopped_words(event)
        text = Message("client.stage_stopped", stage=stage, how=how) if stage else how
        return [Line(event.at, "warning", text, stage)]
    if isinstance(event, ev.RunFinished):
        files = [verbatim(str(artefact.get("path", ""))) for artefact in event.artefacts]
        return [Line(event.at, "done", text) for text in (Message("client.finished"), *files)]
    line = line_of(event)
    return [] if line is None else [Line(event.at, MARKS.get(type(event), "note"), line, stage)]


def clock(at: float) -> str:
    return time.strftime("%H:%M:%S", time.localtime(at)) if at else "        "
