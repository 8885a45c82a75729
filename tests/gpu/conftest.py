"""Python on a simulated GPU."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT, rvc_environment
from tests.gpu import pretend

OnGpu = Callable[..., Any]


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The libraries of the simulated GPU; skips with the reason where there can be none."""
    if reason := pretend.why_not():
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("gpu")
    pretend.build(folder)
    return folder


@pytest.fixture
def on_gpu(built: Path) -> OnGpu:
    """Runs Python code in a process on a simulated GPU and returns what its last line says in JSON."""

    def run(code: str, **gpu: Any) -> Any:
        environment = pretend.environment(built, rvc_environment(), **gpu)
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, env=environment, cwd=ROOT, timeout=300
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return json.loads(done.stdout.splitlines()[-1])

    return run
