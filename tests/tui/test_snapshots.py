"""How the screens look at 80x24. `pytest tests/tui --snapshot-update` accepts a new look."""

from __future__ import annotations

from typing import Any

import pytest
from snapshot_app import app_of, settle


@pytest.mark.parametrize("scenario", ["idle", "training", "finished", "failed"])
def test_experiments(snap_compare: Any, scenario: str) -> None:
    assert snap_compare(app_of(scenario), terminal_size=(80, 24), run_before=settle)


@pytest.mark.parametrize("screen", ["preprocess", "train"])
def test_screens(snap_compare: Any, screen: str) -> None:
    assert snap_compare(app_of("training", first=screen), terminal_size=(80, 24), run_before=settle)
