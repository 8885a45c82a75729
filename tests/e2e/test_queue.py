"""The queue: trainings and conversions one after the other, surviving restarts, with a command at the end."""

from __future__ import annotations

import json
import shutil
import signal
import sys
import time
from pathlib import Path

import pytest
import soundfile

from rvc_engine.common.lock import live_holder
from rvc_engine.errors import BadInput
from rvc_engine.files.weights import read
from rvc_engine.run.queue import RunQueue, deadline_of
from rvc_engine.workspace import Workspace
from tests.conftest import SAMPLES, Rvc

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


def kill_once_it_runs(rvc: Rvc, number: int) -> None:
    """Run the queue, and kill its process, not the run's, once the engine of an entry runs."""
    runner = rvc.start("queue", "run")
    queue, workspace, deadline = RunQueue(rvc.home), Workspace(rvc.home), time.monotonic() + 90
    while True:
        assert time.monotonic() < deadline and runner.poll() is None
        entry = queue.entries()[number - 1]
        if entry.state == "running" and live_holder(workspace.experiment(entry.run_name).lock) is not None:
            break
        time.sleep(0.02)
    runner.send_signal(signal.SIGKILL)
    runner.wait()


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """A folder of recordings that takes a while to convert."""
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(4):
        for source in (SAMPLES / "sources").iterdir():
            shutil.copy(source, folder / f"{number} {source.name}")
    return folder


def seconds_of(path: Path) -> float:
    wave, rate = soundfile.read(path)
    assert abs(wave).max() > 0.01
    return float(len(wave) / rate)


@pytest.mark.soak
def test_train_then_convert_in_one_night(rvc: Rvc, home: Path, dataset: Path, tmp_path: Path) -> None:
    """The voice does not exist when its conversion is added. A conversion that fails stops nothing, and the kill of the
    queue's process neither."""
    sources = sorted((SAMPLES / "sources").iterdir(), key=lambda path: path.stat().st_size)[:2]
    inputs, out = tmp_path / "inputs", tmp_path / "out"
    inputs.mkdir()
    for source in sources:
        shutil.copy(source, inputs)
    assert rvc("queue", "add", "voice", "--dataset", dataset, *FAST, "--set", "train.epochs=3").returncode == 0
    nobody = rvc("convert", "nobody", sources[0], "--output", tmp_path / "a.wav", "--queue")
    assert nobody.returncode == 0 and "There is no voice 'nobody'" in nobody.stderr
    words = ("convert", "voice", inputs, "--output", out, "--transpose", "-3", "--index", "none")
    added = rvc(*words, "--queue", "--json")
    assert [(e["command"], e["name"]) for e in json.loads(added.stdout)[1:]] == [
        ("convert", "nobody"),
        ("convert", "voice"),
    ]
    kill_once_it_runs(rvc, 1)
    done = rvc("queue", "run")
    assert done.returncode == 1, done.stdout + done.stderr
    entries = json.loads(rvc("queue", "list", "--json").stdout)
    assert [entry["state"] for entry in entries] == ["done", "failed", "done"]
    assert "There is no voice 'nobody'" in entries[1]["outcome"] and entries[1]["conversion"] == ""
    assert read(Workspace(home).experiment("voice").small_model)["sr"]
    for source in sources:
        assert abs(seconds_of(out / f"{source.stem}.wav") - seconds_of(source)) < 0.1
    assert [path.name for path in (home / "conversions").iterdir()] == ["1"]
    status = json.loads(rvc("status", entries[2]["conversion"], "--json").stdout)
    assert status["state"] == "finished" and len(status["artefacts"]) == 2


@pytest.mark.parametrize("words", [("/nowhere.wav",), ("--output", "/dev/null/out"), ("--transpose", "99")])
def test_what_can_be_checked_of_a_conversion_is_when_it_is_added(rvc: Rvc, home: Path, words: tuple[str, ...]) -> None:
    source = next((SAMPLES / "sources").iterdir())
    refused = rvc("convert", "voice", source, "--output", home, *words, "--queue")
    assert refused.returncode == 2 and not (home / "queue.json").exists()


@pytest.mark.soak
def test_a_killed_queue_leaves_its_conversion_alone_and_the_next_one_follows_it(
    rvc: Rvc, home: Path, dataset: Path, many: Path
) -> None:
    assert rvc("run", "voice", "--dataset", dataset, *FAST, "--set", "train.epochs=1").returncode == 0
    out = home / "out"
    assert rvc("convert", "voice", many, "--output", out, "--queue").returncode == 0
    assert rvc("queue", "add", "voice", "--set", "train.epochs=2").returncode == 0
    kill_once_it_runs(rvc, 1)
    done = rvc("queue", "run")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "attach conversions/1" in done.stdout or "--resume conversions/1" in done.stdout
    assert [entry["state"] for entry in json.loads(rvc("queue", "list", "--json").stdout)] == ["done", "done"]
    assert [path.name for path in (home / "conversions").iterdir()] == ["1"]
    assert {path.stem for path in out.iterdir()} == {path.stem for path in many.iterdir()}
    for path in out.iterdir():
        assert seconds_of(path) > 1


@pytest.mark.soak
def test_a_stopped_queue_resumes_its_conversion_where_it_was(rvc: Rvc, home: Path, dataset: Path, many: Path) -> None:
    assert rvc("run", "voice", "--dataset", dataset, *FAST, "--set", "train.epochs=1").returncode == 0
    out = home / "out"
    assert rvc("convert", "voice", many, "--output", out, "--queue").returncode == 0
    runner = rvc.start("queue", "run")
    deadline = time.monotonic() + 90
    while not list(out.glob("*.wav")):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    first = next(out.glob("*.wav"))
    before = first.stat().st_mtime_ns
    runner.send_signal(signal.SIGTERM)
    assert runner.wait(timeout=60) == 130
    (entry,) = json.loads(rvc("queue", "list", "--json").stdout)
    assert entry["state"] == "waiting" and "progress is saved" in entry["outcome"]
    assert rvc("queue", "run").returncode == 0
    assert first.stat().st_mtime_ns == before and len(list(out.iterdir())) == len(list(many.iterdir()))
    assert [path.name for path in (home / "conversions").iterdir()] == ["1"]


@pytest.mark.soak
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


def test_a_detached_queue_that_is_done_at_once_did_start(rvc: Rvc, home: Path) -> None:
    """It ends with exit code 1 for an entry that has failed; its last line is no error."""
    queue = RunQueue(home)
    queue.add("-x", [])
    assert rvc("queue", "run").returncode == 1 and states(rvc) == {"-x": "failed"}
    begun = rvc("queue", "run", "--detach", "--json")
    assert begun.returncode == 0 and json.loads(begun.stdout)["waiting"] == 0, begun.stderr


def test_a_detached_queue_that_cannot_start_says_why(rvc: Rvc, home: Path) -> None:
    (home / "queue-run.lock").mkdir()
    done = rvc("queue", "run", "--detach")
    assert done.returncode == 1 and "The queue did not start" in done.stderr and "queue.log" in done.stderr
    assert "queue-run.lock" in done.stderr.replace("queue.log", ""), done.stderr
