from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))


@pytest.fixture(autouse=True)
def _same_everywhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Clock times, themes and language do not depend on who runs the tests."""
    for name in ("TEXTUAL_THEME", "NO_COLOR", "TMUX", "RVC_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.setenv("LANGUAGE", "en")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()
