"""The queue of a workspace: trainings and conversions one after the other. It is saved in queue.json, so that it
survives restarts."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rvc_engine.common.failures import unreadable
from rvc_engine.common.lock import short_lock
from rvc_engine.common.records import BIGGEST, Moment, build, outline, read_json
from rvc_engine.disk import require_writable, write_whole
from rvc_engine.errors import BadInput
from rvc_engine.experiment import is_conversion_name
from rvc_engine.messages import NOTHING, Message, message_of
from rvc_engine.messages.wire import with_codes, with_messages

RUN, CONVERT = "run", "convert"
WAITING, RUNNING, DONE, FAILED = "waiting", "running", "done", "failed"
DAMAGED = "damaged"  # the file has something else in the place of an entry: it is listed, kept unchanged, and not run


@dataclass
class Entry:
    """`rvc COMMAND NAME WORDS`: `name` is an experiment, or the voice of a conversion. `outcome` is the last line of an
    ended run, or the problem of a damaged entry. `conversion`: its name (conversions/3) once it has begun. `record`:
    its JSON in the file, so that writing it again loses nothing."""

    number: int
    name: str
    words: list[str] = field(default_factory=list)
    state: str = WAITING
    added_at: Moment = 0.0
    started_at: Moment = 0.0
    ended_at: Moment = 0.0
    outcome: Message = NOTHING
    command: str = RUN  # entries of earlier versions have none
    conversion: str = ""
    record: Any = field(default=None, init=False, repr=False, compare=False)

    @property
    def title(self) -> str:
        return f"{self.command} {self.name}" if self.command == CONVERT else self.name

    @property
    def run_name(self) -> str:
        """The argument of `rvc attach` and `rvc stop`; empty for a conversion that has not begun."""
        return self.conversion if self.command == CONVERT else self.name

    def facts(self) -> dict[str, Any]:
        return {key: value for key, value in vars(self).items() if key != "record"}

    def written(self) -> Any:
        """Its JSON for the file; fields of a later version stay."""
        if self.state == DAMAGED:
            return self.record
        return with_codes({**(self.record or {}), **self.facts()})


class RunQueue:
    """Entries in order. Every change reads and rewrites the whole file, under a lock."""

    def __init__(self, home: Path) -> None:
        self.path = home / "queue.json"
        self._lock = home / "queue.lock"

    def entries(self) -> list[Entry]:
        """Damaged entries too, with that state. Raises BadInput naming the file when it has no list of entries."""
        return entries_of(self._content()["entries"], self.path)

    def _content(self) -> dict[str, Any]:
        try:
            content = read_json(self.path)
            if not isinstance(content, dict) or not isinstance(content.get("entries"), list):
                raise ValueError(Message("run.no_list"))
            return content
        except FileNotFoundError:
            return {"entries": []}
        except OSError as error:
            raise unreadable(self.path, error) from error
        except ValueError as error:
            hint = Message("run.correct_queue")
            raise BadInput("common.cannot_be_read", message_of(error), hint, path=self.path) from error

    @contextmanager
    def changing(self) -> Iterator[list[Entry]]:
        """The entries, to be changed; written when the block ends without an error."""
        require_writable(self._lock.parent, Message("run.another_workspace"))
        with short_lock(self._lock):
            content = self._content()
            entries = entries_of(content["entries"], self.path)
            yield entries
            write_whole(self.path, json.dumps({**content, "entries": [entry.written() for entry in entries]}, indent=1))

    def add(self, name: str, words: list[str], command: str = RUN) -> Entry:
        with self.changing() as entries:
            number = max((e.number for e in entries), default=0) + 1
            entry = Entry(number, name, words, added_at=time.time(), command=command)
            entries.append(entry)
        return entry

    def move(self, number: int, place: int) -> None:
        """Put an entry at a place, counted from 1."""
        with self.changing() as entries:
            entry = _find(entries, number)
            entries.remove(entry)
            entries.insert(max(0, place - 1), entry)

    def remove(self, number: int) -> None:
        """Raises BadInput for an entry that runs."""
        with self.changing() as entries:
            entry = _find(entries, number)
            if entry.state == RUNNING:
                raise BadInput("run.entry_runs", number=number, title=entry.title, name=entry.run_name)
            entries.remove(entry)

    def mark(self, number: int, state: str, outcome: Message = NOTHING, *, conversion: str | None = None) -> None:
        """`conversion`: its name from now on; None changes nothing."""
        with self.changing() as entries:
            entry = _find(entries, number)
            entry.state, entry.outcome = state, outcome
            entry.conversion = entry.conversion if conversion is None else conversion
            if state == RUNNING:
                entry.started_at = time.time()
            elif state in (DONE, FAILED):
                entry.ended_at = time.time()

    def next(self) -> Entry | None:
        """The next entry to run: one that a killed queue left running, else the first waiting one."""
        entries = self.entries()
        return next((e for e in entries if e.state == RUNNING), None) or next(
            (e for e in entries if e.state == WAITING), None
        )


def entries_of(records: list[Any], path: Path) -> list[Entry]:
    """Each with a unique number."""
    entries, numbers = [], set[int]()
    free = max(map(_number, records), default=0) + 1
    for record in records:
        number = _number(record)
        if not number or number in numbers:
            number, free = free, free + 1
        numbers.add(number)
        entries.append(_entry(record, number, path))
    return entries


def _number(record: Any) -> int:
    """0 when it has no valid number."""
    number = record.get("number") if isinstance(record, dict) else 0
    return number if type(number) is int and 0 < number < BIGGEST else 0


def _entry(record: Any, number: int, path: Path) -> Entry:
    try:
        known = with_messages(record) if isinstance(record, dict) else record
        entry = build(Entry, known)
        entry.number = number  # another one has its own
        if entry.state not in (WAITING, RUNNING, DONE, FAILED):
            raise TypeError(Message("common.wrong_value", key="state", value=outline(entry.state)))
        if entry.command not in (RUN, CONVERT):
            raise TypeError(Message("common.wrong_value", key="command", value=outline(entry.command)))
        if entry.conversion and not is_conversion_name(entry.conversion):
            raise TypeError(Message("common.wrong_value", key="conversion", value=outline(entry.conversion)))
        for word in (entry.name, *entry.words):
            if "\0" in word or not entry.name:
                raise TypeError(Message("run.impossible_words"))
            os.fsencode(word)
        entry.record = known
    except (TypeError, UnicodeError) as error:
        name = record.get("name") if isinstance(record, dict) else None
        why = Message("run.damaged_entry", path=path, reason=message_of(error), number=number)
        entry = Entry(number, name if isinstance(name, str) and name else "?", state=DAMAGED, outcome=why)
        entry.record = record
    return entry


def _find(entries: list[Entry], number: int) -> Entry:
    for entry in entries:
        if entry.number == number:
            return entry
    raise BadInput("run.no_entry", number=number)


def deadline_of(text: str, now: float) -> float:
    """When a time limit ends: '8h', '90m', '30s' from now, or the next '06:00'. Raises BadInput for anything else."""
    units = {"h": 3600.0, "m": 60.0, "s": 1.0}
    try:
        if text[-1:] in units:
            return now + float(text[:-1]) * units[text[-1]]
        hours, minutes = (int(part) for part in text.split(":"))
        today = time.localtime(now)
        moment = time.mktime((today.tm_year, today.tm_mon, today.tm_mday, hours, minutes, 0, 0, 0, -1))
        return moment if moment > now else moment + 86400
    except (ValueError, OverflowError) as error:
        raise BadInput("run.no_time_limit", text=text) from error
