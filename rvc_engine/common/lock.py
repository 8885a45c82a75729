"""One run an experiment at a time: run.lock says who holds it, and a lock whose holder is gone is recognised.

The kernel's lock on the file decides (it goes with the process, however that ends); the text in it says who it
is, and decides where the file system knows no locks. A holder on another host counts as gone when the kernel's lock is
free and it has given no sign of life for a while (elsewhere.py): then its lock is taken over.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import math
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import psutil

from rvc_engine.common.elsewhere import held_by_kernel, last_seen, shows_life
from rvc_engine.common.opening import read_text
from rvc_engine.common.processes import boot_id, is_running, same_boot, start_ticks
from rvc_engine.errors import Busy
from rvc_engine.messages import NOTHING, Message

NAMED_S = 1.0
LOOKED_AT_S = 0.2  # somebody who only looks (elsewhere.py) has the kernel's lock for a moment
BEAT_S = 1.0
SHORT_S = 10.0  # a file that is only written is not held longer
MAX_BYTES = 4096


@dataclass(frozen=True)
class Holder:
    """Who holds an experiment. `started` is the process's start time and `ticks` its start in clock ticks since the
    boot (0: not known); with `boot` they distinguish a reused pid from the holder."""

    pid: int
    started: float
    host: str
    boot: str
    since: float
    ticks: int = 0

    @classmethod
    def of_this_process(cls) -> Holder:
        pid = os.getpid()
        return cls(pid, psutil.Process().create_time(), socket.gethostname(), boot_id(), time.time(), start_ticks(pid))

    @property
    def here(self) -> bool:
        """On this host; its name may have changed since."""
        return self.host == socket.gethostname() or (same_boot(self.boot, boot_id()) and self.alive)

    @property
    def alive(self) -> bool:
        """As a process of this host."""
        return same_boot(self.boot, boot_id()) and is_running(self.pid, self.ticks, self.started)

    @property
    def where(self) -> Message:
        return Message("common.process", pid=self.pid, host=self.host)


def read_holder(path: Path) -> Holder | None:
    """What the lock file says; None when it is free, absent, torn, or holds anything else."""
    try:
        record = json.loads(read_text(path, MAX_BYTES))
    except (OSError, ValueError, RecursionError):
        return None
    return _parsed(record)


def _parsed(record: Any) -> Holder | None:
    if not isinstance(record, dict):
        return None
    known = {field.name: record[field.name] for field in fields(Holder) if field.name in record}
    whole = all(type(known.get(name)) is int for name in ("pid", "ticks") if name in known or name == "pid")
    whole = whole and all(
        type(known.get(name)) in (int, float) and math.isfinite(known[name]) for name in ("started", "since")
    )
    whole = whole and all(isinstance(known.get(name), str) for name in ("host", "boot"))
    return Holder(**known) if whole and 0 < known["pid"] < 1 << 31 else None


def live_holder(path: Path) -> Holder | None:
    """Who holds it now, as far as it can be seen from here; a host that is silent holds nothing."""
    holder = read_holder(path)
    if holder is None:
        return None
    if holder.host == socket.gethostname():
        return holder if holder.alive or held_by_kernel(path) else None
    return holder if held_by_kernel(path) or shows_life(path, holder.pid, holder.since, hurry=True) else None


def busy(path: Path, holder: Holder | None, title: Message = NOTHING, hint: Message = NOTHING) -> Busy:
    """The error that names the holder, or None for one that is not known. `title`, `hint`: of other locks than an
    experiment's."""
    name = path.parent.name
    title = title or Message("common.another_run", name=name)
    if holder is None:
        return Busy(title, Message("common.another_process"), Message("common.take_over_if_none", path=path))
    pid, host, since = holder.pid, holder.host, clock(holder.since)
    if holder.host == socket.gethostname() and holder.alive:
        who = Message("common.process_since", pid=pid, host=host, since=since)
        return Busy(title, who, hint or Message("common.attach_or_stop", name=name))
    seen = clock(last_seen(path, holder.pid, holder.since))
    who = Message("common.process_last_seen", pid=pid, host=host, since=since, seen=seen)
    return Busy(title, who, Message("common.take_over_if_gone", path=path))


def clock(at: float) -> str:
    """With the day where that is not today."""
    try:
        when = time.localtime(at)
    except (OverflowError, ValueError, OSError):
        return "?"
    today = time.strftime("%Y-%m-%d") == time.strftime("%Y-%m-%d", when)
    return time.strftime("%H:%M:%S" if today else "%Y-%m-%d %H:%M:%S", when)


class RunLock:
    """Held from acquire() to release() or to the end of the process. While it is held the file's time is kept fresh,
    which shows other hosts that the holder lives."""

    def __init__(self, path: Path, title: Message = NOTHING, hint: Message = NOTHING) -> None:
        self.path, self.title, self.hint = path, title, hint
        self.own: Holder | None = None
        self._descriptor = -1
        self._closing = threading.Lock()

    def acquire(self, *, take_over: bool = False) -> Message:
        """Returns what is to be said where the lock was taken from a holder on another host, else nothing. `take_over`:
        also from one that may live there, or that nobody can know. Raises Busy naming the holder."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, locked = self._opened()
        try:
            said = self._check_free(locked, take_over=take_over)
            if said:
                descriptor = self._replaced(descriptor)
            self.own = Holder.of_this_process()
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, json.dumps(asdict(self.own)).encode(), 0)
        except BaseException:
            os.close(descriptor)
            raise
        self._descriptor = descriptor
        threading.Thread(target=self._keep_fresh, name="lock", daemon=True).start()
        return said

    def _opened(self) -> tuple[int, bool | None]:
        """The file that stands there, and whether the kernel's lock on it is ours; None: it gives none."""
        deadline = time.monotonic() + LOOKED_AT_S
        while True:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            locked = _flocked(descriptor)
            replaced = locked and not _stands_at(descriptor, self.path)
            if not replaced and (locked is not False or time.monotonic() > deadline):
                return descriptor, locked
            os.close(descriptor)
            time.sleep(0.01)

    def _check_free(self, locked: bool | None, *, take_over: bool) -> Message:
        """What is to be said where it is taken over. Raises Busy."""
        holder = self._named() if locked is False else read_holder(self.path)
        if (
            holder is not None
            and locked is not True
            and holder.here
            and holder.alive
            and (locked is False or holder.pid != os.getpid())
        ):
            raise busy(self.path, holder, self.title, self.hint)
        if locked is not False and (holder is None or holder.host == socket.gethostname()):
            return NOTHING
        gone = (
            locked is True and holder is not None and not shows_life(self.path, holder.pid, holder.since, hurry=False)
        )
        if not gone and not take_over:
            raise busy(self.path, holder, self.title, self.hint)
        if holder is None:
            return Message("common.taken_over_unknown")
        seen = clock(last_seen(self.path, holder.pid, holder.since))
        return Message("common.taken_over", pid=holder.pid, host=holder.host, seen=seen)

    def _named(self) -> Holder | None:
        """Whoever has the kernel's lock is about to write its name into the file."""
        deadline = time.monotonic() + NAMED_S
        while (holder := read_holder(self.path)) is None and time.monotonic() < deadline:
            time.sleep(0.01)
        return holder

    def _replaced(self, old: int) -> int:
        """A new file in the place of one whose holder may live, which keeps the old one. Closes that."""
        temporary = self.path.with_name(f".{self.path.name}.{os.getpid()}.part")
        temporary.unlink(missing_ok=True)
        new = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        _flocked(new)
        os.replace(temporary, self.path)
        os.close(old)
        return new

    def _keep_fresh(self) -> None:
        while True:
            time.sleep(BEAT_S)
            with self._closing, contextlib.suppress(OSError):
                if self._descriptor < 0:
                    return
                os.utime(self._descriptor if os.utime in os.supports_fd else self.path)

    def lost_to(self) -> Holder | None:
        """Who has taken it over, if somebody has. A file that was removed or restored is nobody."""
        if self._descriptor < 0 or _stands_at(self._descriptor, self.path):
            return None
        other = read_holder(self.path)
        return other if other is not None and other != self.own else None

    def release(self) -> None:
        with self._closing:
            if self._descriptor >= 0:
                os.ftruncate(self._descriptor, 0)
                os.close(self._descriptor)
                self._descriptor = -1


@contextmanager
def short_lock(path: Path) -> Iterator[None]:
    """Held for a moment, to change a file beside it. Without it where the file system has no locks. Raises Busy when it
    is not free for long: a file server may keep the lock of a host that is gone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        deadline = time.monotonic() + SHORT_S
        while _flocked(file.fileno()) is False:
            if time.monotonic() > deadline:
                raise Busy("common.locked", path=path, seconds=SHORT_S)
            time.sleep(0.02)
        yield


def _flocked(descriptor: int) -> bool | None:
    """Is the kernel's lock ours now? None: this file system has none."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except (BlockingIOError, PermissionError):
        return False
    except OSError:
        return None


def _stands_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except OSError:
        return False
