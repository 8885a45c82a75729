"""The pitch methods that tests run: all that need no weights, those of extras where they are installed."""

from __future__ import annotations

import pytest

from rvc_engine.registry import PITCH_TRACKERS

ALWAYS = ["praat", "swift"]
EXTRA = ["harvest", "dio", "fcpe"]


def needs(method: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(not PITCH_TRACKERS.get(method).is_installed(), reason=f"{method} is not installed")


METHODS = [*ALWAYS, *(pytest.param(method, marks=needs(method)) for method in EXTRA)]

SLOW = ("fcpe", "crepe")
ALL = [
    pytest.param(tracker.name, marks=pytest.mark.soak if tracker.name in SLOW else ())
    for tracker in PITCH_TRACKERS.all()
]
"""Every one that there is, also those that cannot run here."""
