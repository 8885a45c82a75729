"""The engine: turns a folder of recordings into a voice and writes down what it does. api.py is what other programs
use; its names are here too."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rvc_engine.api import DatasetReport, Voice, describe_dataset, list_voices, load_voice, train
    from rvc_engine.errors import BadInput, RvcError

__version__ = "0.1.0"
__all__ = [
    "BadInput",
    "DatasetReport",
    "RvcError",
    "Voice",
    "describe_dataset",
    "list_voices",
    "load_voice",
    "train",
]


def __getattr__(name: str) -> Any:
    """Imported when it is first used: the command line and the app start without it."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.api"), name)
