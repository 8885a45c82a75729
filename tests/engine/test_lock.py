"""One run an experiment at a time, with real processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from rvc_engine.common.lock import Holder, RunLock, live_holder, read_holder
from rvc_engine.errors import Busy
from tests.conftest import rvc_environment

HOLD = """
import sys, time
from pathlib import Path
from rvc_engine.errors import Busy
from rvc_engine.common.lock import RunLock
try:
    RunLock(Path(sys.argv[1])).acquire()
except Busy:
    print("busy", flush=True)
    raise SystemExit(3)
print("held", flush=True)
time.sleep(float(sys.argv[2]))
"""


def hold(path: Path, seconds: float = 60) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", HOLD, str(path), str(seconds)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=rvc_environment())


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_a_second_holder_learns_who_is_first(tmp_path: Path) -> None:
    path = tmp_path / "voice" / "run.lock"
    first = hold(path)
    try:
        assert said(first) == "held"
        with pytest.raises(Busy, match=f"process {first.pid}") as caught:
            RunLock(path).acquire()
        assert "voice" in caught.value.title
        assert "rvc stop voice" in caught.value.hint
    finally:
        first.kill()
        first.wait()


def test_a_killed_holder_leaves_a_lock_that_can_be_taken(tmp_path: Path) -> None:
    path = tmp_path / "run.lock"
    first = hold(path)
    assert said(first) == "held"
    first.send_signal(signal.SIGKILL)
    first.wait()
    assert read_holder(path) is not None
    assert live_holder(path) is None
    lock = RunLock(path)
    lock.acquire()
    holder = live_holder(path)
    assert holder is not None and holder.pid == os.getpid()
    lock.release()
    assert read_holder(path) is None


def test_a_reused_pid_another_boot_and_torn_text_are_no_holders(tmp_path: Path) -> None:
    path = tmp_path / "run.lock"
    me = Holder.of_this_process()
    early = replace(me, started=me.started - 1000, ticks=0)  # as written before ticks were
    for stale in (early, replace(me, ticks=me.ticks + 5), replace(me, boot="another"), replace(me, pid=2**22 - 3)):
        path.write_text(json.dumps(asdict(stale)))
        assert live_holder(path) is None
    path.write_text(json.dumps(asdict(me))[:20])
    assert read_holder(path) is None


@pytest.mark.parametrize("race", range(5))
def test_of_two_that_race_one_wins(tmp_path: Path, race: int) -> None:
    path = tmp_path / "run.lock"
    pair = [hold(path, 30), hold(path, 30)]
    try:
        words = sorted(said(process) for process in pair)
        assert words == ["busy", "held"]
    finally:
        for process in pair:
            process.kill()
            process.wait()
    deadline = time.monotonic() + 5
    while live_holder(path) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert live_holder(path) is None
