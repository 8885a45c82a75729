"""The queue: voices one after the other, surviving restarts, with a command at the end."""

from __future__ import annotations

import json
import signal
import sys
import time
from pathlib import Path

import pytest

from rvc_engine.common.lock import live_holder
from rvc_engine.errors import BadInput
from rvc_engine.run.queue import RunQueue, deadline_of
from rvc_engine.workspace import Workspace
from tests.conftest import Rvc

FAST = (
    "--preset",
    "starter-tiny",
    "--set",
    "pitch.method=praat",
    "--set",
    "train.batch_size=2",
    "--set",
    "train.threads=1",
)


def states(rvc: Rvc) -> dict[str, str]:
    return {e["name"]: e["state"] for e in json.loads(rvc("queue", "list", "--json").stdout)}


def test_two_voices_and_a_failing_one_then_the_command_at_the_end(rvc: Rvc, home: Path, dataset: Path) -> None:
    for name in ("first", "second"):
        assert rvc("queue", "add", name, "--dataset", dataset, *FAST, "--until", "preprocess").returncode == 0
    broken = home / "broken"
    broken.mkdir()
    (broken / "a.flac").write_bytes(next(dataset.iterdir()).read_bytes())
    assert rvc("queue", "add", "third", "--dataset", broken, *FAST, "--until", "preprocess").returncode == 0
    (broken / "a.flac").write_text("no longer audio")
    assert rvc("queue", "move", "3", "1").returncode == 0
    mark = home / "all is over"
    end = [sys.executable, "-c", f"open({str(mark)!r}, 'w')"]
    import shlex

    done = rvc("queue", "run", "--then", shlex.join(end))
    assert done.returncode == 1, done.stdout + done.stderr  # one failed
    assert states(rvc) == {"third": "failed", "first": "done", "second": "done"}
    assert mark.exists()
    listed = rvc("queue", "list").stdout
    assert listed.splitlines()[0].startswith("  3  failed") and "a.flac" in listed


def test_a_run_with_bad_arguments_never_enters_the_queue(rvc: Rvc, home: Path) -> None:
    refused = rvc("queue", "add", "voice", "--dataset", "/nowhere")
    assert refused.returncode == 2
    assert not (home / "queue.json").exists()
    for words in (("move", "7", "1"), ("remove", "7"), ("run", "--time-limit", "soon")):
        assert rvc("queue", *words).returncode == 2


@pytest.mark.soak
def test_a_killed_queue_leaves_its_run_alone_and_the_next_one_follows_it(rvc: Rvc, home: Path, dataset: Path) -> None:
    assert rvc("queue", "add", "voice", "--dataset", dataset, *FAST, "--set", "train.epochs=12").returncode == 0
    first = rvc.start("queue", "run")
    experiment = Workspace(home).experiment("voice")
    deadline = time.monotonic() + 60
    while live_holder(experiment.lock) is None:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    first.send_signal(signal.SIGKILL)
    first.wait()
    holder = live_holder(experiment.lock)
    assert holder is not None
    second = rvc("queue", "run")
    assert second.returncode == 0, second.stdout + second.stderr
    assert "attach voice" in second.stdout or "run voice" in second.stdout
    assert states(rvc) == {"voice": "done"}


@pytest.mark.soak
def test_the_time_limit_stops_the_run_and_fails_the_rest(rvc: Rvc, home: Path, dataset: Path) -> None:
    for name in ("first", "second"):
        assert rvc("queue", "add", name, "--dataset", dataset, *FAST, "--set", "train.epochs=900").returncode == 0
    mark = home / "over"
    done = rvc("queue", "run", "--time-limit", "9s", "--then", f"{sys.executable} -c \"open('{mark}', 'w')\"")
    assert done.returncode == 1
    assert states(rvc) == {"first": "failed", "second": "failed"}
    assert mark.exists()
    assert live_holder(Workspace(home).experiment("first").lock) is None
    assert json.loads(rvc("status", "first", "--json").stdout)["state"] == "stopped"


def test_order_and_removal(tmp_path: Path) -> None:
    queue = RunQueue(tmp_path)
    for name in "abc":
        queue.add(name, [])
    queue.move(3, 1)
    queue.remove(1)
    assert [e.name for e in queue.entries()] == ["c", "b"]
    following = queue.next()
    assert following is not None and following.name == "c"
    queue.path.write_text("{")
    with pytest.raises(BadInput, match=r"queue\.json"):
        queue.entries()


def test_time_limits() -> None:
    now = time.mktime((2026, 11, 22, 23, 30, 0, 0, 0, -1))
    assert deadline_of("8h", now) == now + 8 * 3600
    assert deadline_of("90m", now) == now + 5400
    assert deadline_of("06:00", now) == now + 6.5 * 3600
    assert deadline_of("23:45", now) == now + 900
    for text in ("", "soon", "25:99:1", "h"):
        with pytest.raises(BadInput):
            deadline_of(text, now)


@pytest.mark.soak
def test_detached_queue_outlives_its_starter_and_can_be_stopped(rvc: Rvc, home: Path, dataset: Path) -> None:
    assert (
        rvc("queue", "stop").returncode == 2
        and rvc("queue", "run", "--detach", "--then", "an 'open quote").returncode == 2
    )
    added = rvc("queue", "add", "voice", "--dataset", dataset, *FAST, "--set", "train.epochs=50", "--json")
    assert [entry["name"] for entry in json.loads(added.stdout)] == ["voice"]
    begun = json.loads(rvc("queue", "run", "--detach", "--json").stdout)
    assert begun["waiting"] == 1 and Path(begun["log"]).is_file()
    assert rvc("queue", "run", "--detach").returncode == 3  # one at a time
    assert json.loads(rvc("queue", "stop", "--json").stdout) == {"stopping": begun["pid"]}
    deadline = time.monotonic() + 60
    while live_holder(home / "queue-run.lock") and time.monotonic() < deadline:
        time.sleep(0.1)
    assert states(rvc) == {"voice": "waiting"}
    assert json.loads(rvc("queue", "remove", "1", "--json").stdout) == []
