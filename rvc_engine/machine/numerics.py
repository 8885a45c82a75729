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
TRIAL = "trial 2"
"""Raised when a trial tests more than before: earlier findings do not count then."""


@dataclass(frozen=True)
class Trial(Line):
    """What training/numerics.py found of one mode. `gradients`: the relative error of each part of the networks; -1
    where one is not finite. `tried`: False where memory or time ran out, which says nothing about the mode.
    `no_graphs`: why its steps should not be CUDA graphs; `no_checkpointing`: why not with gradient checkpointing.
    `step_seconds`: of a step on a GPU, under "", and with each tuning (models/tuning.py) that is right and faster."""

    mode: str
    ok: bool
    why: Message = NOTHING
    gradients: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    tried: bool = True
    no_graphs: Message = NOTHING
    no_checkpointing: Message = NOTHING
    step_seconds: dict[str, float] = field(default_factory=dict)

    @property
    def worst(self) -> tuple[str, float]:
        """The part that is furthest off, and its error."""
        return max(self.gradients.items(), key=lambda item: item[1] if item[1] >= 0 else math.inf, default=("", 0.0))


TryMode = Callable[[str, str, str], Trial]
"""Preset, device and mode."""


@dataclass(frozen=True)
class Choice:
    """`mode`: the first that came out right, or that could not be tried; "" when all came out wrong. `kept`: taken
    from an earlier trial."""

    mode: str
    trials: tuple[Trial, ...]
    kept: bool = False

    @property
    def no_graphs(self) -> Message:
        """Why the mode's steps should not be CUDA graphs."""
        return next((trial.no_graphs for trial in self.trials if trial.mode == self.mode), NOTHING)

    @property
    def no_checkpointing(self) -> Message:
        """Why the mode's steps should not be with gradient checkpointing."""
        return next((trial.no_checkpointing for trial in self.trials if trial.mode == self.mode), NOTHING)

    @property
    def step_seconds(self) -> dict[str, float]:
        """Of the mode's trial."""
        return next((trial.step_seconds for trial in self.trials if trial.mode == self.mode), {})

    @property
    def tunings(self) -> tuple[str, ...]:
        """Those that make the mode's steps faster."""
        return tuple(name for name in self.step_seconds if name)

    @property
    def untried(self) -> Trial | None:
        """The trial of the mode, where it could not be made."""
        return next((trial for trial in self.trials if not trial.tried), None)


def choose_mode(
    preset: str,
    precision: str,
    device: str,
    device_name: str,
    try_mode: TryMode,
    *,
    found: list[Trial] | None = None,
) -> Choice:
    """Tries the modes of LADDER in turn up to the first that is right, unless it was done here before. A mode that
    could not be tried is not proven wrong: it is used, and tried again next time. `found`: of trials just made."""
    if found is None and (earlier := earlier_choice(preset, precision, device_name)):
        return earlier
    by_mode = {trial.mode: trial for trial in found or []}
    trials = [by_mode[mode] for mode in LADDER[precision] if mode in by_mode]
    if not trials:
        for mode in LADDER[precision]:
            trials.append(try_mode(preset, device, mode))
            if trials[-1].ok or not trials[-1].tried:
                break
    if all(trial.tried for trial in trials):
        KEPT.keep(key_of(preset, precision, device_name, TRIAL), [with_codes(asdict(trial)) for trial in trials])
    return _choice(trials)


def earlier_choice(preset: str, precision: str, device_name: str) -> Choice | None:
    """By a trial on this device with this driver and torch. None: it has to be tried."""
    trials = _trials(KEPT.get(key_of(preset, precision, device_name, TRIAL)))
    return _choice(trials, kept=True) if trials else None


def _choice(trials: list[Trial], *, kept: bool = False) -> Choice:
    return Choice(next((trial.mode for trial in trials if trial.ok or not trial.tried), ""), tuple(trials), kept)


def _trials(records: Any) -> list[Trial]:
    """Of a cache; what cannot be read is left out."""
    trials = []
    for record in records if isinstance(records, list) else []:
        with suppress(TypeError):
            trials.append(build(Trial, with_messages(record) if isinstance(record, dict) else record))
    return trials
