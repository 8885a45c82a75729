"""Worker processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from rvc_engine.errors import RvcError
from rvc_engine.machine import workers


def shout(task: int) -> int:
    os.write(2, b"from a worker\n")
    return task


def test_what_workers_print_is_in_the_engines_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "LOG", tmp_path / "engine.log")
    assert sorted(workers.results_of(shout, [1, 2, 3], 2)) == [1, 2, 3]  # type: ignore[type-var]
    assert (tmp_path / "engine.log").read_text() == 3 * "from a worker\n"


KILLED_AS_THEY_START = """
import os
os.register_at_fork(after_in_child=lambda: os.kill(os.getpid(), 9))
"""


def try_workers() -> None:
    workers.LOG = Path("x" * 200_000)  # more than a pipe takes: the work of a worker is under way when it dies
    workers.prepare_workers(["killed_as_they_start"])
    try:
        list(workers.results_of(shout, [1, 2, 3], 2))  # type: ignore[type-var]
    except RvcError as error:
        print(error.title, error.hint)


def test_a_worker_that_is_killed_before_it_has_read_its_work_is_reported_as_one_killed_later(tmp_path: Path) -> None:
    (tmp_path / "killed_as_they_start.py").write_text(KILLED_AS_THEY_START)
    code = "from tests.engine.test_workers import try_workers; try_workers()"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, env=environment)
    assert "A worker process ended unexpectedly run the same command again" in done.stdout, done.stderr
