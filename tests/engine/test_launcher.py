"""An engine that waits for its settings while the command that started it still checks."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from rvc_engine.errors import RvcError
from rvc_engine.experiment import Experiment
from rvc_engine.run.launcher import WaitingEngine
from rvc_engine.settings import ExperimentSettings
from rvc_engine.workspace import Workspace
from tests.faults.harness import wait_for


@pytest.fixture
def experiment(tmp_path: Path) -> Experiment:
    return Workspace(tmp_path).experiment("voice")


def test_an_engine_that_is_not_wanted_ends_and_writes_nothing(experiment: Experiment, tmp_path: Path) -> None:
    processes: list[psutil.Process] = []

    def both() -> bool:
        processes[:] = [supervisor, *supervisor.children(recursive=True)]
        return len(processes) >= 2

    with pytest.raises(RvcError, match="no such folder"), WaitingEngine(experiment, ["preprocess", "pitch"]) as waiting:
        assert waiting.child is not None
        supervisor = psutil.Process(waiting.child.process.pid)
        wait_for(both, "supervisor and engine")
        raise RvcError("no such folder")
    _, alive = psutil.wait_procs(processes, timeout=30)
    assert not alive and not list(tmp_path.iterdir())


def test_what_an_engine_says_that_cannot_start_is_reported_and_logged(experiment: Experiment) -> None:
    with WaitingEngine(experiment, ["cooking"]) as waiting, pytest.raises(RvcError, match="did not start") as caught:
        waiting.go(ExperimentSettings(preset="starter"))
    assert "cooking" in caught.value.message
    assert "cooking" in experiment.engine_log.read_text() and str(experiment.engine_log) in caught.value.hint


def test_an_engine_that_the_system_does_not_start_is_reported_at_go(
    experiment: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not before: what the caller finds wrong while it checks comes first."""
    monkeypatch.setattr("sys.executable", "/nowhere/python")
    with WaitingEngine(experiment, ["preprocess"]) as waiting, pytest.raises(RvcError, match="did not start") as caught:
        waiting.go(ExperimentSettings(preset="starter"))
    assert "/nowhere/python" in str(caught.value) and not experiment.folder.exists()
