"""Snapshots: the state after replaying a long journal, saved beside it, so that the next reader replays only new lines.

A snapshot is valid only for the journal that it was made of: the same file, not shorter, with the same bytes at its
beginning and before the place where the replay resumes. Others, and damaged ones, are ignored. When none can be written
nothing is lost.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rvc_engine.common.opening import open_file
from rvc_engine.common.records import build, read_json
from rvc_engine.disk import write_whole
from rvc_engine.errors import RvcError
from rvc_engine.experiment import snapshot_path

WORTH_BYTES = 1 << 14  # fewer new bytes are not worth a snapshot
EDGE_BYTES = 4096  # so many bytes of the journal are compared at each end
TICK_NS = 50_000_000  # two writes within this time may have the same mtime
FORMAT = 1


@dataclass(frozen=True)
class Mark:
    """How much of which journal was read. `size` and `mtime_ns` are those of the file before it was read, at
    `seen_ns`."""

    inode: int
    size: int
    mtime_ns: int
    seen_ns: int
    offset: int
    head: str
    tail: str

    @classmethod
    def of(cls, journal: Path, about: os.stat_result, offset: int) -> Mark:
        """Raises OSError."""
        head, tail = edges(journal, offset)
        return cls(about.st_ino, about.st_size, about.st_mtime_ns, time.time_ns(), offset, head, tail)

    def fits(self, journal: Path) -> bool:
        """Does the journal still begin with what was read? Raises OSError."""
        about = journal.stat()
        # it may have grown while it was read
        if about.st_ino != self.inode or about.st_size < max(self.size, self.offset):
            return False
        if about.st_size == self.size:
            return about.st_mtime_ns == self.mtime_ns < self.seen_ns - TICK_NS
        return edges(journal, self.offset) == (self.head, self.tail)


@dataclass(frozen=True)
class _File:
    format: int
    mark: dict[str, Any]
    state: dict[str, Any]
    sha256: str


def edges(journal: Path, offset: int) -> tuple[str, str]:
    """Digests of the first bytes, and of the last before `offset`."""
    with open_file(journal) as file:
        head = file.read(min(offset, EDGE_BYTES))
        file.seek(max(0, offset - EDGE_BYTES))
        tail = file.read(min(offset, EDGE_BYTES))
    return hashlib.sha256(head).hexdigest(), hashlib.sha256(tail).hexdigest()


def load(journal: Path) -> tuple[int, dict[str, Any]] | None:
    """The saved (offset, state). None when there is no valid snapshot."""
    try:
        file = build(_File, read_json(snapshot_path(journal)))
        mark = build(Mark, file.mark)
        if file.format == FORMAT and file.sha256 == _digest(file.mark, file.state) and mark.fits(journal):
            return mark.offset, file.state
    except (OSError, ValueError, TypeError):
        pass
    return None


def save(journal: Path, about: os.stat_result, offset: int, state: dict[str, Any]) -> None:
    """`about`: the stat of the journal before it was read up to `offset`. Errors are ignored: a snapshot only saves
    time."""
    with contextlib.suppress(OSError, RvcError, ValueError):
        mark = asdict(Mark.of(journal, about, offset))
        record = {"format": FORMAT, "mark": mark, "state": state, "sha256": _digest(mark, state)}
        write_whole(snapshot_path(journal), json.dumps(record), durable=False)


def _digest(mark: dict[str, Any], state: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps([mark, state], sort_keys=True).encode()).hexdigest()
