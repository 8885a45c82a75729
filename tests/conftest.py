"""What several tests share: a workspace of its own, real speech, and the command line as a real process."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rvc_engine.workspace import Workspace

if TYPE_CHECKING:
    from torch import Tensor

INSTALLED = str(Path(__file__).resolve().parent / "installed")
"""What the tests add to the program, in this process and in all that it starts."""
sys.path.insert(1, INSTALLED)
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [INSTALLED, os.environ.get("PYTHONPATH", "")]))

if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ["OMP_NUM_THREADS"] = (
        "1"  # before torch is loaded: two workers with two threads each would wait for one another
    )

# started in the background by a shell: the programs under test would ignore ctrl+c
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

LONG = (
    "tui/test_every_action",
    "conformance/",
    "tui/test_tmux",
    "tui/test_ssh",
    "e2e/test_rvc_run",
    "e2e/test_queue",
    "pretrain/",
    "tui/test_snapshots",
    "training/",
    "e2e/",
)
"""Where the long tests are: they begin first, so that no worker is left with one of them at the end."""


PLACE = pytest.StashKey[int]()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sorts, and leaves to `make soak` what `few` leaves out."""
    cases: dict[str, list[pytest.Item]] = {}
    for item in items:
        cases.setdefault(item.nodeid.partition("[")[0], []).append(item)
    for name, found in cases.items():
        if few := found[0].get_closest_marker("few"):
            kept = {len(found) * i // few.args[0] for i in range(few.args[0])}
            for i, item in enumerate(found):
                if i not in kept:
                    item.add_marker(pytest.mark.soak)
        place = next((i for i, part in enumerate(LONG) if f"tests/{part}" in name), len(LONG))
        for item in found:
            item.stash[PLACE] = place
    items.sort(key=lambda item: item.stash[PLACE])


ROOT = Path(__file__).resolve().parent.parent
SAMPLES = ROOT / "samples"


@pytest.fixture(scope="session", autouse=True)
def _cache_of_the_tests(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What trainings find out about this machine does not mix with what the user's own found."""
    os.environ["XDG_CACHE_HOME"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(autouse=True)
def _own_temporary_folder() -> Iterator[None]:
    """A command that gathers its temporary files does so for its whole process: the next test has the system's folder
    again."""
    before = tempfile.tempdir
    yield
    tempfile.tempdir = before


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


@pytest.fixture(scope="session")
def rmvpe_tensors() -> dict[str, Tensor]:
    """Every key of rmvpe.pt in half precision, with numbers made from the names."""
    import torch

    from rvc_engine.pitch.rmvpe_network import Rmvpe
    from tests.conformance import recipe

    with torch.device("meta"):
        keys = Rmvpe().state_dict()
    manifest = {
        key: {"shape": list(x.shape), "dtype": "float16" if x.is_floating_point() else "int64"}
        for key, x in keys.items()
    }
    return {key: torch.as_tensor(value) for key, value in recipe.fill_state_dict(manifest).items()}


@pytest.fixture(scope="session")
def rmvpe_home(rmvpe_tensors: dict[str, Tensor], tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace that holds pretrained/rmvpe.pt."""
    import torch

    workspace = Workspace(tmp_path_factory.mktemp("rmvpe"))
    workspace.pretrained.mkdir()
    torch.save(rmvpe_tensors, workspace.pretrained / "rmvpe.pt")
    return workspace


def rvc_environment() -> dict[str, str]:
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    return {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}


class Rvc:
    """Runs `rvc ...` in a workspace as a real process."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def __call__(self, *words: str | Path, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "rvc_engine", *map(str, words), "--home", str(self.home)]
        return subprocess.run(
            command, capture_output=True, text=True, timeout=timeout, env=rvc_environment(), stdin=subprocess.DEVNULL
        )

    def start(self, *words: str | Path) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "rvc_engine", *map(str, words), "--home", str(self.home)]
        return subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=rvc_environment(),
            stdin=subprocess.DEVNULL,
        )


@pytest.fixture
def rvc(home: Path) -> Rvc:
    return Rvc(home)
