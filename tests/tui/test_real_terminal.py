"""The real program on a pseudo-terminal: it paints, leaves by a key, restores the terminal and prints the results."""

from __future__ import annotations

import os
import pty
import select
import sys
import time
from pathlib import Path

import pretended
import pytest

from rvc_engine.run.journal import Journal
from rvc_engine.settings import for_preset
from rvc_engine.workspace import Workspace


def read_until(descriptor: int, word: bytes, seconds: float = 20.0) -> bytes:
    """What the terminal got until `word` was in it, or until it was closed."""
    got, end = b"", time.monotonic() + seconds
    while time.monotonic() < end and word not in got:
        if select.select([descriptor], [], [], 0.1)[0]:
            try:
                got += os.read(descriptor, 65536)
            except OSError:  # closed: the program has ended
                break
    return got


@pytest.mark.parametrize(("flags", "key"), [([], b"q"), (["--ascii", "--no-mouse", "--low-bandwidth"], b"\x03")])
def test_open_and_leave(tmp_path: Path, flags: list[str], key: bytes) -> None:
    experiment = Workspace(tmp_path).experiment("alice")
    experiment.save_settings(for_preset("starter", dataset=str(tmp_path)))
    with Journal.next_in(experiment.runs)[1] as journal:
        for event in pretended.finished():
            journal.append(event)
    process, terminal = pty.fork()
    if process == 0:
        os.environ.update({"TERM": "xterm", "COLUMNS": "80", "LINES": "24", "LC_ALL": "C.UTF-8"})
        os.execv(sys.executable, [sys.executable, "-m", "rvc_tui", "--home", str(tmp_path), *flags])
    painted = read_until(terminal, b"400/400")
    os.write(terminal, key)
    left = read_until(terminal, b"never")
    code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    os.close(terminal)
    assert b"400/400" in painted and code == 0
    assert b"\x1b[?1049l" in left, "the terminal is not restored"
    assert b"artefact: /home/me/work/weights/alice.pth" in left
    assert (b"\x1b[?1003h" in painted) == (not flags)
