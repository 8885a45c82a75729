"""Reads the journals of one experiment in parts, for a screen that follows them: all events of a short history; for a
long one the current state first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from rvc_engine.events import EpochFinished, Event, RunStarted, StepsSuperseded, TrainStepped
from rvc_engine.experiment import Experiment, journals
from rvc_engine.run.curves import Curves
from rvc_engine.run.journal import BRIEF_BYTES, CHUNK_BYTES, JournalReader, training_of
from rvc_engine.run.view import RunView

LONG_BYTES = 16 << 20  # a history is long when all its journals have more: a replay would take too long
TRAINING = (TrainStepped, EpochFinished, StepsSuperseded)


@dataclass(frozen=True)
class Part:
    """`curves` replace those that the events gave. `more`: a replay continues, call again at once."""

    events: list[Event] = field(default_factory=list)
    curves: Curves | None = None
    more: bool = False


class Follower:
    """`curves`: whether to read the curves of a long history, which takes seconds, in parts."""

    def __init__(self, experiment: Experiment, *, curves: bool = True) -> None:
        self.experiment, self._wants_curves = experiment, curves
        self._reader: JournalReader | None = None
        self._past: Iterator[list[Event]] | None = None  # the training of earlier runs, for the curves
        self._curve_history: CurveHistory | None = None

    def part(self) -> Part:
        """What has been written since the last call; a newer run is followed as soon as it has a journal. The training
        of earlier runs comes first, without their start and end events. In a long history the newest run comes first,
        without what its later events overwrite; the curves follow. Raises OSError when a journal cannot be read."""
        files = journals(self.experiment.runs)
        if not files:
            return Part()
        if self._reader is None and sum(path.stat().st_size for path in files) > LONG_BYTES:
            self._reader = JournalReader(files[-1], brief=True)
            self._curve_history = CurveHistory(files) if self._wants_curves else None
        if self._reader is None:
            self._past = self._past or training_of(files[:-1], CHUNK_BYTES)
            if (events := next(self._past, None)) is not None:
                return Part(events, more=True)
            self._reader = JournalReader(files[-1])
        return self._newest(self._reader, files[-1])

    def _newest(self, reader: JournalReader, newest: Path) -> Part:
        limit, before = BRIEF_BYTES if reader.brief else CHUNK_BYTES, reader.offset
        events = reader.read_new(limit)
        if reader.offset - before >= limit:
            return Part(events, more=True)
        reader.brief = False  # it has caught up: from now on every step is drawn
        if self._curve_history is not None:
            if not self._curve_history.advance(reader.offset):
                return Part(events, more=True)
            curves, self._curve_history = self._curve_history.curves, None
            return Part(events, curves, more=True)
        if reader.path != newest and reader.offset == before:  # the end of the older run was read
            self._reader = JournalReader(newest)
            return self._newest(self._reader, newest)
        return Part(events)


class CurveHistory:
    """The curves of several runs, read in parts."""

    def __init__(self, files: list[Path]) -> None:
        self._view = RunView()
        self._past = training_of(files[:-1], CHUNK_BYTES)
        self._newest = JournalReader(files[-1], (*TRAINING, RunStarted))

    @property
    def curves(self) -> Curves:
        return self._view.curves

    def advance(self, offset: int) -> bool:
        """Read one more part; True when the newest journal is read up to `offset`."""
        events = next(self._past, None)
        if events is None:
            events = self._newest.read_new(min(CHUNK_BYTES, offset - self._newest.offset))
        for event in events:
            self._view.fold(event)
        return self._newest.offset >= offset
