"""The screens by name. Each is imported and made when it is first displayed, and kept: what the first paint does not
need comes later."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import cache, partial
from typing import Any

from rvc_tui.places import PLACES, Place


@cache
def screen_class(place: Place) -> Any:
    """The class; one that is for several places is derived for each."""
    module, _, name = place.screen.partition(":")
    found = getattr(importlib.import_module(module), name)
    return found if found.place else type(name, (found,), {"place": place.name})


def make(place: Place) -> Any:
    return screen_class(place)()


SCREENS: dict[str, Callable[[], Any]] = {place.name: partial(make, place) for place in PLACES}


def __getattr__(name: str) -> Any:
    """SCREEN_CLASSES: the class of every screen, in the order of the keys."""
    if name == "SCREEN_CLASSES":
        return tuple(map(screen_class, PLACES))
    raise AttributeError(name)
