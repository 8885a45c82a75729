"""The journal of a run: one JSON object a line in runs/0001.jsonl, a new file a run. Append and follow."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

from rvc_engine.disk import is_full, sync
from rvc_engine.events import (
    ENDS,
    CheckpointSaved,
    EpochFinished,
    Event,
    StageFinished,
    StepsSuperseded,
    TrainStepped,
    from_dict,
    to_dict,
)
from rvc_engine.opening import NotAFile, open_file, open_to_append

# After these the line is fsynced: a power cut must not unsay them.
DURABLE = (*ENDS, CheckpointSaved, StageFinished)
FULL_S = 900.0  # a full disk is waited for this long: a run must not end for its journal's sake


def journals(runs: Path) -> list[Path]:
    """The journal files of an experiment, oldest first."""
    return sorted(runs.glob("[0-9]*.jsonl"), key=lambda p: int(p.stem)) if runs.is_dir() else []


class Journal:
    """Appends events to one file; each line is written in one call, so that a reader sees whole lines or a torn last one."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._descriptor = open_to_append(path)
        if _is_torn(path):
            os.write(self._descriptor, b"\n")  # what a killed writer left torn stays a line of its own

    @classmethod
    def next_in(cls, runs: Path) -> tuple[int, Journal]:
        """A new journal with the number after the newest."""
        present = journals(runs)
        number = int(present[-1].stem) + 1 if present else 1
        return number, cls(runs / f"{number:04d}.jsonl")

    def append(self, event: Event) -> Event:
        """Returns the event with its time filled in."""
        stamped = event if event.at else replace(event, at=time.time())
        data = line_of(to_dict(stamped))
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

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def line_of(record: dict[str, Any]) -> bytes:
    """With the bytes of names that are no text; in ASCII where half a character, from a stranger's file, has no bytes."""
    try:
        line = json.dumps(record, ensure_ascii=False, allow_nan=True, separators=(",", ":")).encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        line = json.dumps(record, allow_nan=True, separators=(",", ":")).encode()
    return line + b"\n"


def _is_torn(path: Path) -> bool:
    with open_file(path) as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - 1))
        return size > 0 and file.read(1) != b"\n"


def parse_line(line: bytes) -> Event | None:
    """None for a torn line, a line that is no event, or an event of a kind this version does not know."""
    try:
        record = json.loads(line.decode("utf-8", "surrogateescape"))
        return from_dict(record) if isinstance(record, dict) else None
    except (ValueError, TypeError):
        return None


def parse_lines(lines: Sequence[bytes]) -> list[Event]:
    """All of them at once is a quarter faster; one by one where a line is torn."""
    try:
        records = json.loads("[" + b",".join(lines).decode("utf-8", "surrogateescape") + "]")
        if len(records) == len(lines):
            return [event for record in records if (event := from_dict(record)) is not None]
    except (ValueError, TypeError, AttributeError):
        pass
    return [event for line in lines if (event := parse_line(line)) is not None]


class JournalReader:
    """Reads what has been appended since the last call; a line counts once its newline is there. `kinds`: only events of these."""

    def __init__(self, path: Path, kinds: Sequence[type[Event]] = ()) -> None:
        self.path = path
        self.offset = 0
        self._starts = tuple(f'{{"event":"{kind.__name__}"'.encode() for kind in kinds)

    def read_new(self, limit_bytes: int = 1 << 26) -> list[Event]:
        try:
            with open_file(self.path) as file:
                file.seek(self.offset)
                data = file.read(limit_bytes)
        except (FileNotFoundError, NotAFile):
            return []
        whole = data[: data.rfind(b"\n") + 1]
        self.offset += len(whole)
        lines = whole.splitlines()
        if self._starts:
            lines = [line for line in lines if line.startswith(self._starts)]
        return parse_lines(lines)


def training_of(paths: Sequence[Path], limit_bytes: int = 1 << 18) -> Iterator[list[Event]]:
    """The steps and epochs of some journals, a part at a time; the rest is not even parsed."""
    for path in paths:
        reader, before = JournalReader(path, (TrainStepped, EpochFinished, StepsSuperseded)), -1
        while reader.offset != before:
            before = reader.offset
            yield reader.read_new(limit_bytes)


def last_event(path: Path, tail_bytes: int = 1 << 16) -> Event | None:
    """The last whole event of a journal, without reading the rest of it."""
    try:
        with open_file(path) as file:
            file.seek(max(0, path.stat().st_size - tail_bytes))
            data = file.read()
    except OSError:
        return None
    lines = data[: data.rfind(b"\n") + 1].splitlines()
    return next((event for line in reversed(lines) if (event := parse_line(line)) is not None), None)


def read(path: Path) -> Iterator[Event]:
    """Every event of one journal file."""
    reader = JournalReader(path)
    while events := reader.read_new():
        yield from events


def history(runs: Path) -> Iterator[Event]:
    """Every event of all runs of an experiment, oldest first."""
    for path in journals(runs):
        yield from read(path)


def steps_once(events: Iterable[Event]) -> list[Event]:
    """The history without what later runs did again: steps, epochs and checkpoints after the state that a StepsSuperseded names."""
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
