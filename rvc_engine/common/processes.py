"""Which process is meant: a pid is given again, and the clock may be set while one runs.

On Linux the kernel counts when a process started in ticks since the boot, which no clock changes; psutil's create_time
adds the time of the boot, which moves with the clock. Elsewhere that time is what there is.
"""

from __future__ import annotations

import os
from pathlib import Path

import psutil

CLOSE_S = 2.0  # two readings of one start; on systems that keep it as a time
BOOTS_APART_S = 60.0  # where a boot is known by its time only


def boot_id() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return f"{psutil.boot_time():.0f}"


def same_boot(one: str, other: str) -> bool:
    try:
        return one == other or abs(float(one) - float(other)) < BOOTS_APART_S
    except ValueError:
        return False


def start_ticks(pid: int) -> int:
    """Clock ticks from the boot to the start of a process that has not ended; 0 where that is not known."""
    state, ticks = _stat(pid)
    return 0 if state in ("Z", "X") else ticks


def is_running(pid: int, ticks: int, started: float) -> bool:
    """Is there still the process with this pid that started then? `ticks`: 0 where only `started`, seconds since the
    epoch, is known."""
    if ticks:
        state, found = _stat(pid)
        return (found == ticks and state not in ("Z", "X")) or (not found and _is_hidden(pid))
    try:
        process = psutil.Process(pid)
        return bool(abs(process.create_time() - started) < CLOSE_S and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True


def _stat(pid: int) -> tuple[str, int]:
    """State and start of /proc/PID/stat, whose second field, the program's name, may hold anything."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
        return fields[0].decode(), int(fields[19])
    except (OSError, ValueError, IndexError):
        return "", 0


def _is_hidden(pid: int) -> bool:
    """Is it somebody else's, on a system that shows everybody only their own (hidepid)?"""
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (ProcessLookupError, OverflowError):
        return False
    return False
