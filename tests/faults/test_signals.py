"""Signals to a run: hanging up changes nothing; a stop during a save leaves whole files."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from rvc_engine.common.lock import live_holder
from rvc_engine.events import RunFinished, StageStopped, TrainStepped
from rvc_engine.run.journal import history, steps_once
from tests.conftest import rvc_environment
from tests.faults.conftest import Row
from tests.faults.harness import Voice, differences, faults, has, stage_under_way, wait_for


@pytest.mark.soak
@pytest.mark.parametrize("stage", ["train", "index"])
def test_hanging_up_changes_nothing(
    row: Row, tmp_path: Path, prepared: Callable[[Path], Voice], reference: Voice, stage: str
) -> None:
    row.of(
        "SIGHUP to the follower's session, to the engine, to its supervisor and to their process group",
        "Detached by nature",
    )
    voice = prepared(tmp_path)
    command = [sys.executable, "-m", "rvc_engine", "run", voice.name, "--plain", "--home", str(tmp_path)]
    follower = subprocess.Popen(
        command, start_new_session=True, stdout=subprocess.DEVNULL, env=rvc_environment(), stdin=subprocess.DEVNULL
    )

    def under_way() -> bool:
        if stage == "train":
            return any(isinstance(event, TrainStepped) for event in voice.events())
        return stage_under_way(voice.experiment.runs / "0001.jsonl") == stage

    wait_for(under_way, stage)
    holder = live_holder(voice.experiment.lock)
    assert holder is not None
    os.killpg(follower.pid, signal.SIGHUP)
    os.kill(holder.pid, signal.SIGHUP)
    os.killpg(os.getpgid(holder.pid), signal.SIGHUP)  # the supervisor's session: supervisor, engine and workers
    follower.wait(30)
    wait_for(lambda: live_holder(voice.experiment.lock) is None, "the run's end")
    assert isinstance(voice.last_run()[-1], RunFinished)
    assert differences(voice, reference) == []
    assert voice.steps() == reference.steps()
    row.saw(f"in {stage}: the follower left with {follower.returncode}, the run finished with the same weights")


@pytest.mark.parametrize("file", [1, *(pytest.param(n, marks=pytest.mark.soak) for n in (2, 3, 5))])
@pytest.mark.soak
def test_a_stop_during_a_save_leaves_whole_files(
    row: Row, tmp_path: Path, prepared: Callable[[Path], Voice], reference: Voice, file: int
) -> None:
    row.of(
        "SIGTERM during a save",
        "Files on disk are whole, exit 130, the next run resumes exactly; after a clean stop nothing is done again",
    )
    voice = prepared(tmp_path)
    with faults(f"slow-save@{file}:1.5"):
        engine = voice.start()
        written: list[float] = []

        def slow() -> bool:
            if not voice.saving():
                written.clear()
                return False
            written.append(0)
            return len(written) > 40  # 0.2 s and more in one file

        wait_for(slow, f"checkpoint file {file}")
        os.kill(engine.pid, signal.SIGTERM)
        assert engine.process is not None
        assert engine.process.wait(60) == 130
    assert isinstance(voice.last_run()[-1], StageStopped)
    assert voice.leftovers() == [] and voice.checkpoints()
    for path in voice.checkpoints():
        torch.load(path, map_location="cpu", weights_only=True)
    before = [event.step for event in history(voice.experiment.runs) if isinstance(event, TrainStepped)]
    again = [event.step for event in voice.finish() if isinstance(event, TrainStepped)]
    assert before + again == reference.steps()  # nothing done again
    assert [e.step for e in steps_once(voice.events()) if isinstance(e, TrainStepped)] == reference.steps()
    assert differences(voice, reference) == []
    row.saw(
        f"file {file}, after step {before[-1]}: exit 130, resumed with step {before[-1] + 1}, the same weights", runs=2
    )
    assert has(engine, StageStopped)


def test_a_volley_of_signals_stops_once(row: Row, tmp_path: Path, prepared: Callable[[Path], Voice]) -> None:
    """As `pkill` gives them: to the engine and to its supervisor, which passes them on. A handler that held a lock
    waited for itself here."""
    row.of("40 SIGTERM to engine and supervisor within a moment", "One clean stop: exit 130, the state saved")
    voice = prepared(tmp_path)
    engine = voice.start()
    wait_for(lambda: any(isinstance(event, TrainStepped) for event in voice.events()), "steps")
    holder = live_holder(voice.experiment.lock)
    assert holder is not None
    for _ in range(20):
        for pid in (holder.pid, os.getpgid(holder.pid)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
    wait_for(lambda: live_holder(voice.experiment.lock) is None, "the run's end")
    assert engine.process is not None and engine.process.wait(60) == 130
    assert has(engine, StageStopped)
    assert voice.experiment.resume_state.is_file()
    row.saw("stopped, with its state")


def test_a_stop_in_a_step_that_does_not_end_says_that_it_did_not_save(
    row: Row, tmp_path: Path, prepared: Callable[[Path], Voice], monkeypatch: pytest.MonkeyPatch
) -> None:
    row.of(
        "SIGTERM in a step longer than the grace",
        "Exit 130, StageStopped says that nothing was saved and where training resumes",
    )
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    voice = prepared(tmp_path)
    with faults("slow-step@3:60,grace:0.02"):
        engine = voice.start()
        wait_for(lambda: has(engine, TrainStepped, step=2), "step 2")
        time.sleep(1)  # a stop before step 3 has begun would be an ordinary one
        os.kill(engine.pid, signal.SIGTERM)
        assert engine.process is not None
        assert engine.process.wait(20) == 130
    end = voice.last_run()[-1]
    assert isinstance(end, StageStopped) and (end.saved, end.after_step) == (False, 0)
    assert voice.checkpoints() == []
    printed = voice.rvc("status", voice.name).stdout
    assert "ended without saving" in printed and "training resumes at the start" in printed
    assert list(folder.iterdir()) == []  # ended at once, and yet nothing is left there
    row.saw("in step 3 of 60 s: exit 130, not saved, nothing left in the temporary folder")
