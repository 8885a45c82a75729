"""Journals as crashes leave them, tailed by the app: the curves are complete and the state is right."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rvc_engine import events as ev
from rvc_engine.client.engine_client import EngineClient
from rvc_engine.client.pace import run_seconds, steps_a_second, time_left
from rvc_engine.client.state import ScreenState
from rvc_engine.experiment import Experiment, journals
from rvc_engine.run.journal import Journal
from rvc_engine.settings import for_preset
from rvc_engine.workspace import Workspace

T0 = 1_700_000_000.0
WRITER = """
import os, sys, time
from pathlib import Path
from rvc_engine import events as ev
from rvc_engine.workspace import Workspace
from rvc_engine.run.journal import Journal
from rvc_engine.common.lock import RunLock
experiment = Workspace(Path(sys.argv[1])).experiment("alice")
RunLock(experiment.lock).acquire()
number, journal = Journal.next_in(experiment.runs)
about = dict(run=number, name="alice", folder="", host="h", version="0", preset="starter", stages=["train"])
journal.append(ev.RunStarted(pid=os.getpid(), supervisor=1, **about))
journal.append(ev.StageStarted(stage="train"))
for step in range(1, 1_000_000):
    losses = {"total": float(step)}
    pace = dict(learning_rate=1e-4, grad_norms={}, seconds=0.001)
    journal.append(ev.TrainStepped(step=step, epoch=1, epochs=9, losses=losses, **pace))
    time.sleep(0.0005)  # many times as quick as a training, and not quicker than a reader
"""


class App:
    """The part of the app that tails: what `follow` and `on_happened` do."""

    def __init__(self, home: Path) -> None:
        self.client, self.state = EngineClient(home, "alice"), ScreenState()

    def look(self) -> ScreenState:
        while True:
            update = self.client.poll()
            self.state.fold(update.events)
            if self.state.running and not update.alive and not update.more:
                self.state.view.note_gone()
            if not update.more:
                return self.state

    @property
    def steps(self) -> list[int]:
        return [point.step for point in self.state.view.curves.points("total")]


def experiment(home: Path) -> Experiment:
    made = Workspace(home).experiment("alice")
    made.save_settings(for_preset("starter", dataset=str(home)))
    return made


def started(run: int, at: float) -> list[ev.Event]:
    start = ev.RunStarted(
        run=run,
        name="alice",
        folder="",
        pid=os.getpid(),
        host="h",
        version="0",
        preset="starter",
        stages=["train"],
        supervisor=1,
    )
    return [
        replace(start, at=at),
        ev.StageStarted(stage="train", at=at),
        ev.Progressed(stage="train", done=0, total=100, unit="steps", at=at),
    ]


def step(number: int, at: float) -> ev.TrainStepped:
    losses = {"total": float(number)}
    return ev.TrainStepped(
        at=at, step=number, epoch=1, epochs=9, losses=losses, learning_rate=1e-4, grad_norms={}, seconds=1.0
    )


def write(made: Experiment, events: Sequence[ev.Event]) -> Path:
    with Journal.next_in(made.runs)[1] as journal:
        for event in events:
            journal.append(event)
        return journal.path


def test_the_engine_is_killed_while_the_app_tails(tmp_path: Path) -> None:
    made, app = experiment(tmp_path), App(tmp_path)
    for run in (1, 2):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)])
        end = time.monotonic() + 20
        while len(journals(made.runs)) < run or app.look().view.run < run or not app.state.view.step:
            assert time.monotonic() < end
            time.sleep(0.01)
        for _ in range(5):
            assert app.look().running
        os.kill(writer.pid, signal.SIGKILL)
        writer.wait()
        state = app.look()
        assert state.view.state == "failed" and state.view.error is not None
        assert "ended unexpectedly" in state.view.error["title"]
        last = state.view.step
        assert state.view.curves.last_step == last and app.steps[-1] == last
        whole = journals(made.runs)[-1].read_bytes()
        assert last == whole[: whole.rfind(b"\n") + 1].count(b"TrainStepped")  # none is lost
    assert state.view.run == 2


def test_a_line_that_is_torn_is_whole_later(tmp_path: Path) -> None:
    made, app = experiment(tmp_path), App(tmp_path)
    path = write(made, [*started(1, T0), step(1, T0 + 1), step(2, T0 + 2)])
    whole = path.read_bytes()
    for cut in range(len(whole) - 60, len(whole)):
        path.write_bytes(whole[:cut])
        app.look()
    assert app.steps == [1]
    path.write_bytes(whole)
    app.look()
    assert app.steps == [1, 2]


def test_a_line_that_stays_torn_costs_only_itself(tmp_path: Path) -> None:
    made, app = experiment(tmp_path), App(tmp_path)
    path = write(made, [*started(1, T0), step(1, T0 + 1), step(2, T0 + 2)])
    path.write_bytes(path.read_bytes()[:-30])
    app.look()
    with Journal(path) as journal:
        for number in (3, 4):
            journal.append(step(number, T0 + number))
    app.look()
    assert app.steps == [1, 3, 4]


def test_rubbish_between_lines_is_left_out(tmp_path: Path) -> None:
    made, app = experiment(tmp_path), App(tmp_path)
    path = write(made, [*started(1, T0), step(1, T0 + 1)])
    with path.open("ab") as file:
        file.write(
            b'\x00\x00\x00\n[1, 2\n"text"\n{"event": "FromTheFuture", "x": 1}\n{"event": 7}\n{"event": '
            b'"TrainStepped"}\n\xff\xfe\n'
        )
    with Journal(path) as journal:
        journal.append(step(2, T0 + 2))
    app.look()
    assert app.steps == [1, 2]


def test_the_next_run_is_followed_and_the_curve_continues(tmp_path: Path) -> None:
    made, app = experiment(tmp_path), App(tmp_path)
    write(made, [*started(1, T0), *(step(n, T0 + n) for n in range(1, 11))])
    app.look()
    again = ev.StepsSuperseded(after_step=6, epoch=1, at=T0 + 100)
    write(made, [*started(2, T0 + 100), again, *(step(n, T0 + 100 + n) for n in range(7, 13))])
    state = app.look()
    assert state.view.run == 2 and app.steps == list(range(1, 13))
    fresh = App(tmp_path)
    fresh.look()
    assert fresh.steps == app.steps


def test_a_journal_that_grew_shorter_is_not_taken_for_new(tmp_path: Path) -> None:
    made, app = experiment(tmp_path), App(tmp_path)
    path = write(made, [*started(1, T0), *(step(n, T0 + n) for n in range(1, 6))])
    app.look()
    path.write_bytes(b"")
    app.look()
    assert app.steps == [1, 2, 3, 4, 5]


def test_the_clock_jumps(tmp_path: Path) -> None:
    made, app = experiment(tmp_path), App(tmp_path)
    jumps = [0.0] * 5 + [-3600.0] * 5 + [86400.0] * 5
    write(made, [*started(1, T0), *(step(n, T0 + n + jump) for n, jump in enumerate(jumps, 1))])
    view = app.look().view
    seconds = [point.seconds for point in view.curves.points("total")]
    assert app.steps == list(range(1, 16))
    assert seconds == sorted(seconds) and seconds[-1] < 100  # time of training, not of the clock
    view.state = "running"
    assert run_seconds(view, T0 - 5000) == 0.0
    pace, left = steps_a_second(view), time_left(view)
    assert pace is None or pace > 0
    assert left is None or (left.low >= 0 and left.high >= left.low)
