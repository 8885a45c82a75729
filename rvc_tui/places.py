"""The screens that are one key away, in their order."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """`short` is its name where there is little room."""

    key: str
    name: str
    short: str


PLACES = (
    Place("1", "experiments", "exp"),
    Place("2", "dataset", "data"),
    Place("3", "preprocess", "prep"),
    Place("4", "pitch", "f0"),
    Place("5", "features", "feat"),
    Place("6", "train", "train"),
    Place("7", "index", "idx"),
    Place("8", "convert", "conv"),
    Place("9", "voices", "voice"),
    Place("0", "queue", "queue"),
    Place("a", "assets", "get"),
)


def beside(name: str, step: int, there: Container[str]) -> str:
    """The place after (1) or before (-1) another, of those that are there; after the last comes the first."""
    names = [place.name for place in PLACES if place.name in there]
    return names[(names.index(name) + step) % len(names)] if name in names else names[0]
