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


class OnGpus:
    """`rvc ...` in a workspace on simulated GPUs, as real processes."""

    def __init__(self, home: Path, built: Path) -> None:
        self.home, self.built = home, built

    def command(self, *words: str | Path) -> list[str]:
        return [sys.executable, "-m", "rvc_engine", *map(str, words), "--home", str(self.home)]

    def environment(self, **gpu: Any) -> dict[str, str]:
        base = {**rvc_environment(), "XDG_CACHE_HOME": str(self.home / "cache")}
        return pretend.environment(self.built, base, **gpu)

    def __call__(self, *words: str | Path, **gpu: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*words), capture_output=True, text=True, timeout=280, env=self.environment(**gpu), cwd=ROOT
        )

    def start(self, *words: str | Path, **gpu: Any) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.command(*words),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=self.environment(**gpu),
        )

    def events(self, name: str, kind: str) -> list[dict[str, Any]]:
        found = []
        for journal in sorted((self.home / "logs" / name / "runs").rglob("*.jsonl")):
            found += [json.loads(line) for line in journal.read_text().splitlines()]
        return [event for event in found if event["event"] == kind]


@pytest.fixture
def rvc(built: Path, tmp_path: Path) -> OnGpus:
    home = tmp_path / "home"
    (home / "pretrained").mkdir(parents=True)
    return OnGpus(home, built)
