"""Keys that come together, as from a script or a paste of a terminal without bracketed paste: each reaches what the one before opened."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from terminal import Terminal

from rvc_engine.experiment import Workspace
from tests.conftest import rvc_environment


@pytest.fixture
def app(home: Path) -> Iterator[Terminal]:
    words = [sys.executable, "-m", "rvc_tui", "--home", str(home), "--no-mouse"]
    terminal = Terminal(words, {**rvc_environment(), "TERM": "xterm", "LC_ALL": "C.UTF-8"})
    yield terminal
    terminal.close()


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
