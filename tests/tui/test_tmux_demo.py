"""The demo by keys alone: what samples/demo.py does, in the app, from an empty workspace; the app is killed in the
middle."""

from __future__ import annotations

import importlib.util
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from terminal import Tmux, needs_tmux, tmux_in

from rvc_engine.common.lock import live_holder
from rvc_engine.workspace import Workspace
from rvc_tui.places import PLACES
from tests.conftest import SAMPLES

pytestmark = [needs_tmux, pytest.mark.soak]
LIMIT_S = 2400.0  # two minutes on two free cores


@pytest.fixture
def tmux(tmp_path: Path) -> Iterator[Tmux]:
    with tmux_in(tmp_path) as server:
        yield server


def test_the_demo_by_keys_alone(tmux: Tmux) -> None:
    tmux.open()
    tmux.wait_for("none yet: n makes one")
    tmux.press("n")
    tmux.wait_for("Name of the experiment")
    tmux.press("n")
    for text in ("demo", str(SAMPLES / "target"), "starter"):
        tmux.type(text)
        tmux.press("Enter")
    tmux.press("Enter")
    tmux.wait_for("preset starter")
    tmux.press("6", "Enter", "BSpace", "BSpace")
    tmux.type("6")
    tmux.press("Enter")
    tmux.wait_for("epochs             6 epochs")
    tmux.press("r")
    tmux.wait_for("enter or r  start")
    tmux.press("Enter")
    tmux.wait_for("/6  step", limit_s=LIMIT_S)

    look_at_every_screen(tmux)
    engine = live_holder(Workspace(tmux.home).experiment("demo").lock)
    os.kill(tmux.app().pid, signal.SIGKILL)
    tmux("kill-server")
    assert engine is not None and psutil.pid_exists(engine.pid), "the run ended with the app"
    tmux.open()
    assert "demo" in tmux.wait_for(f"process {engine.pid}", "finished after")
    tmux.wait_for("finished after", limit_s=LIMIT_S)

    tmux.press("8")
    tmux.wait_for("[8 conv]")
    choose_the_voice(tmux)
    tmux.press("f")
    tmux.wait_for("Recordings: a file")
    tmux.type(str(SAMPLES / "sources" / "*.flac"))
    tmux.press("Enter")
    tmux.wait_for("x converts")
    tmux.press("x")
    tmux.wait_for("2 converted", limit_s=300)
    tmux.press("q")
    page = tmux.wait_for("written: ").replace("\n", "")
    sources = sorted((SAMPLES / "sources").glob("*.flac"))
    results = [tmux.home / "converted" / "demo" / f"{source.stem}.wav" for source in sources]
    assert [f"written: {result}" in page for result in results] == [True, True], page
    assert f"artefact: {tmux.home / 'weights' / 'demo.pth'}" in page
    faults_of = demo_faults()
    assert [faults_of(source, result) for source, result in zip(sources, results, strict=True)] == [[], []]


def choose_the_voice(tmux: Tmux) -> None:
    """The list of voices is read when the screen is first displayed: until then only a path can be typed."""
    deadline = time.monotonic() + 60
    tmux.press("v")
    while "demo " not in tmux.wait_for("Which voice?").partition("Which voice?")[2]:
        assert time.monotonic() < deadline, tmux.screen()
        tmux.press("Escape")
        time.sleep(1)
        tmux.press("v")
    tmux.press("Enter")
    tmux.wait_for("voice    demo")


def look_at_every_screen(tmux: Tmux) -> None:
    for place in PLACES:
        tmux.press(place.key)
        tmux.wait_for(f"[{place.key} {place.short}]", f"[{place.name}]")
        tmux.wait_for("? help q quit")
        lines = [line for line in tmux.screen().splitlines() if line.strip()]
        assert "demo" in lines[0] and lines[-1].endswith("? help q quit")
        assert any(letter.isalpha() for line in lines[4:-1] for letter in line), "nothing is below the row of screens"
        tmux.press("?")
        tmux.wait_for("run the whole pipeline")
        tmux.press("q")
        tmux.wait_for("? help q quit")


def demo_faults() -> Callable[[Path, Path], list[str]]:
    """Duration, silence, values that are not finite, clipping, and whether it is only its source: as the demo itself
    judges."""
    described = importlib.util.spec_from_file_location("demo", SAMPLES / "demo.py")
    assert described is not None and described.loader is not None
    module = importlib.util.module_from_spec(described)
    described.loader.exec_module(module)
    judged: Callable[[Path, Path], list[str]] = module.faults_of
    return judged
