"""The screens that are one key away, in their order: a row each. Keys, palette, help and the row of screens read it."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass

from rvc_engine.registry import STAGES


@dataclass(frozen=True)
class Place:
    """`key`: empty for one that the palette and the arrows reach. `short` is its name where there is little room.
    `screen`: "module:class", imported when it is first displayed: the first paint waits for nothing that is not seen.
    What is known of a screen before that stands here, and not there."""

    key: str
    name: str
    short: str
    screen: str


STAGE = "rvc_tui.screens.stage:StageScreen"
OWN = (
    Place("1", "experiments", "exp", "rvc_tui.screens.experiments:ExperimentsScreen"),
    Place("2", "dataset", "data", "rvc_tui.screens.dataset:DatasetScreen"),
    Place("3", "preprocess", "prep", STAGE),
    Place("4", "pitch", "f0", STAGE),
    Place("5", "features", "feat", STAGE),
    Place("6", "train", "train", "rvc_tui.screens.train:TrainScreen"),
    Place("7", "index", "idx", STAGE),
    Place("8", "convert", "conv", "rvc_tui.screens.convert:ConvertScreen"),
    Place("9", "voices", "voice", "rvc_tui.screens.voices:VoicesScreen"),
    Place("0", "queue", "queue", "rvc_tui.screens.queue:QueueScreen"),
    Place("a", "assets", "get", "rvc_tui.screens.assets:AssetsScreen"),
)


def with_others(own: tuple[Place, ...]) -> tuple[Place, ...]:
    """With a screen for each stage of another package that has settings, after those of this program's stages."""
    taken = {place.name for place in own}
    others = [name for name, stage in STAGES.others().items() if stage.settings_class and name not in taken]
    last = max(at for at, place in enumerate(own) if place.screen == STAGE) + 1
    return (*own[:last], *(Place("", name, name, STAGE) for name in others), *own[last:])


PLACES = with_others(OWN)


def beside(name: str, step: int, there: Container[str]) -> str:
    """The place after (1) or before (-1) another, of those that are there; after the last comes the first."""
    names = [place.name for place in PLACES if place.name in there]
    return names[(names.index(name) + step) % len(names)] if name in names else names[0]


def keys_of_places() -> str:
    """Digits that follow one another as a range: 1-9 0 a"""
    runs: list[list[str]] = []
    for key in (place.key for place in PLACES if place.key):
        before = runs[-1][-1] if runs else ""
        if before.isdecimal() and key.isdecimal() and int(key) == int(before) + 1:
            runs[-1].append(key)
        else:
            runs.append([key])
    return " ".join("-".join(dict.fromkeys((run[0], run[-1]))) for run in runs)
