"""Things that are no files of bytes, and a time limit for code that may wait for one."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

KINDS = ("pipe", "socket", "device", "folder", "kernel")
WORDS = {"pipe": "named pipe", "socket": "socket", "device": "device", "folder": "folder", "kernel": "kernel"}


def make(kind: str, path: Path) -> Path:
    """Put one at `path`: a named pipe without a writer, a socket, a link to an endless device or to a file of the
    kernel's, a folder."""
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        here = os.open(".", os.O_RDONLY)
        os.chdir(path.parent)  # the name of a socket is limited to 108 bytes
        try:
            socket.socket(socket.AF_UNIX).bind(path.name)
        finally:
            os.fchdir(here)
            os.close(here)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to("/dev/zero" if kind == "device" else "/proc/self/environ")
    return path


class Hung(BaseException):
    """Not an Exception: no handler may mistake it for one."""


@contextmanager
def within(seconds: float) -> Iterator[None]:
    def ring(number: int, frame: FrameType | None) -> None:
        raise Hung

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
