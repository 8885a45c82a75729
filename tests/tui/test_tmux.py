"""The real app in a real terminal, by keys alone: a voice is made, the app is killed in the middle, and the next one finds the run."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from rvc_engine.experiment import Workspace
from rvc_engine.lock import live_holder
from tests.conftest import ROOT, rvc_environment

pytestmark = pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")


class Tmux:
    """A server of its own with one window."""

    def __init__(self, folder: Path, size: tuple[int, int] = (80, 24)) -> None:
        self.folder, self.home = folder, folder / "home"
        self.opened = 0
        self.home.mkdir()
        self.size = size
        self.environment = {**rvc_environment(), "TERM": "xterm-256color", "LC_ALL": "C.UTF-8", "SHELL": "/bin/sh"}

    def __call__(self, *words: str) -> str:
        command = ["tmux", "-S", self.socket, "-f", "/dev/null", *words]
        return subprocess.run(command, capture_output=True, text=True, check=True, env=self.environment).stdout

    @property
    def socket(self) -> str:
        """A new one each time: a server that was killed may hold its own for a moment."""
        return str(self.folder / f"tmux{self.opened}")

    def open(self) -> None:
        self.opened += 1
        shell = f"{sys.executable} -m rvc_tui --home {self.home}; exec sh"
        self("new-session", "-d", "-x", str(self.size[0]), "-y", str(self.size[1]), "-c", str(ROOT), shell)

    def press(self, *keys: str) -> None:
        for key in keys:
            self("send-keys", key)
            time.sleep(0.15)

    def type(self, text: str) -> None:
        self("send-keys", "-l", text)
        time.sleep(0.15)

    def screen(self) -> str:
        return self("capture-pane", "-p")

    def wait_for(self, *words: str, limit_s: float = 60.0) -> str:
        """The screen once one of these words is on it."""
        deadline = time.monotonic() + limit_s
        while not any(word in (shown := self.screen()) for word in words):
            assert time.monotonic() < deadline, f"none of {words} within {limit_s:.0f} s:\n{shown}"
            time.sleep(0.1)
        return shown

    def app(self) -> psutil.Process:
        """The process of the app, below the window's shell."""
        window = psutil.Process(int(self("display-message", "-p", "#{pane_pid}")))
        return next(p for p in [window, *window.children(recursive=True)] if "rvc_tui" in p.cmdline())


@pytest.fixture
def tmux(tmp_path: Path) -> Iterator[Tmux]:
    server = Tmux(tmp_path)
    yield server
    subprocess.run(["tmux", "-S", server.socket, "kill-server"], capture_output=True, check=False)
    for experiment in Workspace(server.home).experiments():
        subprocess.run(
            [sys.executable, "-m", "rvc_engine", "stop", experiment.name, "--home", str(server.home)], env=rvc_environment(), check=False
        )


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
    shown = tmux.wait_for("artefact: ")
    assert str(tmux.home / "weights" / "alice.pth") in shown.replace("\n", "")


def set_epochs(tmux: Tmux, epochs: str) -> None:
    """In the form of the train screen, whose first row they are."""
    tmux.press("Enter")
    tmux.press(*["BSpace"] * 4)
    tmux.type(epochs)
    tmux.press("Enter")
    tmux.wait_for(f"epochs             {epochs} epochs")
