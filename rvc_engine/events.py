"""Typed events of a run: numbers, not sentences. The command line, the app and the tests put them into words.

An event becomes one JSON object a line in the journal: {"event": "Progressed", "at": 1700000000.0, ...fields}.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

from rvc_engine.common.lines import Failure, Line, from_record, to_record
from rvc_engine.common.records import Holds, Moment, Pid
from rvc_engine.messages import NOTHING, Message

Artefacts = Annotated[list[dict[str, Any]], Holds(path=str, bytes=int, sha256=str)]
Gpus = Annotated[list[dict[str, Any]], Holds(uuid=str, index=int, reserved=int, context=int | None)]


@dataclass(frozen=True, kw_only=True)
class Event(Line):
    """`at` is seconds since the epoch; the journal fills it in."""

    at: Moment = 0.0


@dataclass(frozen=True, kw_only=True)
class RunStarted(Event):
    run: int
    name: str
    folder: str
    pid: Pid
    host: str
    version: str
    preset: str
    stages: list[str]
    supervisor: Pid = 0  # it watches the engine, and records its end when the engine could not


@dataclass(frozen=True, kw_only=True)
class StageStarted(Event):
    stage: str
    reason: Message = NOTHING  # why it is not skipped


@dataclass(frozen=True, kw_only=True)
class Progressed(Event):
    """`done` of `total` units are finished; `item` names the last one."""

    stage: str
    done: int
    total: int
    unit: str
    item: str = ""


@dataclass(frozen=True, kw_only=True)
class ItemSkipped(Event):
    """`item`: a file, or a part of one, which is a message."""

    stage: str
    item: str | Message
    reason: Message


@dataclass(frozen=True, kw_only=True)
class TrainStepped(Event):
    """One optimizer step of both networks. `seconds` is the duration of the step, `data_seconds` the wait for its batch
    before."""

    step: int
    epoch: int
    epochs: int
    losses: dict[str, float]
    learning_rate: float
    grad_norms: dict[str, float]
    seconds: float
    stage: str = "train"
    data_seconds: float = 0.0


@dataclass(frozen=True, kw_only=True)
class StepsSuperseded(Event):
    """Training resumes after `after_step`: earlier records of later steps are void, these steps are done again."""

    after_step: int
    epoch: int
    stage: str = "train"


@dataclass(frozen=True, kw_only=True)
class EpochFinished(Event):
    """`losses` are means over the epoch's steps."""

    epoch: int
    epochs: int
    step: int
    losses: dict[str, float]
    seconds: float
    stage: str = "train"


@dataclass(frozen=True, kw_only=True)
class CheckpointSaved(Event):
    """`kind`: checkpoint (G_ and D_ pair), small (the model to share) or resume (the exact training state)."""

    path: str
    kind: str
    epoch: int
    step: int
    stage: str = "train"


@dataclass(frozen=True, kw_only=True)
class Audition(Event):
    """`clip` of the set as the voice speaks it at a checkpoint: `path` and the recording itself, `target`, are WAV
    files; `picture` is JSON with both spectrograms (rows, columns, seconds, range_db; target and generated in hex, one
    byte a value, lowest band first)."""

    epoch: int
    step: int
    clip: str
    path: str
    target: str
    picture: str
    stage: str = "train"


@dataclass(frozen=True, kw_only=True)
class MemorySampled(Event):
    """Bytes held by the engine: `rss_bytes` with its workers, `gpu_bytes` reserved by torch on its devices. `gpus`:
    each that it uses as {"uuid", "index", "reserved", "context"}; context, the memory of CUDA itself, is None where the
    driver does not report it (in containers)."""

    rss_bytes: int
    gpu_bytes: int = 0
    stage: str = ""
    gpus: Gpus = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Converted(Event):
    """One recording converted."""

    source: str
    path: str
    seconds: float
    stage: str = "convert"


@dataclass(frozen=True, kw_only=True)
class Warned(Event):
    title: Message
    message: Message = NOTHING
    hint: Message = NOTHING
    stage: str = ""


@dataclass(frozen=True, kw_only=True)
class Noted(Event):
    """Information that is not a warning."""

    text: Message
    stage: str = ""


@dataclass(frozen=True, kw_only=True)
class Paused(Event):
    """The stage waits for something external, such as free disk space; `Resumed` follows when it is there."""

    stage: str
    reason: Message
    needed_bytes: int = 0
    free_bytes: int = 0


@dataclass(frozen=True, kw_only=True)
class Resumed(Event):
    stage: str
    waited_s: float


@dataclass(frozen=True, kw_only=True)
class MovedAside(Event):
    """Old work that no longer fits was moved, not deleted."""

    stage: str
    path: str
    reason: Message


@dataclass(frozen=True, kw_only=True)
class StageFinished(Event):
    stage: str
    seconds: float


@dataclass(frozen=True, kw_only=True)
class StageSkipped(Event):
    stage: str
    reason: Message


@dataclass(frozen=True, kw_only=True)
class StageStopped(Event):
    """`saved`: whether all finished work is on the disk; None in journals older than this field. `after_step` and
    `epoch`: the checkpoint that a run resumes from when a training was not saved. `reason`: why it ended without
    saving."""

    ends: ClassVar[bool] = True
    stage: str
    saved: bool | None = None
    after_step: int | None = None
    epoch: int | None = None
    reason: Message = NOTHING


@dataclass(frozen=True, kw_only=True)
class StageFailed(Failure, Event):
    ends: ClassVar[bool] = True
    stage: str


@dataclass(frozen=True, kw_only=True)
class RunFinished(Event):
    """`artefacts`: [{"path", "bytes", "sha256"}], each loaded as a check before this was written."""

    ends: ClassVar[bool] = True
    seconds: float
    artefacts: Artefacts = field(default_factory=list)


class EventsLeft(Exception):
    """What a generator of events raises when it is closed and has some more."""

    def __init__(self, events: list[Event]) -> None:
        super().__init__(events)
        self.events = events


ENDS = tuple(kind for kind in Line.KINDS.values() if issubclass(kind, Event) and kind.ends)
"""Nothing follows one of these in a journal: RunFinished, StageFailed, StageStopped."""


def to_dict(event: Event) -> dict[str, Any]:
    return to_record(event)


def from_dict(record: dict[str, Any]) -> Event | None:
    """The event of a journal line; None for a kind that this version does not know. Unknown fields are dropped.

    Raises TypeError when a required field is missing, or a field has another type than declared.
    """
    return from_record(record, Event)
