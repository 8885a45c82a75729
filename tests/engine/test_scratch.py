"""Temporary files of an engine and of its libraries: none is left, however it ends."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from rvc_engine.common import scratch
from rvc_engine.common.scratch import scratch_folder
from tests.conftest import rvc_environment
from tests.faults.harness import wait_for

ENGINE = """
import os, signal, sys
from rvc_engine.machine.workers import prepare_workers, worker_pool
if __name__ == "__main__":
    prepare_workers(["json"])
    print(worker_pool(1).submit(os.getpid).result(), os.environ["TMPDIR"], flush=True)
    os.kill(os.getppid(), signal.SIGKILL) if sys.argv[1] == "both" else None
    os._exit(0) if sys.argv[1] == "exit" else os.kill(os.getpid(), signal.SIGKILL)
"""
SUPERVISOR = """
import subprocess, sys, os
from rvc_engine.common.scratch import scratch_folder
with scratch_folder() as (variables, held):
    subprocess.call([sys.executable, "-c", sys.argv[1], sys.argv[2]], env={**os.environ, **variables}, pass_fds=held)
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The system's temporary folder of these tests."""
    path = Path(tempfile.mkdtemp(prefix="rvct-"))  # short: sockets are put below it
    monkeypatch.setattr(tempfile, "tempdir", str(path))
    monkeypatch.setenv("TMPDIR", str(path))
    yield path
    scratch.shutil.rmtree(path)


def keep(how: str) -> None:
    """A supervisor whose engine has a worker and ends so."""
    command = [sys.executable, "-c", SUPERVISOR, ENGINE, how]
    subprocess.run(command, env=rvc_environment(), check=how != "both", timeout=60, stdout=subprocess.PIPE)


@pytest.mark.parametrize("how", ["exit", "kill"])
def test_an_engine_leaves_nothing(folder: Path, how: str) -> None:
    keep(how)
    assert list(folder.iterdir()) == []


def test_what_was_killed_with_its_supervisor_goes_at_the_next_start(folder: Path) -> None:
    keep("both")
    wait_for(lambda: free(folder), "the end of what it had started")
    (other := folder / "rvc-run-of-others").mkdir()
    held = os.open(other, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    (folder / "pymp-of-another-program").mkdir()
    with scratch_folder() as (variables, _):
        here = sorted(path.name for path in folder.iterdir())
        assert here == sorted([Path(variables["TMPDIR"]).name, "pymp-of-another-program", "rvc-run-of-others"])
    os.close(held)


def free(folder: Path) -> bool:
    for path in folder.iterdir():
        descriptor = os.open(path, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        finally:
            os.close(descriptor)
    return any(folder.iterdir())


def test_a_folder_with_a_long_name_is_no_place_for_sockets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    long = tmp_path / ("long" * 20)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    with scratch_folder() as (variables, held):
        assert len(variables["TMPDIR"]) + 49 <= 107 and len(held) == 1
    assert not Path(variables["TMPDIR"]).exists()


@pytest.mark.parametrize("broken", [PermissionError(13, "no"), FileNotFoundError(2, "no"), OSError(28, "full")])
def test_without_a_place_the_engine_goes_without(monkeypatch: pytest.MonkeyPatch, broken: OSError) -> None:
    def refuse(**words: object) -> str:
        raise broken

    monkeypatch.setattr(tempfile, "mkdtemp", refuse)
    with scratch_folder() as made:
        assert made == ({}, ())


POOL = """
import os, signal, sys
from rvc_engine.machine.workers import worker_pool
if __name__ == "__main__":
    worker_pool(1).submit(os.getpid).result()
    os.kill(os.getpid(), signal.SIGKILL) if sys.argv[1] == "kill" else None
"""


def test_commands_with_workers_leave_nothing_either(folder: Path) -> None:
    """One that was killed leaves it to the next."""

    def run(how: str) -> None:
        subprocess.run([sys.executable, "-c", POOL, how], env=rvc_environment(), timeout=60)

    run("kill")
    wait_for(lambda: free(folder), "the end of its worker")
    assert [path.name.startswith("rvc-run-") for path in folder.iterdir()] == [True]
    run("end")
    assert list(folder.iterdir()) == []
