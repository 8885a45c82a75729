"""What a command reports to the process that started it, beside its result (common/lines.py)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from rvc_engine.common.lines import Line


@dataclass(frozen=True)
class Detached(Line):
    """A run that was started with --detach: its name, the process of its engine, and its journal. `notes`: what to say
    to a person first."""

    name: str
    pid: int
    journal: str
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class QueueStarted(Line):
    """The queue is held by this process."""

    pid: int


@dataclass(frozen=True)
class FileTransfer(Line):
    """How far the download of a file is. `state`: downloading, checking, ... as `event` of `rvc assets pull --json`;
    `total`: bytes, None where they are not known; `error`: as error_to_record gives it."""

    file: str
    state: str
    done: int
    total: int | None = None
    bytes_per_s: int = 0
    resumed_at: int = 0
    error: dict[str, Any] | None = None
