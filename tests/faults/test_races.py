"""One run an experiment at a time; two experiments side by side."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from rvc_engine.common.lines import encode
from rvc_engine.common.lock import live_holder
from rvc_engine.events import ENDS, RunStarted
from rvc_engine.experiment import journals
from rvc_engine.run import launcher
from rvc_engine.run.journal import read
from rvc_engine.run.launcher import Begin
from tests.conftest import rvc_environment
from tests.faults.conftest import Row
from tests.faults.harness import SETTINGS, Voice, settings_for, wait_for, weight_differences

ONE = "One at a time: a second run on the experiment exits 3 and says who holds it"


def race_of_engines(voice: Voice, recordings: Path) -> str:
    """Two engines that wait for their settings are given them at one moment. -> what the loser said."""
    voice.experiment.folder.mkdir(parents=True, exist_ok=True)
    text = encode(Begin(settings_for(recordings, preprocess__workers="1").model_dump()))
    command = [sys.executable, "-m", "rvc_engine.run.runner", str(voice.experiment.folder)]
    command += ["--home", str(voice.home), "--stages", "preprocess"]
    racers = [
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=rvc_environment()
        )
        for _ in range(2)
    ]
    time.sleep(0.7)  # both have imported what they need and read standard input
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write(text)
        racer.stdin.flush()
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.close()
    codes = [racer.wait(60) for racer in racers]
    assert sorted(codes) == [0, 3], codes
    winner, loser = (racers[codes.index(code)] for code in (0, 3))
    assert loser.stderr is not None and winner.stderr is not None
    said = loser.stderr.read().decode()
    assert f"process {winner.pid}" in said and "holds" in said, said
    assert len(journals(voice.experiment.runs)) == 1
    first, *_, last = read(journals(voice.experiment.runs)[0])
    assert isinstance(first, RunStarted) and first.pid == winner.pid and isinstance(last, ENDS)
    assert live_holder(voice.experiment.lock) is None
    winner.stderr.close()
    loser.stderr.close()
    return said


@pytest.mark.parametrize("races", [5, pytest.param(45, marks=pytest.mark.soak)])
def test_two_engines_race_for_one_lock(row: Row, tmp_path: Path, recordings: Path, races: int) -> None:
    row.of("Two starters race for one lock, 50 times", ONE)
    for number in range(races):
        assert "holds" in race_of_engines(Voice(tmp_path / f"{number}"), recordings)
    row.saw(f"{races} races of two engines: each time one ran and the other exited 3 and named the holder", runs=races)


@pytest.mark.parametrize("races", [pytest.param(5, marks=pytest.mark.soak)])
def test_two_commands_race_for_one_lock(
    row: Row, tmp_path: Path, prepared: Callable[[Path], Voice], races: int
) -> None:
    row.of("Two `rvc run --detach` at one moment", ONE)
    for number in range(races):
        voice = prepared(tmp_path / f"{number}")
        starts = [voice.rvc.start("run", voice.name, "--detach", "--set", "train.epochs=4000") for _ in range(2)]
        said = [start.communicate(timeout=120) for start in starts]
        codes = [start.returncode for start in starts]
        running = live_holder(voice.experiment.lock)
        launcher.stop(voice.experiment, wait_s=60)
        assert sorted(codes) == [0, 3], said
        assert running is not None and f"process {running.pid}" in said[codes.index(3)][1]
        assert str(running.pid) in said[codes.index(0)][0]
        assert len(journals(voice.experiment.runs)) == 1
    row.saw(f"{races}: each time one ran and the other exited 3 and named the holder", runs=races)


@pytest.mark.soak
def test_a_lock_whose_holder_was_killed_is_taken_over(row: Row, tmp_path: Path, recordings: Path) -> None:
    row.of("A lock left by a killed engine", "A stale lock is recognised and taken over")
    voice = Voice(tmp_path)
    engine = launcher.start(voice.experiment, settings_for(recordings), ["preprocess"])
    assert engine.process is not None
    engine.process.kill()
    wait_for(lambda: live_holder(voice.experiment.lock) is not None, "the lock")
    os.kill(engine.pid, signal.SIGKILL)
    wait_for(lambda: live_holder(voice.experiment.lock) is None, "the engine's end")
    assert voice.experiment.lock.read_text()
    engine = launcher.start(voice.experiment, settings_for(recordings), ["preprocess"])
    assert engine.process is not None and engine.process.wait(60) == 0
    row.saw("the next run took the lock over and finished")


@pytest.mark.soak
def test_two_experiments_side_by_side(row: Row, tmp_path: Path, recordings: Path, reference: Voice) -> None:
    row.of("Two experiments side by side in one workspace", "Two experiments run side by side")
    words = (
        "--preset",
        "starter-tiny",
        *(word for key, value in SETTINGS.items() for word in ("--set", f"{key}={value}")),
    )
    voices = [Voice(tmp_path, name) for name in ("voice", "other")]
    starts = [voice.rvc.start("run", voice.name, "--dataset", recordings, *words, "--json") for voice in voices]
    for start in starts:
        said = start.communicate(timeout=180)
        assert start.returncode == 0, said
    for voice in voices:
        assert weight_differences(voice.experiment.small_model, reference.experiment.small_model) == []
    row.saw("both finished with the weights of a run that was alone", runs=2)
