"""One run an experiment at a time: run.lock says who holds it, and a lock whose holder is gone is recognised.

The kernel's lock on the file decides (it goes with the process, however that ends); the text in it tells people who it is, and
decides where the file system knows no locks.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import socket
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from rvc_engine.errors import Busy
from rvc_engine.opening import read_text

NAMED_S = 1.0


@dataclass(frozen=True)
class Holder:
    """Who holds an experiment. `started` is the process's start time; with `boot` it tells a reused pid from the holder."""

    pid: int
    started: float
    host: str
    boot: str
    since: float

    @classmethod
    def of_this_process(cls) -> Holder:
        return cls(os.getpid(), psutil.Process().create_time(), socket.gethostname(), _boot_id(), time.time())

    @property
    def here(self) -> bool:
        return self.host == socket.gethostname()

    @property
    def alive(self) -> bool:
        """On another host nobody can tell from here: then its heartbeat does (see status)."""
        if not self.here:
            return True
        if self.boot != _boot_id():
            return False
        try:
            process = psutil.Process(self.pid)
            return bool(abs(process.create_time() - self.started) < 2 and process.status() != psutil.STATUS_ZOMBIE)
        except psutil.NoSuchProcess:
            return False


def _boot_id() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return f"{psutil.boot_time():.0f}"


def read_holder(path: Path) -> Holder | None:
    """What the lock file says; None when it is free, absent or torn."""
    try:
        return Holder(**json.loads(read_text(path)))
    except (OSError, ValueError, TypeError):
        return None


def live_holder(path: Path) -> Holder | None:
    holder = read_holder(path)
    return holder if holder and holder.alive else None


class RunLock:
    """Held from acquire() to release() or to the end of the process."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor = -1

    def acquire(self) -> None:
        """Raises Busy naming the holder."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            enforced = True
        except OSError as error:
            if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
                os.close(descriptor)
                raise self._busy() from error
            enforced = False  # a file system without locks: the text decides
        holder = live_holder(self.path)
        if holder and holder.pid != os.getpid() and (not enforced or not holder.here):
            os.close(descriptor)
            raise self._busy()
        self._descriptor = descriptor
        text = json.dumps(asdict(Holder.of_this_process())).encode()
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, text, 0)

    def _busy(self) -> Busy:
        holder, deadline = live_holder(self.path), time.monotonic() + NAMED_S
        while holder is None and time.monotonic() < deadline:  # it has the lock, and is about to write its name into it
            time.sleep(0.01)
            holder = live_holder(self.path)
        since = time.strftime("%H:%M", time.localtime(holder.since)) if holder else "?"
        who = f"process {holder.pid} on {holder.host}, since {since}" if holder else "another process"
        name = self.path.parent.name
        return Busy(f"Another run holds {name}", who, f"rvc attach {name} follows it, rvc stop {name} stops it")

    def release(self) -> None:
        if self._descriptor >= 0:
            os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = -1
