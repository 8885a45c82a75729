"""What status says of a run that is silent, frozen, paused or gone."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rvc_engine.commands.watch import progress_words
from rvc_engine.events import Event, Paused, Progressed, Resumed, RunFinished, RunStarted, StageFailed, StageStarted
from rvc_engine.experiment import Experiment
from rvc_engine.run.journal import Journal, read
from rvc_engine.run.status import read_view
from rvc_engine.run.supervisor import record_end
from rvc_engine.settings import for_preset
from rvc_engine.workspace import Workspace
from tests.conftest import rvc_environment
from tests.engine.test_lock import HOLD, said


@pytest.fixture
def held(home: Path) -> Iterator[tuple[Experiment, int]]:
    """An experiment whose lock a real process holds, with a journal that has a stage under way."""
    experiment = Workspace(home).experiment("voice")
    experiment.save_settings(for_preset("starter-tiny"))
    command = [sys.executable, "-c", HOLD, str(experiment.lock), "60"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=rvc_environment())
    assert said(process) == "held"
    write_journal(experiment, process.pid, Progressed(stage="pitch", done=1, total=2, unit="clips"))
    yield experiment, process.pid
    process.kill()
    process.wait()


def write_journal(experiment: Experiment, pid: int, *events: Event) -> None:
    _, journal = Journal.next_in(experiment.runs)
    start = RunStarted(
        run=1,
        name="voice",
        folder=str(experiment.folder),
        pid=pid,
        host="h",
        version="0",
        preset="starter-tiny",
        stages=["pitch"],
    )
    with journal:
        for event in (start, StageStarted(stage="pitch"), *events):
            journal.append(event)


def beat(experiment: Experiment, pid: int, *, silent_s: float, stuck_after_s: float = 40.0, age_s: float = 0.0) -> None:
    now = time.time()
    record = {
        "at": now - age_s,
        "pid": pid,
        "stage": "pitch",
        "event_at": now - silent_s,
        "stuck_after_s": stuck_after_s,
    }
    experiment.heartbeat.write_text(json.dumps(record))


@pytest.mark.parametrize(
    ("silent_s", "stuck_after_s", "age_s", "stuck"),
    [(5, 40, 0, False), (52, 40, 0, True), (52, 100, 0, False), (20, 40, 15, True)],
    ids=["working", "stuck", "slow units", "frozen engine"],
)
def test_silence_is_reported_when_it_is_too_long(
    held: tuple[Experiment, int], silent_s: float, stuck_after_s: float, age_s: float, stuck: bool
) -> None:
    experiment, pid = held
    beat(experiment, pid, silent_s=silent_s, stuck_after_s=stuck_after_s, age_s=age_s)
    view = read_view(experiment)
    assert (view.state, view.stuck) == ("running", stuck)
    assert view.as_json()["stuck"] is stuck
    assert progress_words(view).startswith(
        f"no progress for {silent_s:.0f} s" if stuck else f"last progress {silent_s:.0f} s ago"
    )


def test_a_pause_is_reported_until_it_ends(held: tuple[Experiment, int]) -> None:
    experiment, pid = held
    write_journal(experiment, pid, Paused(stage="train", reason="the disk is full"))
    assert progress_words(read_view(experiment)) == "paused: the disk is full"
    write_journal(experiment, pid, Paused(stage="train", reason="the disk is full"), Resumed(stage="train", waited_s=3))
    assert read_view(experiment).paused == ""


def test_a_journal_without_an_end_and_without_an_engine_is_a_failure(home: Path) -> None:
    experiment = Workspace(home).experiment("voice")
    write_journal(experiment, 2**22 - 5)
    view = read_view(experiment)
    assert view.state == "failed" and view.error is not None
    assert "ended unexpectedly" in view.error["title"] and "rvc run voice" in view.error["hint"]


@pytest.mark.parametrize(
    ("code", "words"), [(-9, "SIGKILL"), (-11, "SIGSEGV"), (-40, "signal 40"), (77, "exit code 77")]
)
def test_the_supervisor_writes_how_an_engine_died(home: Path, code: int, words: str) -> None:
    experiment = Workspace(home).experiment("voice")
    write_journal(experiment, 4242)
    record_end(experiment.runs, 4242, code)
    end = list(read(experiment.runs / "0001.jsonl"))[-1]
    assert isinstance(end, StageFailed)
    assert (end.stage, end.exit_code) == ("pitch", 1) and words in end.title
    record_end(experiment.runs, 4242, code)  # once is enough
    assert sum(isinstance(e, StageFailed) for e in read(experiment.runs / "0001.jsonl")) == 1


def test_the_supervisor_leaves_a_journal_with_an_end_alone(home: Path) -> None:
    experiment = Workspace(home).experiment("voice")
    write_journal(experiment, 4242, RunFinished(seconds=1.0))
    record_end(experiment.runs, 4242, -9)
    assert isinstance(list(read(experiment.runs / "0001.jsonl"))[-1], RunFinished)
    assert read_view(experiment).state == "finished"
