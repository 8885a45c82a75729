"""The real app in a real terminal, by keys alone: a voice is made, the app is killed in the middle, and the next one
finds the run."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from terminal import Tmux, needs_tmux, tmux_in

from rvc_engine.common.lock import live_holder
from rvc_engine.workspace import Workspace

pytestmark = needs_tmux


@pytest.fixture
def tmux(tmp_path: Path) -> Iterator[Tmux]:
    with tmux_in(tmp_path) as server:
        yield server


def test_a_voice_by_keys_alone(tmux: Tmux, dataset: Path) -> None:
    tmux.open()
    tmux.wait_for("none yet: n makes one")
    tmux.press("n")
    tmux.wait_for("Name of the experiment")
    tmux.press("n")
    for text in ("alice", str(dataset), "starter-tiny"):
        tmux.type(text)
        tmux.press("Enter")
    tmux.press("Enter")
    tmux.wait_for("preset starter-tiny")
    tmux.press("4")
    tmux.wait_for("[4 f0]")
    tmux.press("Space")  # auto, then praat
    tmux.wait_for("default auto")
    tmux.press("6")
    tmux.wait_for("[6 train]")
    set_epochs(tmux, "5000")
    tmux.press("r")
    tmux.wait_for("enter or r  start")
    tmux.press("Enter")
    tmux.wait_for("running for")
    tmux.wait_for("/5000  step")

    engine = live_holder(Workspace(tmux.home).experiment("alice").lock)
    os.kill(tmux.app().pid, signal.SIGKILL)
    tmux("kill-server")
    assert engine is not None and psutil.pid_exists(engine.pid), "the run ended with the app"
    tmux.open()
    assert "alice" in tmux.wait_for(f"process {engine.pid}")
    tmux.press("s")
    tmux.wait_for("Stop the run of alice?")
    tmux.press("y")
    tmux.wait_for("stopped after")

    tmux.press("6")
    tmux.wait_for("[6 train]")
    tmux.press("t")
    tmux.wait_for("learning_rate")
    set_epochs(tmux, "1")  # more than that is done: the run ends with the voice as it is
    tmux.press("r")
    tmux.wait_for("enter or r  start")
    tmux.press("Enter")
    tmux.wait_for("finished after")
    tmux.press("q")
    page = tmux.wait_for("artefact: ")
    assert str(tmux.home / "weights" / "alice.pth") in page.replace("\n", "")


def set_epochs(tmux: Tmux, epochs: str) -> None:
    """In the form of the train screen, whose first row they are."""
    tmux.press("Enter")
    tmux.press(*["BSpace"] * 4)
    tmux.type(epochs)
    tmux.press("Enter")
    tmux.wait_for(f"epochs             {epochs} epochs")
