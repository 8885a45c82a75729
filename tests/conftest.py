"""What several tests share: a workspace of its own, real speech, and the command line as a real process."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ["OMP_NUM_THREADS"] = "1"  # before torch is loaded: two workers with two threads each would wait for one another

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = ROOT / "samples"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An empty workspace."""
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


@pytest.fixture(scope="session")
def speech() -> list[Path]:
    """Three short real recordings, shortest first."""
    return sorted((SAMPLES / "target").glob("*.flac"), key=lambda p: p.stat().st_size)[:3]


@pytest.fixture
def dataset(tmp_path: Path, speech: list[Path]) -> Path:
    """A folder with three short real recordings."""
    folder = tmp_path / "recordings"
    folder.mkdir()
    for path in speech:
        shutil.copy(path, folder / path.name)
    return folder


def rvc_environment() -> dict[str, str]:
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    return {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}


class Rvc:
    """Runs `rvc ...` in a workspace as a real process."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def __call__(self, *words: str | Path, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "rvc_engine", *map(str, words), "--home", str(self.home)]
        return subprocess.run(command, capture_output=True, text=True, timeout=timeout, env=rvc_environment(), stdin=subprocess.DEVNULL)

    def start(self, *words: str | Path) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "rvc_engine", *map(str, words), "--home", str(self.home)]
        return subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=rvc_environment(), stdin=subprocess.DEVNULL
        )


@pytest.fixture
def rvc(home: Path) -> Rvc:
    return Rvc(home)
