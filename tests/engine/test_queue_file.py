"""queue.json: one bad entry is displayed and kept, the others work, nothing is lost when the file is rewritten."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from rvc_engine.commands.cli import main
from rvc_engine.errors import BadInput
from rvc_engine.run.queue import DONE, RUNNING, WAITING, RunQueue
from rvc_tui.screens.queue import QueueScreen

# As the first versions wrote it, which had only trainings.
WHOLE = {
    "number": 1,
    "name": "alice",
    "words": [],
    "state": "waiting",
    "added_at": 1.7e9,
    "started_at": 0.0,
    "ended_at": 0.0,
    "outcome": "",
}
SEVENTH = {**WHOLE, "number": 7}
BAD: list[Any] = [
    None,
    5,
    "alice",
    [],
    [1],
    {},
    {"name": "x"},
    {"number": 7},
    {**SEVENTH, "name": None},
    {**SEVENTH, "name": ""},
    {**SEVENTH, "words": "--fresh"},
    {**SEVENTH, "words": [5]},
    {**SEVENTH, "words": ["a\0b"]},
    {**SEVENTH, "name": "\ud800"},
    {**SEVENTH, "state": "flying"},
    {**SEVENTH, "state": []},
    {**SEVENTH, "added_at": "now"},
    {**SEVENTH, "added_at": float("nan")},
    {**SEVENTH, "ended_at": 1e300},
    {**SEVENTH, "started_at": -5},
    {**SEVENTH, "outcome": {"deep": [1]}},
    {**SEVENTH, "started_at": 10**400},
    {**SEVENTH, "command": "speak"},  # of a later version
    {**SEVENTH, "command": None},
    {**SEVENTH, "command": "convert", "conversion": "../../etc"},
    {**SEVENTH, "command": "convert", "conversion": 3},
]


def queue_of(home: Path, *records: Any, **more: Any) -> RunQueue:
    queue = RunQueue(home)
    queue.path.write_text(json.dumps({"entries": list(records), **more}))
    return queue


def same(one: Any, other: Any) -> bool:
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def kept_of(queue: RunQueue) -> list[Any]:
    entries: list[Any] = json.loads(queue.path.read_text())["entries"]
    return entries


@pytest.mark.parametrize("bad", BAD, ids=range(len(BAD)))
def test_one_bad_entry(home: Path, capsys: pytest.CaptureFixture[str], bad: Any) -> None:
    queue = queue_of(home, WHOLE, bad, {**WHOLE, "number": 3, "name": "carol"})
    assert main(["queue", "list", "--home", str(home)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["1", "waiting", "alice"] and lines[2].split() == ["3", "waiting", "carol"]
    assert " damaged " in lines[1] and str(queue.path) in lines[1] and "rvc queue remove" in lines[1]
    assert main(["queue", "list", "--json", "--home", str(home)]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [set(row) - {"messages"} for row in rows] == [{*WHOLE, "command", "conversion"}] * 3
    following = queue.next()
    assert following is not None and following.name == "alice"
    queue.mark(1, DONE)
    queue.move(3, 1)
    added = queue.add("dora", ["--until", "index"])
    kept = kept_of(queue)
    assert [entry["name"] for entry in (kept[0], kept[1], kept[3])] == ["carol", "alice", "dora"]
    assert same(kept[2], bad)
    numbers = [entry.number for entry in queue.entries()]
    assert len(set(numbers)) == 4 and added.number not in (1, 3)
    queue.remove(next(entry.number for entry in queue.entries() if entry.state == "damaged"))
    assert [entry.name for entry in queue.entries()] == ["carol", "alice", "dora"]


def test_what_a_later_version_wrote_stays(home: Path) -> None:
    queue = queue_of(home, {**WHOLE, "priority": 5}, WHOLE, format=2)
    # a number of its own
    assert [(entry.number, entry.state) for entry in queue.entries()] == [
        (1, "waiting"),
        (2, "waiting"),
    ]
    queue.mark(1, DONE)
    assert kept_of(queue)[0]["priority"] == 5 and kept_of(queue)[0]["state"] == "done"
    assert json.loads(queue.path.read_text())["format"] == 2


def test_a_queue_with_a_bad_entry_runs_the_others(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Names that no experiment can have fail alone, and before anything is started."""
    queue = queue_of(home, {"number": 1}, {**WHOLE, "number": 2, "name": ".."}, {**WHOLE, "number": 3, "name": "-x"})
    assert main(["queue", "run", "--home", str(home)]) == 1
    assert [entry.state for entry in queue.entries()] == ["damaged", "failed", "failed"]
    assert "cannot be the name" in capsys.readouterr().out


def test_entries_without_a_command_are_trainings(home: Path) -> None:
    queue = queue_of(home, WHOLE)
    (entry,) = queue.entries()
    assert (entry.command, entry.title, entry.run_name) == ("run", "alice", "alice")
    queue.mark(1, DONE)
    kept = kept_of(queue)[0]
    assert kept["command"] == "run" and same({**kept, "state": "waiting", "ended_at": 0.0}, {**kept, **WHOLE})


def test_a_conversion_keeps_its_place(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    queue = queue_of(home, WHOLE)
    added = queue.add("alice", ["/a.wav", "--output=/out"], "convert")
    assert (added.title, added.run_name) == ("convert alice", "")
    queue.mark(2, RUNNING, conversion="conversions/4")
    assert main(["queue", "remove", "2", "--home", str(home)]) == 2
    assert "rvc stop conversions/4 first" in capsys.readouterr().err
    queue.mark(2, WAITING, "stopped")
    assert queue.entries()[1].run_name == "conversions/4"
    assert main(["queue", "list", "--home", str(home)]) == 0
    assert "waiting  convert alice" in capsys.readouterr().out


@pytest.mark.parametrize(
    "content", [b"[]", b"5", b"{}", b'{"entries":5}', b"\xff", b"[" * 100_000, b'{"entries":{"a":1}}', b""]
)
def test_what_is_no_queue_at_all_is_named_and_left_as_it_is(
    home: Path, capsys: pytest.CaptureFixture[str], content: bytes
) -> None:
    queue = RunQueue(home)
    queue.path.write_bytes(content)
    for words in (["list"], ["move", "1", "1"], ["remove", "1"], ["run"]):
        assert main(["queue", *words, "--home", str(home)]) == 2
        assert "queue.json" in capsys.readouterr().err
    assert queue.path.read_bytes() == content


def test_a_queue_that_is_no_file(home: Path) -> None:
    queue = RunQueue(home)
    for make in (Path.mkdir, os.mkfifo):
        make(queue.path)
        with pytest.raises(BadInput, match=r"queue\.json"):
            queue.entries()
        queue.path.rmdir() if queue.path.is_dir() else queue.path.unlink()


def test_the_app_draws_a_damaged_entry(home: Path) -> None:
    entry = next(entry.facts() for entry in queue_of(home, {"number": 4, "words": 5}).entries())
    screen = QueueScreen()
    screen.entries = [entry]
    assert screen.to_copy()[0].startswith("4 damaged ?") and not screen.works("run_queue")
