"""The journal: what is written is read back, torn lines are tolerated."""

from __future__ import annotations

import errno
import math
import os
from pathlib import Path

import pytest

from rvc_engine.events import (
    Event,
    ItemSkipped,
    Progressed,
    RunFinished,
    RunStarted,
    StageFailed,
    TrainStepped,
    from_dict,
    to_dict,
)
from rvc_engine.experiment import journals
from rvc_engine.messages import Message
from rvc_engine.run.journal import Journal, JournalReader, history, read
from rvc_engine.run.view import RunView


def some_events() -> list[Event]:
    return [
        RunStarted(run=1, name="x", folder="/x", pid=7, host="h", version="0", preset="starter", stages=["train"]),
        Progressed(stage="train", done=1, total=2, unit="steps"),
        ItemSkipped(stage="train", item='naïve "q" 声\n😀 \udcff', reason="too short"),
        TrainStepped(
            step=1,
            epoch=1,
            epochs=2,
            losses={"mel": 1.5, "kl": math.inf},
            learning_rate=1e-4,
            grad_norms={"g": 1.0},
            seconds=0.1,
        ),
        ItemSkipped(
            stage="preprocess", item=Message("work.part_at", name="a.wav", start=2.295), reason=Message("audio.silent")
        ),
        RunFinished(seconds=1.0, artefacts=[{"path": "/x", "bytes": 1, "sha256": "0"}]),
    ]


def test_events_come_back_as_they_were(tmp_path: Path) -> None:
    number, journal = Journal.next_in(tmp_path)
    with journal:
        written = [journal.append(event) for event in some_events()]
    assert number == 1
    assert list(read(journal.path)) == written
    assert all(event.at > 0 for event in written)


def test_each_run_has_a_file_of_its_own(tmp_path: Path) -> None:
    for expected in (1, 2, 3):
        number, journal = Journal.next_in(tmp_path)
        with journal:
            journal.append(some_events()[0])
        assert number == expected
    assert [p.name for p in journals(tmp_path)] == ["0001.jsonl", "0002.jsonl", "0003.jsonl"]
    assert len(list(history(tmp_path))) == 3


def test_a_journal_cut_anywhere_in_its_last_lines_is_read_up_to_the_cut(tmp_path: Path) -> None:
    _, journal = Journal.next_in(tmp_path / "whole")
    with journal:
        for event in some_events():
            journal.append(event)
    data = journal.path.read_bytes()
    lines = data.splitlines(keepends=True)
    for cut in range(len(data) - sum(map(len, lines[-3:])), len(data) + 1):
        path = tmp_path / "cut.jsonl"
        path.write_bytes(data[:cut])
        assert len(list(read(path))) == data[:cut].count(b"\n")


def test_a_torn_line_stays_a_line_of_its_own_when_writing_continues(tmp_path: Path) -> None:
    path = tmp_path / "0001.jsonl"
    path.write_bytes(b'{"event": "Progre')
    with Journal(path) as journal:
        journal.append(some_events()[1])
    assert [type(event) for event in read(path)] == [Progressed]


def test_a_reader_returns_only_what_is_new(tmp_path: Path) -> None:
    _, journal = Journal.next_in(tmp_path)
    reader = JournalReader(journal.path)
    with journal:
        assert reader.read_new() == []
        for event in some_events():
            journal.append(event)
            assert [type(e) for e in reader.read_new()] == [type(event)]


def test_events_of_a_later_version_are_tolerated() -> None:
    assert from_dict({"event": "FromTheFuture", "x": 1}) is None
    record = to_dict(some_events()[1])
    assert from_dict({**record, "unknown": 1}) == some_events()[1]


def test_the_view_is_a_fold_of_the_events() -> None:
    view = RunView(name="x")
    for event in some_events()[:4]:
        view.fold(event)
    assert (view.state, view.step, view.epoch, view.losses["mel"]) == ("running", 1, 1, 1.5)
    assert view.stages["train"].skipped_items[0][1] == "too short"
    finished, failed = RunView(), RunView()
    for event in some_events():
        finished.fold(event)
    for event in [*some_events()[:4], StageFailed(stage="train", title="t", message="m", hint="h")]:
        failed.fold(event)
    assert (finished.state, finished.exit_code, len(finished.artefacts)) == ("finished", 0, 1)
    assert (failed.state, failed.exit_code, failed.error) == ("failed", 1, {"title": "t", "message": "m", "hint": "h"})


def test_a_full_disk_tears_no_line_and_loses_no_event(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, journal = Journal.next_in(tmp_path)
    events = some_events()
    real, room = os.write, [400]

    def write(descriptor: int, data: bytes) -> int:
        count = real(descriptor, data[: room[0]]) if room[0] else 0
        room[0] -= count
        if not count:
            room[0] = 100_000  # somebody makes room
            raise OSError(errno.ENOSPC, "No space left on device")
        return count

    monkeypatch.setattr(os, "write", write)
    with journal:
        for event in events:
            journal.append(event)
    assert room[0] < 100_000
    assert [type(event) for event in read(journal.path)] == [type(event) for event in events]
