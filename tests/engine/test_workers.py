"""Worker processes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rvc_engine import workers


def shout(task: int) -> int:
    os.write(2, b"from a worker\n")
    return task


def test_what_workers_print_is_in_the_engines_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "LOG", tmp_path / "engine.log")
    assert sorted(workers.results_of(shout, [1, 2, 3], 2)) == [1, 2, 3]  # type: ignore[type-var]
    assert (tmp_path / "engine.log").read_text() == 3 * "from a worker\n"
