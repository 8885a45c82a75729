"""Paths that people type into fields."""

from __future__ import annotations

from rvc_engine.common import given_paths
from rvc_engine.errors import BadInput


def clean_path(text: str) -> str:
    """As the engine's clean_path. What that refuses stays as it was typed: the command that gets it says why."""
    try:
        return given_paths.clean_path(text)
    except BadInput:
        return text.strip()
