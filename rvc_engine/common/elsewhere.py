"""Locks whose holder is on another host, or in a container that is gone: whether it lives can only be seen from what it
writes.

A holder touches its lock file every second, and an engine writes a heartbeat beside it. Clocks of two hosts may differ,
so times alone decide only where all of them agree that it was there a moment ago; otherwise the files are watched for
some seconds.
"""

from __future__ import annotations

import fcntl
import os
import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from rvc_engine.common.heartbeat import Heartbeat
from rvc_engine.common.opening import open_file
from rvc_engine.experiment import heartbeat_beside

FRESH_S = 30.0  # signs of life come every second; a machine that is busy with a full disk is late
OLD_S = 600.0  # clocks rarely differ by more: whoever only looks takes this for gone without watching
WATCH_S = 3.0  # before a lock is taken from its holder
LOOK_S = 1.5  # before somebody who only looks says that it is gone


@dataclass(frozen=True)
class Signs:
    """What a holder has written last: inode and time of its lock file, and the heartbeat."""

    lock: tuple[int, int]
    beat: bytes


def signs_of(lock: Path) -> Signs:
    """Opened for each look: on a network file system that asks the server."""
    try:
        with open_file(lock) as file:
            found = os.fstat(file.fileno())
        touched = (found.st_ino, found.st_mtime_ns)
    except OSError:
        touched = (0, 0)
    return Signs(touched, _read_beat(lock)[0])


def last_seen(lock: Path, pid: int, since: float) -> float:
    """When a holder wrote for the last time, in seconds since the epoch by its own clock or the file system's."""
    return _times(lock, pid, since)[0]


def shows_life(lock: Path, pid: int, since: float, *, hurry: bool) -> bool:
    """Does the holder still write? `hurry`: of somebody who only looks."""
    ages = [abs(time.time() - at) for at in _times(lock, pid, since)]
    if max(ages) < FRESH_S:
        return True
    if hurry and min(ages) > OLD_S:
        return False
    return not _is_silent(lock, signs_of(lock), LOOK_S if hurry else WATCH_S)


def held_by_kernel(lock: Path) -> bool | None:
    """Does a process that this kernel, or the file server, knows of hold it? None where the file system has no
    locks."""
    try:
        descriptor = os.open(lock, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return None
    finally:
        os.close(descriptor)
    return False


@lru_cache(maxsize=256)
def _is_silent(lock: Path, signs: Signs, watch_s: float) -> bool:
    """Do the signs stay the same? Asked once for the same signs: silence seen is not waited for again."""
    deadline = time.monotonic() + watch_s
    while time.monotonic() < deadline:
        if signs_of(lock) != signs:
            return False
        time.sleep(0.1)
    return True


def _times(lock: Path, pid: int, since: float) -> list[float]:
    """Of the heartbeat, where it is of this holder: what it says, and when it was written. Else of the lock: when the
    file was touched and when it was taken."""
    beat, written = _read_beat(lock)
    found = Heartbeat.parse(beat)
    if found is not None and found.pid in (0, pid):
        return [found.at, written]
    touched = signs_of(lock).lock[1] / 1e9
    return [max(since, touched), min(since, touched)]


def _read_beat(lock: Path) -> tuple[bytes, float]:
    try:
        with open_file(heartbeat_beside(lock)) as file:
            return file.read(4096), os.fstat(file.fileno()).st_mtime
    except OSError:
        return b"", 0.0
