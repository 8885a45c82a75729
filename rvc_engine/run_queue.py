"""The queue of a workspace: voices one after the other. It lives in queue.json, so that it survives restarts."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from rvc_engine.disk import require_writable, write_whole
from rvc_engine.errors import BadInput
from rvc_engine.failures import unreadable
from rvc_engine.lock import short_lock
from rvc_engine.opening import read_text

WAITING, RUNNING, DONE, FAILED = "waiting", "running", "done", "failed"


@dataclass
class Entry:
    """One run: `words` are what `rvc run` gets after the name. `outcome` is the last line of a run that ended."""

    number: int
    name: str
    words: list[str] = field(default_factory=list)
    state: str = WAITING
    added_at: float = 0.0
    started_at: float = 0.0
    ended_at: float = 0.0
    outcome: str = ""


class RunQueue:
    """Entries in order. Every change reads the file, changes it and writes it whole, under a lock."""

    def __init__(self, home: Path) -> None:
        self.path = home / "queue.json"
        self._lock = home / "queue.lock"

    def entries(self) -> list[Entry]:
        """Raises BadInput naming the file when it is damaged."""
        try:
            return [Entry(**record) for record in json.loads(read_text(self.path))["entries"]]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise unreadable(self.path, error) from error
        except (ValueError, KeyError, TypeError) as error:
            raise BadInput(f"{self.path} cannot be read", str(error), "correct it, or move it away to start an empty queue") from error

    @contextmanager
    def changing(self) -> Iterator[list[Entry]]:
        """The entries, to be changed; written when the block ends without an error."""
        require_writable(self._lock.parent, "use another workspace (--home DIR), or change its permissions")
        with short_lock(self._lock):
            entries = self.entries()
            yield entries
            write_whole(self.path, json.dumps({"entries": [asdict(entry) for entry in entries]}, indent=1))

    def add(self, name: str, words: list[str]) -> Entry:
        with self.changing() as entries:
            entry = Entry(max((e.number for e in entries), default=0) + 1, name, words, added_at=time.time())
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
                raise BadInput(f"Entry {number} ({entry.name}) runs", "", f"rvc stop {entry.name} first")
            entries.remove(entry)

    def mark(self, number: int, state: str, outcome: str = "") -> None:
        with self.changing() as entries:
            entry = _find(entries, number)
            entry.state, entry.outcome = state, outcome
            if state == RUNNING:
                entry.started_at = time.time()
            elif state in (DONE, FAILED):
                entry.ended_at = time.time()

    def next(self) -> Entry | None:
        """The entry whose turn it is: one that a killed queue left running, else the first that waits."""
        entries = self.entries()
        return next((e for e in entries if e.state == RUNNING), None) or next((e for e in entries if e.state == WAITING), None)


def _find(entries: list[Entry], number: int) -> Entry:
    for entry in entries:
        if entry.number == number:
            return entry
    raise BadInput(f"There is no entry {number} in the queue", "", "rvc queue list shows them")


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
        raise BadInput(f"{text!r} is no time limit", "", "write 8h, 90m, or a time of day such as 06:00") from error
