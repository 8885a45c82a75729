"""The journal of a run: one JSON object a line in runs/0001.jsonl, a new file a run. Append and follow."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from rvc_engine.common.lines import LINE_BYTES, encode
from rvc_engine.common.opening import NotAFile, open_file, open_to_append
from rvc_engine.disk import is_full, sync
from rvc_engine.events import (
    ENDS,
    CheckpointSaved,
    EpochFinished,
    Event,
    StageFinished,
    StepsSuperseded,
    TrainStepped,
)
from rvc_engine.experiment import journal_number, journals, named_journals
from rvc_engine.run.replay import brief_events, parse_lines

# The file is fsynced after these events, so that a power cut cannot lose them.
DURABLE = (*ENDS, CheckpointSaved, StageFinished)
CHUNK_BYTES = 1 << 20  # of a journal are read at once: its events take ten times the memory
BRIEF_BYTES = 4 << 20  # the same when few of them are parsed
BUFFER_BYTES = 1 << 16
FULL_S = 900.0  # so long a write waits for free disk space: the journal alone must not end a run


def strays(runs: Path) -> list[Path]:
    """Paths that look like journals and are not: a second copy from a sync program, a folder, a broken link. Raises
    OSError."""
    if not runs.is_dir():
        return []
    own = set(journals(runs))
    return sorted(path for path in runs.iterdir() if path.suffix == ".jsonl" and path not in own)


class Journal:
    """Appends events to one file. Each line is written in one call, so that only the last one can be incomplete for a
    reader."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._descriptor = open_to_append(path)
        if (size := path.stat().st_size) and _last_byte(path, size) != b"\n":
            os.write(self._descriptor, b"\n")  # ends the incomplete line of a killed writer

    @classmethod
    def next_in(cls, runs: Path) -> tuple[int, Journal]:
        """A new journal with the number after the newest."""
        number = max((journal_number(path)[0] for path in named_journals(runs)), default=0) + 1
        return number, cls(runs / f"{number:04d}.jsonl")

    def append(self, event: Event) -> Event:
        """Returns the event with its time filled in."""
        stamped = event if event.at else replace(event, at=time.time())
        data = encode(stamped)
        give_up = time.monotonic() + FULL_S
        while data:
            try:
                data = data[os.write(self._descriptor, data) :]
            except OSError as error:
                if not is_full(error) or time.monotonic() > give_up:
                    raise
                time.sleep(0.5)
        if isinstance(stamped, DURABLE):
            sync(self._descriptor)
        return stamped

    def close(self) -> None:
        os.close(self._descriptor)

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _last_byte(path: Path, size: int) -> bytes:
    with open_file(path) as file:
        file.seek(size - 1)
        return file.read(1)


class JournalReader:
    """Reads what has been appended since the last call; a line counts once its newline is there. `kinds`: reads only
    events of these. `brief`: without steps and progress that later events overwrite, as brief_events. Raises OSError
    when the file cannot be read."""

    def __init__(self, path: Path, kinds: Sequence[type[Event]] = (), *, brief: bool = False, offset: int = 0) -> None:
        self.path, self.brief, self.offset = path, brief, offset
        self.mistyped = 0  # lines with an event whose fields have wrong types: skipped
        self._starts = tuple(f'{{"event":"{kind.__name__}"'.encode() for kind in kinds) or (b"",)

    def read_new(self, limit_bytes: int = CHUNK_BYTES) -> list[Event]:
        """The events of so many bytes, with the whole of the last line. Empty at the end, and when a part has no
        events."""
        before = self.offset
        found = brief_events(self._lines(limit_bytes)) if self.brief else None
        if found is None:
            self.offset = before
            found = parse_lines([line for line in self._lines(limit_bytes) if line.startswith(self._starts)])
        self.mistyped += found[1]
        return found[0]

    def batches(self, limit_bytes: int = CHUNK_BYTES) -> Iterator[list[Event]]:
        """All existing events, in parts."""
        before = -1
        while self.offset != before:
            before = self.offset
            yield self.read_new(limit_bytes)

    def _lines(self, limit_bytes: int) -> Iterator[bytes]:
        """Complete lines. Those that are too long for an event are skipped."""
        offset, end = self.offset, self.offset + limit_bytes
        try:
            with open_file(self.path) as file:
                file.seek(offset)
                for line in iter(partial(file.readline, LINE_BYTES), b""):
                    if line[-1:] != b"\n":
                        offset += self._too_long(file, len(line)) if len(line) == LINE_BYTES else 0
                        break
                    offset += len(line)
                    yield line
                    if offset >= end:
                        break
        except (FileNotFoundError, NotAFile):
            pass
        self.offset = offset

    def _too_long(self, file: BinaryIO, length: int) -> int:
        """The length of a line whose first `length` bytes are read; 0 when its end is not there yet."""
        while block := file.readline(BUFFER_BYTES):
            length += len(block)
            if block.endswith(b"\n"):
                return length
        return 0


def training_of(paths: Sequence[Path], limit_bytes: int = 1 << 18) -> Iterator[list[Event]]:
    """The steps and epochs of some journals, a part at a time; other events are not parsed."""
    for path in paths:
        yield from JournalReader(path, (TrainStepped, EpochFinished, StepsSuperseded)).batches(limit_bytes)


def read(path: Path) -> Iterator[Event]:
    """Every event of one journal file."""
    for events in JournalReader(path).batches():
        yield from events


def history(runs: Path) -> Iterator[Event]:
    """Every event of all runs of an experiment, oldest first."""
    for path in journals(runs):
        yield from read(path)


def steps_once(events: Iterable[Event]) -> list[Event]:
    """The history without the records that a StepsSuperseded made void: steps, epochs and checkpoints that a later run
    did again."""
    kept: list[Event] = []
    step, epoch = float("inf"), float("inf")
    for event in reversed(list(events)):
        if isinstance(event, StepsSuperseded):
            step, epoch = min(step, event.after_step), min(epoch, event.epoch)
        elif (isinstance(event, TrainStepped) and event.step > step) or (
            isinstance(event, EpochFinished | CheckpointSaved) and (event.step > step or event.epoch > epoch)
        ):
            continue
        kept.append(event)
    return kept[::-1]
