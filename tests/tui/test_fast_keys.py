"""Keys that come together, as from a script or a paste of a terminal without bracketed paste: each reaches what the one
before opened."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from terminal import Terminal

from rvc_engine.experiment import Experiment
from rvc_engine.settings import for_preset
from rvc_engine.workspace import Workspace
from tests.conftest import rvc_environment
from tests.hostile.text import FILE_NAME


@pytest.fixture
def app(home: Path) -> Iterator[Terminal]:
    words = [sys.executable, "-m", "rvc_tui", "--home", str(home), "--no-mouse"]
    terminal = Terminal(words, {**rvc_environment(), "TERM": "xterm", "LC_ALL": "C.UTF-8"})
    yield terminal
    terminal.close()


@pytest.mark.soak
def test_an_experiment_in_one_write(app: Terminal, home: Path, dataset: Path) -> None:
    """Letters of the texts are keys of the screens below: s, r, x and q among them."""
    app.read(b"none yet")
    made = f"nnquarx\r{dataset}\rstarter-tiny\r\r"
    set_and_chosen = f"3jj\r-30\r8f{dataset}\ro/tmp/xcvq\r"
    app.type(f"{made}{set_and_chosen}q".encode())
    app.read()
    assert app.wait() == 0, "q was not the last key, or it was typed into a field"
    experiment = Workspace(home).experiment("quarx")
    settings = experiment.load_settings()
    assert (settings.dataset, settings.preset) == (str(dataset), "starter-tiny")
    assert settings.preprocess.threshold_db == -30
    kept = (home / "convert.toml").read_text()
    assert str(dataset) in kept and "/tmp/xcvq" in kept


@pytest.mark.parametrize("last", [b"q", b"\x03"])
@pytest.mark.soak
def test_keys_after_the_last_one(app: Terminal, last: bytes) -> None:
    """They come while the screens go."""
    app.read(b"none yet")
    app.type(b"90a" + last + b"yrsxn?:@e/Dj\r\x1b\t" * 20)
    app.read()
    assert app.wait() == 0
    assert b"Traceback" not in app.got and b"Error" not in app.got


def test_an_editor_that_is_not_there(home: Path) -> None:
    """The app takes its terminal back."""
    Workspace(home).experiment("alice").save_settings(for_preset("starter", dataset=str(home)))
    words = [sys.executable, "-m", "rvc_tui", "--home", str(home), "--no-mouse"]
    environment = {**rvc_environment(), "TERM": "xterm", "LC_ALL": "C.UTF-8", "EDITOR": "/no/such/editor", "VISUAL": ""}
    terminal = Terminal(words, environment)
    try:
        terminal.read(b"no run yet")
        terminal.type(b"e")
        assert b"does not start" in terminal.read(b"does not start")
        terminal.type(b"?")
        assert b"experiments" in terminal.read(b"experiments")
        terminal.type(b"qq")  # out of the help, out of the app
        terminal.read()
        assert terminal.wait() == 0
    finally:
        terminal.close()


@pytest.mark.soak
def test_a_hostile_workspace_on_a_real_terminal(tmp_path: Path) -> None:
    """Byte by byte: codes of the app's own, and none that a name brought."""
    home = tmp_path / FILE_NAME
    name = FILE_NAME.replace("/", "")
    for one in (name, "b" + name):
        workspace = Workspace(home)  # a name that only another program gives
        Experiment(workspace.logs / one, workspace).save_settings(for_preset("starter", dataset=str(home)))
    terminal = Terminal(
        [sys.executable, "-m", "rvc_tui", "--home", str(home), "--no-mouse", name],
        {**rvc_environment(), "TERM": "xterm", "LC_ALL": "C.UTF-8"},
    )
    try:
        terminal.read(b"Stages")
        for keys in (b"j", b"D", b"n", b"2", b"8", b"9", b"1", b"r", b"\x1b", b"@", b"y", b"\x1b", b"q"):
            terminal.type(keys)
            terminal.read(b"\0", 0.2)
        terminal.read()
        assert terminal.wait() == 0
    finally:
        terminal.close()
    assert b"x1b]0;owned" in terminal.got
    for piece in ("\x1b]0", "\x9b", "\x90", "\u202e", "\u2066", "\u200b", "\u2028", "\x7f", "\x07txt"):
        assert piece.encode() not in terminal.got, piece
