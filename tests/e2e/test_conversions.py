"""rvc convert as a run like any other: it outlives its terminal, is followed, stopped, and resumed."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
import soundfile

from rvc_engine.common.user import cache_folder
from rvc_engine.events import Converted, RunFinished, StageFailed, StageStopped
from rvc_engine.experiment import Experiment
from rvc_engine.run import conversions
from rvc_engine.run.conversions import KEPT, new_conversion
from rvc_engine.run.journal import history
from rvc_engine.workspace import Workspace
from tests.conftest import Rvc
from tests.tiny_voice import save_voice

FAST = ("--pitch-method", "praat", "--device", "cpu", "--plain")
FEW, MANY = 2, 120


@pytest.fixture
def folder(rvc: Rvc, tmp_path: Path) -> Path:
    """A voice in the workspace, and a folder of recordings of half a second."""
    save_voice(rvc.home / "weights" / "v.pth")
    recordings = tmp_path / "recordings"
    recordings.mkdir()
    t = np.arange(8000) / 16000
    for i in range(MANY):
        soundfile.write(recordings / f"{i:03}.wav", 0.3 * np.sin(2 * np.pi * (150 + i) * t), 16000)
    return recordings


def ends(conversion: Experiment) -> list[object]:
    return [event for event in history(conversion.runs) if isinstance(event, RunFinished | StageStopped | StageFailed)]


def wait_for(done: object, what: str, seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if done():  # type: ignore[operator]
            return
        time.sleep(0.05)
    raise AssertionError(f"{what} did not happen")


def results(output: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in output.glob("*.wav")}


def engine_of(conversion: Experiment) -> psutil.Process:
    return psutil.Process(json.loads(conversion.heartbeat.read_text())["pid"])


@pytest.mark.soak
def test_detached_stopped_and_resumed(rvc: Rvc, folder: Path, tmp_path: Path) -> None:
    output, conversion = tmp_path / "out", Workspace(rvc.home).experiment("conversions/1")
    words = ("convert", "v", folder, "--output", output, *FAST)
    begun = rvc(*words, "--detach")
    assert begun.returncode == 0 and "rvc attach conversions/1 follows it" in begun.stdout, begun.stderr
    wait_for(lambda: len(results(output)) >= FEW, "a result")
    stopped = rvc("stop", "conversions/1")
    first = results(output)
    assert stopped.returncode == 0 and FEW <= len(first) < MANY, stopped.stderr
    assert isinstance(ends(conversion)[-1], StageStopped)
    followed = rvc("attach", "conversions/1", "--plain")
    assert followed.returncode == 130 and "the same rvc convert resumes it" in followed.stdout

    (output / sorted(first)[0]).write_bytes(b"somebody else's")
    again = rvc(*words)
    assert again.returncode == 0, again.stdout + again.stderr
    assert not (rvc.home / "conversions" / "2").exists()
    last = results(output)
    assert len(last) == MANY and again.stdout.count("artefact: ") == MANY
    kept = [name for name in first if last[name] == first[name]]
    assert kept == [name for name in first if name != sorted(first)[0]], "only what is missing or changed is made anew"
    assert isinstance(ends(conversion)[-1], RunFinished)

    status = json.loads(rvc("status", "conversions/1", "--json").stdout)
    assert status["state"] == "finished" and len(status["artefacts"]) == MANY
    third = rvc(*words[:2], folder / "000.wav", "--output", tmp_path / "one.wav", *FAST)
    assert third.returncode == 0 and (rvc.home / "conversions" / "2").is_dir()


@pytest.mark.soak
def test_it_outlives_its_terminal_and_says_how_its_engine_died(rvc: Rvc, folder: Path, tmp_path: Path) -> None:
    output, conversion = tmp_path / "out", Workspace(rvc.home).experiment("conversions/1")
    words = ("convert", "v", folder, "--output", output, *FAST)
    terminal = rvc.start(*words)
    wait_for(lambda: results(output), "a result")
    terminal.kill()
    terminal.wait()
    before = len(results(output))
    wait_for(lambda: len(results(output)) > before, "a result after its terminal was killed")
    engine_of(conversion).kill()
    wait_for(lambda: ends(conversion), "an end in the log")
    failed = ends(conversion)[-1]
    assert isinstance(failed, StageFailed) and "the same rvc convert resumes it" in failed.hint
    first = results(output)
    done = rvc(*words, timeout=180)
    assert done.returncode == 0 and len(results(output)) == MANY, done.stdout + done.stderr
    assert {name: results(output)[name] for name in first} == first
    assert len([event for event in history(conversion.runs) if isinstance(event, Converted)]) >= MANY


@pytest.mark.soak
def test_another_voice_under_the_same_name_converts_all_anew(rvc: Rvc, folder: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    words = ("convert", "v", folder, "--output", output, *FAST)
    process = rvc.start(*words)
    wait_for(lambda: results(output), "a result")
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    first = results(output)
    save_voice(rvc.home / "weights" / "v.pth", seed=7)
    done = rvc(*words, timeout=180)
    assert done.returncode == 0, done.stdout + done.stderr
    assert all(results(output)[name] != first[name] for name in first)


def test_what_only_the_engine_can_see_is_bad_input_too(rvc: Rvc, folder: Path, tmp_path: Path) -> None:
    (rvc.home / "weights" / "v.pth").write_bytes(b"PK\x03\x04 torn")
    done = rvc("convert", "v", folder / "000.wav", "--output", tmp_path / "out.wav", *FAST)
    assert done.returncode == 2 and str(rvc.home / "weights" / "v.pth") in done.stderr, done.stdout
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "out.wav").exists() and "Traceback" not in done.stdout + done.stderr


@pytest.mark.soak
def test_outside_a_workspace_nothing_is_left_in_the_folder(
    folder: Path, rvc: Rvc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    elsewhere = Rvc(tmp_path / "elsewhere")
    elsewhere.home.mkdir()
    voice = rvc.home / "weights" / "v.pth"
    done = elsewhere("convert", voice, folder / "000.wav", "--output", tmp_path / "out.wav", "--index", "none", *FAST)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not list(elsewhere.home.iterdir())
    assert (cache_folder() / "conversions" / "1" / "runs").is_dir()
    assert elsewhere("attach", "conversions/1", "--plain").returncode == 0


def test_folders_of_old_conversions_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = Workspace(tmp_path)
    workspace.weights.mkdir()
    for number in range(1, KEPT + 3):
        os.makedirs(tmp_path / "conversions" / str(number))
    (tmp_path / "conversions" / "notes").mkdir()
    monkeypatch.setattr(conversions, "live_holder", lambda lock: lock.parent.name == "2" or None)
    made = new_conversion(workspace)
    assert made.name == f"conversions/{KEPT + 3}"
    there = {path.name for path in (tmp_path / "conversions").iterdir()}
    assert "1" not in there and {"2", "notes", str(KEPT + 3)} <= there
