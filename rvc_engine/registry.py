"""What there is of each kind that can be added to: pitch trackers, content encoders, vocoders, stages, training hooks
(and presets, in presets.py).

A row names the class, whose module is imported when it is first asked for. Another installed package adds one by an
entry point of the same group, whose object is the class; a name of this program's own is never replaced.
"""

from __future__ import annotations

import importlib
from contextlib import suppress
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from rvc_engine.errors import BadInput
from rvc_engine.messages import Message, message_of

if TYPE_CHECKING:
    from rvc_engine.content.base import ContentEncoder
    from rvc_engine.pitch.base import PitchTracker
    from rvc_engine.stages.stage import Stage
    from rvc_engine.training.hooks import TrainingHook
    from rvc_engine.vocoders.base import Vocoder

T = TypeVar("T")


class Registry(Generic[T]):
    """`group`: of the entry points. `what`: what each is, as in "pitch method". `rows`: name to "module:class"."""

    def __init__(self, group: str, what: Message, rows: dict[str, str]) -> None:
        self.group, self.what, self._rows = group, what, rows
        self._made: dict[str, T] = {}

    def names(self) -> tuple[str, ...]:
        """This program's own, then those of other packages."""
        return (*self._rows, *self._others())

    def __contains__(self, name: object) -> bool:
        return name in self._rows or name in self._others()

    def get(self, name: str) -> T:
        """The one object of that name. Raises BadInput for an unknown name, and for one of another package that cannot
        be loaded."""
        if name not in self._made:
            self._made[name] = self._make(name)
        return self._made[name]

    def all(self) -> list[T]:
        """Those that can be loaded: a broken package of somebody else hides only its own."""
        return [*map(self.get, self._rows), *self.others().values()]

    def others(self) -> dict[str, T]:
        """Those of other packages that can be loaded, by name."""
        found = {}
        for name in self._others():
            with suppress(BadInput):
                found[name] = self.get(name)
        return found

    def package_of(self, name: str) -> str:
        """The package that brings it; empty for one of this program, and for an unknown name. Loads nothing."""
        point = self._others().get(name)
        return "" if point is None else point.dist.name if point.dist else point.value

    def _make(self, name: str) -> T:
        if name in self._rows:
            module, _, kind = self._rows[name].partition(":")
            made: T = getattr(importlib.import_module(module), kind)(name)
            return made
        if (point := self._others().get(name)) is None:
            raise BadInput("registry.absent", thing=self.what, name=name, names=self.names())
        try:
            return point.load()(name)  # type: ignore[no-any-return]
        except Exception as error:  # whatever somebody else's package raises when it is imported
            package = self.package_of(name)
            why = message_of(error)
            raise BadInput("registry.broken", why, thing=self.what, name=name, package=package) from error

    def _others(self) -> dict[str, EntryPoint]:
        return {name: point for name, point in _points(self.group).items() if name not in self._rows}


@cache
def _points(group: str) -> dict[str, EntryPoint]:
    return {point.name: point for point in _all_points().select(group=group)}


@cache
def _all_points() -> Any:
    """Of all packages, which are searched once. Of another type in Python 3.10 than later."""
    return entry_points()


PITCH_TRACKERS: Registry[PitchTracker] = Registry(
    "rvc_engine.pitch",
    Message("registry.pitch_method"),
    {
        "praat": "rvc_engine.pitch.praat:Praat",
        "harvest": "rvc_engine.pitch.world:Harvest",
        "dio": "rvc_engine.pitch.world:Dio",
        "swift": "rvc_engine.pitch.swift:Swift",
        "fcpe": "rvc_engine.pitch.fcpe:Fcpe",
        "crepe": "rvc_engine.pitch.crepe:Crepe",
        "rmvpe": "rvc_engine.pitch.rmvpe:RmvpeTracker",
    },
)

CONTENT_ENCODERS: Registry[ContentEncoder] = Registry(
    "rvc_engine.content",
    Message("registry.content_encoder"),
    {
        "hubert-256": "rvc_engine.content.hubert_encoder:Hubert256",
        "hubert-768": "rvc_engine.content.hubert_encoder:Hubert768",
        "phonetic-256-1": "rvc_engine.content.phonetic_encoder:Phonetic",
    },
)

VOCODERS: Registry[Vocoder] = Registry(
    "rvc_engine.vocoders",
    Message("registry.vocoder"),
    {
        "hifigan": "rvc_engine.vocoders.hifigan_nsf:HifiGanNsf",
        "istft": "rvc_engine.vocoders.istft:Istft",
    },
)

STAGES: Registry[Stage] = Registry(
    "rvc_engine.stages",
    Message("registry.stage"),
    {
        "preprocess": "rvc_engine.stages.preprocess:Preprocess",
        "encoder": "rvc_engine.stages.encoder:Encoder",
        "pitch": "rvc_engine.stages.pitch:Pitch",
        "features": "rvc_engine.stages.features:Features",
        "train": "rvc_engine.stages.train:Train",
        "index": "rvc_engine.stages.index:Index",
        "base": "rvc_engine.stages.base:Base",
        "convert": "rvc_engine.stages.convert:Convert",
    },
)
"""In the order in which they run."""

TRAINING_HOOKS: Registry[TrainingHook] = Registry("rvc_engine.training_hooks", Message("registry.training_hook"), {})
