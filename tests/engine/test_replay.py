"""A long journal is read in parts and not whole: what comes out is the same, for every prefix, and the work is
bounded."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from rvc_engine.commands.cli import main
from rvc_engine.errors import RvcError
from rvc_engine.events import (
    EpochFinished,
    Event,
    MemorySampled,
    Progressed,
    RunFinished,
    RunStarted,
    StageStarted,
    StageStopped,
    StepsSuperseded,
    TrainStepped,
    Warned,
)
from rvc_engine.experiment import Experiment, snapshot_path
from rvc_engine.run import journal as journal_module
from rvc_engine.run import replay, snapshot, status
from rvc_engine.run.journal import Journal, JournalReader, history
from rvc_engine.run.status import read_view
from rvc_engine.run.view import RunView
from rvc_engine.workspace import Workspace
from tests.conftest import rvc_environment
from tests.engine.damaged import LINES, add, events_of, journal_of


def an_event(rng: random.Random, at: float, step: int) -> Event:
    """Mostly what a training writes; now and then anything."""
    stage = rng.choice(["train"] * 8 + ["pitch", "index", "of\nanother", ""])
    kind = rng.random()
    if kind < 0.45:
        losses = {"total": rng.random(), "kl": rng.choice([1.0, float("inf")])}
        return TrainStepped(
            at=at,
            step=step,
            epoch=step // 9,
            epochs=99,
            losses=losses,
            learning_rate=1e-4,
            grad_norms={"g": rng.random()},
            seconds=0.1,
            data_seconds=rng.random(),
        )
    if kind < 0.8:
        unit = rng.choice(["steps"] * 9 + ["artefacts"])
        return Progressed(
            at=at, stage=stage, done=step, total=step + 5, unit=unit, item=rng.choice(["", '"stage":"train",', "声"])
        )
    others: list[Event] = [
        MemorySampled(at=at, rss_bytes=step, gpus=[{"uuid": "u", "index": 0, "reserved": step, "context": None}]),
        MemorySampled(at=at, rss_bytes=step),
        EpochFinished(at=at, epoch=step // 9, epochs=99, step=step, losses={"total": 1.0}, seconds=1.0),
        EpochFinished(at=at, epoch=step // 9, epochs=99, step=step, losses={"total": 1.0}, seconds=1.0),
        StageStarted(at=at, stage=stage),
        Warned(at=at, title=f"w{step}"),
        StepsSuperseded(at=at, after_step=max(0, step - 20), epoch=step // 9),
        RunStarted(at=at, run=1, name="a", folder="", pid=5, host="h", version="0", preset="p", stages=["train"]),
    ]
    return rng.choice(others[: len(others) if rng.random() < 0.3 else 4])


def lines_of(seed: int, count: int, *, damaged: bool = False) -> list[bytes]:
    rng, made = random.Random(seed), []
    for step in range(count):
        event = an_event(rng, 1.7e9 + step + rng.random() * 5, step)
        record = json.dumps({"event": type(event).__name__, **vars(event)}, separators=(",", ":"), ensure_ascii=False)
        made.append(record.encode())
        if damaged and rng.random() < 0.05:
            made[-1] = rng.choice(
                [made[-1][:-7], b"", b"{}", b"[1", b"2]", made[-1].replace(b'"stage":', b'"stage":5,"x":'), b"\xff\xfe"]
            )
    return made


def write(path: Path, lines: list[bytes]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    return path


def facts(view: RunView) -> dict[str, Any]:
    return {**view.to_record(), "order": list(view.stages)}


def folded(path: Path, *, brief: bool, view: RunView | None = None, limit: int = 1 << 20) -> RunView:
    view = view or RunView()
    for events in JournalReader(path, brief=brief).batches(limit):
        for event in events:
            view.fold(event)
    return view


@pytest.mark.parametrize("damaged", [False, True], ids=["whole", "damaged"])
@pytest.mark.parametrize("seed", range(8))
def test_a_brief_replay_comes_to_the_same(tmp_path: Path, seed: int, damaged: bool) -> None:
    path = write(tmp_path / "0001.jsonl", lines_of(seed, 900, damaged=damaged))
    whole = facts(folded(path, brief=False))
    for limit in (1, 700, 20_000, 1 << 20):
        assert facts(folded(path, brief=True, limit=limit)) == whole


def test_a_brief_replay_parses_a_small_part(tmp_path: Path) -> None:
    path = write(
        tmp_path / "0001.jsonl", [line for line in lines_of(1, 40_000) if line[10:14] in (b"Trai", b"Prog", b"Memo")]
    )
    events = [event for batch in JournalReader(path, brief=True).batches() for event in batch]
    parts = -(-path.stat().st_size // journal_module.CHUNK_BYTES)
    # those of the artefacts are all kept: a twelfth here, a few in a run
    assert len(events) < min(3000, parts * (replay.STEPS_KEPT + 400))


@pytest.fixture
def experiment(home: Path) -> Experiment:
    return add(Workspace(home), "alice", [])


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Snapshots of short journals too, and of journals that were written just now."""
    monkeypatch.setattr(snapshot, "WORTH_BYTES", 1)
    monkeypatch.setattr(snapshot, "TICK_NS", 0)


class Counting:
    """Bytes that are read of journals."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.bytes = 0
        real = JournalReader._lines

        def lines(reader: JournalReader, limit: int) -> Iterator[bytes]:
            for line in real(reader, limit):
                self.bytes += len(line)
                yield line

        monkeypatch.setattr(JournalReader, "_lines", lines)

    def of(self, experiment: Experiment) -> int:
        self.bytes = 0
        read_view(experiment)
        return self.bytes


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize("seed", [3, 4])
def test_from_a_snapshot_on_it_comes_to_the_same_for_every_prefix(experiment: Experiment, seed: int) -> None:
    """The journal grows a line or a part of one at a time, and is read after each."""
    lines = lines_of(seed, 150, damaged=seed == 4)
    path, rng = journal_of(experiment), random.Random(seed)
    path.write_bytes(b"")
    for line in lines:
        cut = rng.randrange(len(line) + 1)
        for part in (line[:cut], line[cut:] + b"\n"):
            with path.open("ab") as file:
                file.write(part)
            seen = read_view(experiment)
            whole = folded(path, brief=False, view=RunView(name="alice", folder=str(experiment.folder)))
            if whole.state == "running":
                whole.note_gone()
            seen.problem = ""
            if whole.run or whole.updated_at:
                assert facts(seen) == facts(whole)
    assert snapshot.load(path) is not None


@pytest.mark.usefixtures("settled")
def test_only_what_is_new_is_read(experiment: Experiment, monkeypatch: pytest.MonkeyPatch) -> None:
    path, counting = journal_of(experiment), Counting(monkeypatch)
    write(path, lines_of(5, 3000))
    size = path.stat().st_size
    assert counting.of(experiment) == size
    assert counting.of(experiment) == 0
    more = lines_of(6, 3)
    with path.open("ab") as file:
        file.write(b"\n".join(more) + b"\n")
    assert counting.of(experiment) == path.stat().st_size - size
    assert counting.of(experiment) == 0


def changed_in_place(path: Path) -> None:
    """Same length, same beginning and end."""
    content = path.read_bytes()
    path.write_bytes(content.replace(b'"epochs":99', b'"epochs":77'))


def replaced_by_a_longer_one(path: Path) -> None:
    other = path.with_name("other")
    write(other, lines_of(77, 4000))
    other.replace(path)


def replaced_by_a_copy_that_was_changed(path: Path) -> None:
    times = path.stat()
    changed_in_place(path)
    other = path.with_name("other")
    shutil.copy(path, other)
    os.utime(other, ns=(times.st_atime_ns, times.st_mtime_ns))
    other.replace(path)


def shortened(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: content.rfind(b"\n", 0, len(content) // 2) + 1])


def written_anew_and_longer(path: Path) -> None:
    write(path, lines_of(78, 4000))


CHANGES = (
    changed_in_place,
    replaced_by_a_longer_one,
    replaced_by_a_copy_that_was_changed,
    shortened,
    written_anew_and_longer,
)


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_changed_journal_is_read_anew(experiment: Experiment, change: Any) -> None:
    path = write(journal_of(experiment), lines_of(5, 2000))
    read_view(experiment)
    assert snapshot.load(path) is not None
    time.sleep(0.02)  # another time of change, on any file system of Linux
    change(path)
    seen = facts(read_view(experiment))
    snapshot_path(path).unlink(missing_ok=True)
    assert seen == facts(read_view(experiment))


@pytest.mark.usefixtures("settled")
def test_how_a_run_was_stopped_is_kept_and_a_renamed_experiment_has_its_own_name(experiment: Experiment) -> None:
    stop = StageStopped(at=1.8e9, stage="train", saved=False, after_step=7, epoch=1, reason="asked a second time")
    line = json.dumps({"event": "StageStopped", **vars(stop)}, separators=(",", ":")).encode()
    path = write(journal_of(experiment), [*lines_of(5, 2000), line])
    read_view(experiment)
    assert snapshot.load(path) is not None
    other = Experiment(experiment.folder.with_name("renamed"), experiment.workspace)
    experiment.folder.rename(other.folder)
    assert snapshot.load(journal_of(other)) is not None
    view = read_view(other)
    assert (view.state, view.stop) == ("stopped", stop) and (view.name, view.folder) == ("renamed", str(other.folder))


def test_a_journal_of_just_now_is_not_taken_from_a_snapshot(
    experiment: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two writes within a tick of the clock leave the same time."""
    monkeypatch.setattr(snapshot, "WORTH_BYTES", 1)
    path = write(journal_of(experiment), lines_of(5, 500))
    now = time.time_ns() + 10**9  # however long the writing takes
    os.utime(path, ns=(now, now))
    read_view(experiment)
    changed_in_place(path)
    os.utime(path, ns=(now, now))
    assert read_view(experiment).epochs == 77


DAMAGES: dict[str, Any] = {
    "cut": lambda content: content[:-40],
    "empty": lambda content: b"",
    "no JSON": lambda content: b"\xff" * 50,
    "deep": lambda content: b"[" * 100_000,
    "a list": lambda content: b"[]",
    "a step changed": lambda content: content.replace(b'"step": ', b'"step": 1'),
    "another offset": lambda content: content.replace(b'"offset": ', b'"offset": 1'),
    "wrong types": lambda content: content.replace(b'"stages": [', b'"stages": [5, '),
}


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize("kind", DAMAGES)
def test_a_damaged_snapshot_is_none(experiment: Experiment, kind: str) -> None:
    path = write(journal_of(experiment), lines_of(5, 2000))
    whole = facts(read_view(experiment))
    file = snapshot_path(path)
    content = file.read_bytes()
    file.write_bytes(DAMAGES[kind](content))
    assert file.read_bytes() != content and snapshot.load(path) is None
    assert facts(read_view(experiment)) == whole
    assert snapshot.load(path) is not None  # and a whole one has taken its place


@pytest.mark.usefixtures("settled")
def test_a_snapshot_of_wrong_types_is_none_even_when_it_is_signed(experiment: Experiment) -> None:
    path = write(journal_of(experiment), lines_of(5, 200))
    whole = read_view(experiment)
    for change in (
        {"supervisor": 2**40},
        {"updated_at": "x"},
        {"stages": {}},
        {"stages": [{"name": 5}]},
        {"warnings": [1]},
        {"losses": []},
    ):
        about = path.stat()
        snapshot.save(path, about, about.st_size, {"view": {**whole.to_record(), **change}, "mistyped": 0})
        assert snapshot.load(path) is not None
        assert facts(read_view(experiment)) == facts(whole)


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize(
    "error", [OSError(30, "Read-only file system"), RvcError("The disk is full")], ids=["read-only", "full"]
)
def test_where_no_snapshot_can_be_written_nothing_is_lost(
    experiment: Experiment, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(snapshot, "write_whole", fail)
    path = write(journal_of(experiment), lines_of(5, 300))
    assert read_view(experiment).updated_at > 0 and not snapshot_path(path).exists()


def test_a_short_journal_leaves_no_snapshot(home: Path) -> None:
    experiment = add(Workspace(home), "alice")
    read_view(experiment)
    assert [path.name for path in experiment.runs.iterdir()] == ["0001.jsonl"]


def test_what_is_wrong_with_a_journal_is_still_said_from_a_snapshot_on(experiment: Experiment, settled: None) -> None:
    write(journal_of(experiment), lines_of(5, 300))
    LINES["TrainStepped.step is -1"](experiment)
    for _ in range(2):
        assert "0001.jsonl has lines" in read_view(experiment).problem


# --- reading in parts -------------------------------------------------------------------------------------------------
def test_parts_that_hold_no_event_do_not_end_a_journal(tmp_path: Path) -> None:
    strange = [json.dumps({"event": "FromTheFuture", "x": "y" * 1000}).encode()] * 3000  # more than a part
    path = write(tmp_path / "0001.jsonl", [*strange, b'{"event":"Warned","at":5.0,"title":"t"}'])
    assert [type(event) for event in history(tmp_path)] == [Warned]
    assert folded(path, brief=True).warnings[0].title == "t"


@pytest.mark.parametrize("brief", [False, True])
def test_a_line_that_is_longer_than_a_part_is_read_whole(tmp_path: Path, brief: bool) -> None:
    long = json.dumps({"event": "Warned", "at": 5.0, "title": "t" * 5000}).encode()
    path = write(tmp_path / "0001.jsonl", [long, b'{"event":"Warned","at":5.0,"title":"next"}'])
    reader = JournalReader(path, brief=brief)
    assert [len(event.title) for batch in reader.batches(100) for event in batch if isinstance(event, Warned)] == [
        5000,
        4,
    ]


def test_a_line_without_end_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_module, "LINE_BYTES", 1000)
    path = write(tmp_path / "0001.jsonl", [b'{"event":"Warned","at":5.0,"title":"first"}'])
    with path.open("ab") as file:
        file.write(b"x" * 200_000)
    reader = JournalReader(path)
    assert len([event for batch in reader.batches() for event in batch]) == 1 and reader.read_new() == []
    with path.open("ab") as file:
        file.write(b'x\n{"event":"Warned","at":6.0,"title":"last"}\n')
    assert [event.at for batch in reader.batches() for event in batch] == [6.0]


def test_an_attached_run_shows_what_the_whole_would(experiment: Experiment, capsys: pytest.CaptureFixture[str]) -> None:
    events = events_of("alice", steps=5000)
    epochs = [EpochFinished(epoch=n, epochs=9, step=n * 10, losses={"total": 1.0}, seconds=1.0) for n in range(1, 400)]
    with Journal(journal_of(experiment)) as journal:
        for event in (*events[:-1], *epochs, events[-1]):
            journal.append(event)
    home = str(experiment.workspace.home)
    assert main(["attach", "alice", "--plain", "--home", home]) == 0
    plain = capsys.readouterr().out.splitlines()
    assert sum(line.startswith("train: epoch ") for line in plain) >= len(epochs) and plain[-1].startswith(
        "finished: alice"
    )
    assert main(["attach", "alice", "--json", "--home", home]) == 0  # every event, for programs
    assert len(capsys.readouterr().out.splitlines()) == len(events) + len(epochs)


# --- long ------------------------------------------------------------------------------------------
def a_million_lines(file: BinaryIO) -> None:
    at = 1.7e9
    for event in events_of("alice", steps=1)[:2]:
        file.write(
            json.dumps({"event": type(event).__name__, **vars(event), "at": at}, separators=(",", ":")).encode() + b"\n"
        )
    losses = dict.fromkeys(("total", "mel", "kl", "feature", "discriminator"), 1.25)
    for step in range(1, 500_001):
        at += 0.3
        position = {"step": step, "epoch": step // 25, "epochs": 20_000}
        stepped = {
            "event": "TrainStepped",
            "at": at,
            **position,
            "losses": losses,
            "learning_rate": 1e-4,
            "grad_norms": {"g": 60.5, "d": 9.5},
        }
        progressed = {
            "event": "Progressed",
            "at": at,
            "stage": "train",
            "done": step,
            "total": 500_000,
            "unit": "steps",
            "item": "",
        }
        for record in ({**stepped, "seconds": 0.3, "stage": "train", "data_seconds": 0.0}, progressed):
            file.write(json.dumps(record, separators=(",", ":")).encode() + b"\n")
    end = RunFinished(at=at, seconds=9.0)
    file.write(json.dumps({"event": "RunFinished", **vars(end)}).encode() + b"\n")


MEASURED = """
import resource, subprocess, sys
code = subprocess.call(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
sys.exit(code)
"""


@pytest.mark.soak
@pytest.mark.parametrize("words", ["status alice", "attach alice --plain", "attach alice --json", "list"])
def test_a_journal_of_a_million_lines_takes_little_memory(experiment: Experiment, words: str) -> None:
    with journal_of(experiment).open("wb") as file:
        a_million_lines(file)
    command = [sys.executable, "-m", "rvc_engine", *words.split(), "--home", str(experiment.workspace.home)]
    # the peak of a process counts what it was forked from, and this one has torch
    small = [
        sys.executable,
        "-c",
        MEASURED,
        *command,
    ]
    process = subprocess.Popen(small, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=rvc_environment())
    assert process.stdout is not None and process.stderr is not None
    lines = sum(1 for _ in process.stdout)
    assert process.wait() == 0 and int(process.stderr.read()) < 150_000
    assert lines == 1_000_003 if words.endswith("json") else lines < 100
    assert status.read_view(experiment).step == 500_000
