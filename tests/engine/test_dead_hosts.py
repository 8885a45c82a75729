"""Locks of hosts and containers that are gone, of processes whose clock was set, and whatever else may stand in a lock
file."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from rvc_engine.assets.download import pull
from rvc_engine.assets.manifest import Asset
from rvc_engine.commands.cli import main
from rvc_engine.common import elsewhere
from rvc_engine.common import lock as locks
from rvc_engine.common.lock import RunLock, live_holder, read_holder, short_lock
from rvc_engine.errors import BadInput, Busy
from rvc_engine.events import RunStarted, StageStarted, Warned
from rvc_engine.experiment import Experiment
from rvc_engine.run.journal import Journal, history
from rvc_engine.run.launcher import stop
from rvc_engine.run.queue import RunQueue
from rvc_engine.run.status import read_view
from rvc_engine.settings import for_preset
from rvc_engine.workspace import Workspace
from tests.conftest import Rvc, rvc_environment
from tests.engine.test_lock import hold, said

PID = 4242
HOUR_S = 3600.0


@pytest.fixture
def experiment(home: Path) -> Experiment:
    experiment = Workspace(home).experiment("voice")
    experiment.save_settings(for_preset("starter-tiny"))
    return experiment


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Watching takes a moment."""
    monkeypatch.setattr(elsewhere, "WATCH_S", 0.4)
    monkeypatch.setattr(elsewhere, "LOOK_S", 0.3)
    monkeypatch.setattr(locks, "LOOKED_AT_S", 0.05)
    monkeypatch.setattr(locks, "NAMED_S", 0.1)


def leave_lock(path: Path, age_s: float = HOUR_S, **changes: Any) -> None:
    """As a process of a container that is gone has left it, in the format of before start ticks."""
    path.parent.mkdir(parents=True, exist_ok=True)
    at = time.time() - age_s
    record = {"pid": PID, "started": at, "host": "oldbox", "boot": locks.boot_id(), "since": at, **changes}
    path.write_text(json.dumps(record))
    os.utime(path, (at, at))


def beat(experiment: Experiment, age_s: float) -> None:
    experiment.heartbeat.write_text(
        json.dumps({"at": time.time() - age_s, "pid": PID, "event_at": time.time() - age_s, "stuck_after_s": 40})
    )


@pytest.fixture
def beating(experiment: Experiment) -> Iterator[Callable[[float], None]]:
    """Starts a heart that beats by a clock that is wrong by so many seconds."""
    ended = threading.Event()

    def live(skew_s: float) -> None:
        while not ended.wait(0.05):
            experiment.heartbeat.with_suffix(".new").write_text(json.dumps({"at": time.time() + skew_s, "pid": PID}))
            os.replace(experiment.heartbeat.with_suffix(".new"), experiment.heartbeat)

    def start(skew_s: float) -> None:
        threading.Thread(target=live, args=(skew_s,), daemon=True).start()
        while not experiment.heartbeat.is_file():
            time.sleep(0.01)

    yield start
    ended.set()


def without_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a file system that knows none."""

    def refuse(descriptor: int, operation: int) -> None:
        raise OSError(95, os.strerror(95))

    monkeypatch.setattr(fcntl, "flock", refuse)


def test_a_silent_host_loses_its_lock_and_is_named(experiment: Experiment, quick: None) -> None:
    leave_lock(experiment.lock)
    beat(experiment, HOUR_S)
    lock = RunLock(experiment.lock)
    assert "process 4242 on oldbox" in (taken := lock.acquire()) and "last seen" in taken
    holder = read_holder(experiment.lock)
    assert holder is not None and holder.pid == os.getpid() and holder.ticks > 0
    lock.release()


@pytest.mark.parametrize("skew_s", [0.0, -HOUR_S, HOUR_S])
def test_a_host_that_lives_keeps_its_lock_whatever_its_clock_says(
    experiment: Experiment, quick: None, beating: Callable[[float], None], skew_s: float
) -> None:
    leave_lock(experiment.lock)
    beating(skew_s)
    with pytest.raises(Busy, match="voice") as caught:
        RunLock(experiment.lock).acquire()
    assert "oldbox" in caught.value.message
    assert "--take-over" in caught.value.hint and str(experiment.lock) in caught.value.hint
    assert live_holder(experiment.lock) is not None
    taken = RunLock(experiment.lock)
    assert "oldbox" in taken.acquire(take_over=True)


def test_a_fresh_heartbeat_is_believed_at_once(experiment: Experiment) -> None:
    leave_lock(experiment.lock)
    beat(experiment, 2.0)
    started = time.monotonic()
    with pytest.raises(Busy, match="voice"):
        RunLock(experiment.lock).acquire()
    assert live_holder(experiment.lock) is not None and time.monotonic() - started < elsewhere.WATCH_S / 2


def test_without_locks_of_the_file_system_only_an_order_takes_it(
    experiment: Experiment, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave_lock(experiment.lock)
    without_locks(monkeypatch)
    with pytest.raises(Busy, match="voice") as caught:
        RunLock(experiment.lock).acquire()
    assert str(experiment.lock) in caught.value.hint
    assert "oldbox" in RunLock(experiment.lock).acquire(take_over=True)


@pytest.mark.usefixtures("quick")
def test_a_lock_that_a_file_server_keeps_is_taken_by_order_only(experiment: Experiment) -> None:
    leave_lock(experiment.lock)
    kept = experiment.lock.open("r+")
    fcntl.flock(kept, fcntl.LOCK_EX)
    with pytest.raises(Busy, match="voice"):
        RunLock(experiment.lock).acquire()
    lock = RunLock(experiment.lock)
    assert "oldbox" in lock.acquire(take_over=True)
    os.ftruncate(kept.fileno(), 0)  # as that holder would release it: it must not unsay ours
    assert live_holder(experiment.lock) == lock.own


def test_a_run_that_lives_here_is_not_taken_over(experiment: Experiment) -> None:
    first = hold(experiment.lock)
    try:
        assert said(first) == "held"
        with pytest.raises(Busy, match="voice") as caught:
            RunLock(experiment.lock).acquire(take_over=True)
        assert "rvc stop voice" in caught.value.hint
    finally:
        first.kill()
        first.wait()


def test_a_holder_sees_that_it_was_taken_over(experiment: Experiment, quick: None) -> None:
    first = RunLock(experiment.lock)
    first.acquire()
    assert first.lost_to() is None
    experiment.lock.unlink()  # by hand: nobody has it
    assert first.lost_to() is None
    leave_lock(experiment.lock)
    RunLock(experiment.lock).acquire()
    assert first.own is not None
    leave_lock(experiment.lock.with_name("other"))
    os.replace(experiment.lock.with_name("other"), experiment.lock)
    other = first.lost_to()
    assert other is not None and other.host == "oldbox"


def test_a_lock_that_is_held_is_kept_fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "BEAT_S", 0.05)
    lock = RunLock(tmp_path / "queue-run.lock")
    lock.acquire()
    os.utime(lock.path, (0, 0))
    deadline = time.monotonic() + 5
    while lock.path.stat().st_mtime < 1 and time.monotonic() < deadline:
        time.sleep(0.02)
    assert abs(lock.path.stat().st_mtime - time.time()) < 5
    lock.release()


# --- who only looks --------------------------------------------------------------------------------
def begin_run(experiment: Experiment) -> None:
    named = {"name": "voice", "folder": "", "host": "oldbox", "version": "0", "preset": "starter-tiny"}
    with Journal(experiment.runs / "0001.jsonl") as journal:
        journal.append(RunStarted(run=1, pid=PID, stages=["pitch"], supervisor=2**22 - 7, **named))
        journal.append(StageStarted(stage="pitch"))


@pytest.mark.usefixtures("quick")
def test_status_and_stop_tell_the_truth_of_a_dead_host(experiment: Experiment, monkeypatch: pytest.MonkeyPatch) -> None:
    leave_lock(experiment.lock, age_s=120)
    beat(experiment, 120)
    begin_run(experiment)
    assert read_view(experiment).state == "failed"
    assert not stop(experiment)
    with monkeypatch.context() as patched:  # silence that was seen is not waited for again
        patched.setattr(elsewhere.time, "sleep", lambda seconds: pytest.fail("it waits"))
        assert live_holder(experiment.lock) is None
    beat(experiment, 1.0)
    assert read_view(experiment).state == "running"
    with pytest.raises(BadInput, match="another machine"):
        stop(experiment)


@pytest.mark.soak
def test_a_run_takes_over_from_a_container_that_is_gone(rvc: Rvc, experiment: Experiment, dataset: Path) -> None:
    """With real processes: the same folder, another host name, nobody left."""
    leave_lock(experiment.lock)
    beat(experiment, HOUR_S)
    begin_run(experiment)
    for path in sorted(dataset.iterdir())[1:]:
        path.unlink()
    done = rvc("preprocess", "voice", "--dataset", dataset, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    warned = [event for event in history(experiment.runs) if isinstance(event, Warned)]
    assert any("oldbox" in event.title and "last seen" in event.title for event in warned)
    beat(experiment, 0.0)
    leave_lock(experiment.lock, age_s=5)
    refused = rvc("pitch", "voice", "--json")
    assert refused.returncode == 3 and str(experiment.lock) in refused.stderr and "--take-over" in refused.stderr


# --- queue and downloads ---------------------------------------------------------------------------
def test_the_queue_is_taken_over_too(
    home: Path, quick: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("signal.signal", lambda number, handler: None)
    leave_lock(home / "queue-run.lock")
    assert main(["queue", "stop", "--home", str(home)]) == 2
    assert main(["queue", "run", "--home", str(home)]) == 0
    assert "process 4242 on oldbox" in capsys.readouterr().out
    leave_lock(home / "queue-run.lock", age_s=3)
    assert main(["queue", "run", "--home", str(home)]) == 3
    said = capsys.readouterr().err
    assert "queue-run.lock" in said and "--take-over" in said
    assert main(["queue", "run", "--take-over", "--home", str(home)]) == 0


def test_a_download_takes_over_too(home: Path, quick: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rvc_engine.assets.download.is_offline", lambda: True)
    workspace, notes = Workspace(home), []
    asset = Asset("a.pt", "nobody/nothing", "a.pt", "0" * 64)
    leave_lock(workspace.pretrained / ".downloads" / "lock", age_s=3)
    with pytest.raises(Busy, match="is downloading into this workspace") as caught:
        pull(workspace, [asset])
    assert ".downloads/lock" in caught.value.hint
    for age_s, take_over in ((3, True), (HOUR_S, False)):
        leave_lock(workspace.pretrained / ".downloads" / "lock", age_s=age_s)
        with pytest.raises(Exception, match="OFFLINE"):
            pull(workspace, [asset], take_over=take_over, note=notes.append)
    assert len(notes) == 2 and all("oldbox" in text for text in notes)


def test_the_queue_file_is_not_waited_for_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    queue = RunQueue(tmp_path)
    monkeypatch.setattr(locks, "SHORT_S", 0.1)
    with (tmp_path / "queue.lock").open("a") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(Busy, match=r"queue\.lock"):
            queue.add("voice", [])
    without_locks(monkeypatch)
    assert queue.add("voice", []).number == 1
    with short_lock(tmp_path / "queue.lock"):
        pass


# --- clocks and pids -------------------------------------------------------------------------------
STEP = """
import sys, psutil
from pathlib import Path
from rvc_engine.common.lock import live_holder
true = psutil.Process.create_time
psutil.Process.create_time = lambda self: true(self) + float(sys.argv[2])
holder = live_holder(Path(sys.argv[1]))
print(holder.pid if holder else 0)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the system keeps the time of the start")
@pytest.mark.parametrize("step_s", [5.0, -86400.0])
def test_a_step_of_the_clock_ends_no_run(tmp_path: Path, step_s: float) -> None:
    """Seen from another process, whose psutil counts from a boot that the clock has moved."""
    first = hold(tmp_path / "run.lock")
    try:
        assert said(first) == "held"
        command = [sys.executable, "-c", STEP, str(tmp_path / "run.lock"), str(step_s)]
        seen = subprocess.run(command, capture_output=True, text=True, check=True, env=rvc_environment())
        assert int(seen.stdout) == first.pid
    finally:
        first.kill()
        first.wait()
    assert live_holder(tmp_path / "run.lock") is None


def test_a_lock_of_before_start_ticks_is_read(tmp_path: Path) -> None:
    path, me = tmp_path / "run.lock", psutil.Process()
    leave_lock(path, pid=me.pid, started=me.create_time(), host=locks.socket.gethostname())
    holder = live_holder(path)
    assert holder is not None and holder.ticks == 0
    leave_lock(path, pid=me.pid, started=me.create_time() - 60, host=locks.socket.gethostname())
    assert live_holder(path) is None


def record(**changes: Any) -> bytes:
    return json.dumps({"pid": 1, "started": 0, "host": "h", "boot": "b", "since": 0, **changes}).encode()


WRONG: list[dict[str, Any]] = [
    {"pid": True},
    {"pid": "1"},
    {"pid": -1},
    {"pid": 1e3},
    {"pid": 1 << 40},
    {"since": "now"},
    {"started": float("nan")},
    {"host": ["h"]},
    {"boot": None},
    {"ticks": {}},
]
ODD = [b"", b"{", b"[]", b"null", b"7", b'"text"', b"\xff\xfe", b"[" * 5000, *(record(**changes) for changes in WRONG)]


@pytest.mark.parametrize("content", ODD)
def test_whatever_else_a_lock_file_holds_is_no_holder(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "run.lock"
    path.write_bytes(content)
    assert read_holder(path) is None and live_holder(path) is None
    lock = RunLock(path)
    assert lock.acquire() == ""
    lock.release()


def test_odd_times_and_heartbeats_only_count_as_old(experiment: Experiment, quick: None) -> None:
    for content in (b"[]", b"7", b'{"at": "now"}', b'{"at": NaN, "pid": 4242}', b'{"at": 1e400}', b"[" * 3000):
        experiment.heartbeat.write_bytes(content)
        leave_lock(experiment.lock, since=1e300)
        lock = RunLock(experiment.lock)
        assert "oldbox" in lock.acquire()
        lock.release()
    assert not (experiment.folder / "run.lock.part").exists()


def test_a_fifo_is_no_lock(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "run.lock")
    assert read_holder(tmp_path / "run.lock") is None
