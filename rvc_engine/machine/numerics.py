"""Which precision computes correctly on this machine: tried once (training/numerics.py, in a process of its own that
somebody else starts: work/trials.py), and cached. Nothing here imports torch."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import Any

from rvc_engine.common.lines import Line
from rvc_engine.common.records import build
from rvc_engine.machine.cache import Cache, key_of
from rvc_engine.messages import NOTHING, Message
from rvc_engine.messages.wire import with_codes, with_messages

LADDER = {"bf16": ("bf16", "fp32", "fp32-safe"), "fp16": ("fp16", "fp32", "fp32-safe"), "fp32": ("fp32", "fp32-safe")}
"""For a precision that was asked for: what to try, quickest first."""
KEPT = Cache("numerics.json")


@dataclass(frozen=True)
class Trial(Line):
    """What training/numerics.py found of one mode. `gradients`: the relative error of each part of the networks; -1
    where one is not finite."""

    mode: str
    ok: bool
    why: Message = NOTHING
    gradients: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def worst(self) -> tuple[str, float]:
        """The part that is furthest off, and its error."""
        return max(self.gradients.items(), key=lambda item: item[1] if item[1] >= 0 else math.inf, default=("", 0.0))


TryMode = Callable[[str, str, str], Trial]
"""Preset, device and mode."""


@dataclass(frozen=True)
class Choice:
    """`mode`: the first that came out right, "" when none did. `kept`: taken from an earlier trial."""

    mode: str
    trials: tuple[Trial, ...]
    kept: bool = False


def choose_mode(
    preset: str,
    precision: str,
    device: str,
    device_name: str,
    try_mode: TryMode,
    *,
    found: list[Trial] | None = None,
) -> Choice:
    """Tries the modes of LADDER in turn up to the first that is right, unless it was done here before. `found`: of
    trials just made."""
    key = key_of(preset, precision, device_name)
    kept = KEPT.get(key) if found is None else None
    if kept is not None and (trials := _trials(kept)):
        return _choice(trials, kept=True)
    by_mode = {trial.mode: trial for trial in found or []}
    trials = [by_mode[mode] for mode in LADDER[precision] if mode in by_mode]
    if not trials:
        for mode in LADDER[precision]:
            trials.append(try_mode(preset, device, mode))
            if trials[-1].ok:
                break
    KEPT.keep(key, [with_codes(asdict(trial)) for trial in trials])
    return _choice(trials)


def _choice(trials: list[Trial], *, kept: bool = False) -> Choice:
    return Choice(next((trial.mode for trial in trials if trial.ok), ""), tuple(trials), kept)


def _trials(records: Any) -> list[Trial]:
    """Of a cache; what cannot be read is left out."""
    trials = []
    for record in records if isinstance(records, list) else []:
        with suppress(TypeError):
            trials.append(build(Trial, with_messages(record) if isinstance(record, dict) else record))
    return trials
