"""The screens by name. Each is imported and made when it is first shown, and kept: what the first paint does not need
comes later."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import partial
from typing import Any

MODULES = {
    "experiments": "experiments.ExperimentsScreen",
    "dataset": "dataset.DatasetScreen",
    "preprocess": "stage.PreprocessScreen",
    "pitch": "stage.PitchScreen",
    "features": "stage.FeaturesScreen",
    "train": "train.TrainScreen",
    "index": "stage.IndexScreen",
    "convert": "convert.ConvertScreen",
    "voices": "voices.VoicesScreen",
    "queue": "queue.QueueScreen",
    "assets": "assets.AssetsScreen",
}


def screen_class(place: str) -> Any:
    module, _, name = MODULES[place].partition(".")
    return getattr(importlib.import_module(f"rvc_tui.screens.{module}"), name)


def make(place: str) -> Any:
    return screen_class(place)()


SCREENS: dict[str, Callable[[], Any]] = {place: partial(make, place) for place in MODULES}


def __getattr__(name: str) -> Any:
    """SHOWN: the class of every screen, in the order of the keys."""
    if name == "SHOWN":
        return tuple(map(screen_class, MODULES))
    raise AttributeError(name)
