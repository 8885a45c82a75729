"""Which precision computes correctly on this machine: tried once, in a separate process, and cached.

The trial itself is training/numerics.py. Nothing here imports torch.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

from rvc_engine.machine.cache import Cache, key_of
from rvc_engine.machine.environment import engine_environment
from rvc_engine.messages import Message, verbatim
from rvc_engine.messages.wire import with_codes, with_messages

LADDER = {"bf16": ("bf16", "fp32", "fp32-safe"), "fp16": ("fp16", "fp32", "fp32-safe"), "fp32": ("fp32", "fp32-safe")}
"""For a precision that was asked for: what to try, quickest first."""
TRIAL_S = 300.0
KEPT = Cache("numerics.json")


@dataclass(frozen=True)
class Trial:
    """What training/numerics.py found of one mode. `worst`: part of the networks, and the relative error of its
    gradient."""

    mode: str
    ok: bool
    why: Message
    worst: tuple[str, float] = ("", 0.0)
    seconds: float = 0.0


@dataclass(frozen=True)
class Choice:
    """`mode`: the first that came out right, "" when none did. `kept`: taken from an earlier trial."""

    mode: str
    trials: tuple[Trial, ...]
    kept: bool = False


def choose_mode(
    preset: str, precision: str, device: str, device_name: str, *, found: list[Trial] | None = None
) -> Choice:
    """Tries the modes of LADDER in turn up to the first that is right, unless it was done here before. `found`: of
    trials just made."""
    key = key_of(preset, precision, device_name)
    kept = KEPT.get(key) if found is None else None
    if kept is not None and (trials := _trials(kept)):
        return _choice(trials, kept=True)
    by_mode = {trial.mode: trial for trial in found or []}
    trials = [by_mode[mode] for mode in LADDER[precision] if mode in by_mode] or try_modes(
        preset, device, LADDER[precision]
    )
    KEPT.keep(key, [_record(trial) for trial in trials])
    return _choice(trials)


def _record(trial: Trial) -> dict[str, Any]:
    part, error = trial.worst
    found = {"mode": trial.mode, "ok": trial.ok, "why": trial.why, "gradients": {part: error}, "seconds": trial.seconds}
    return with_codes(found)


def _choice(trials: list[Trial], *, kept: bool = False) -> Choice:
    return Choice(next((trial.mode for trial in trials if trial.ok), ""), tuple(trials), kept)


def try_modes(preset: str, device: str, modes: tuple[str, ...], *, all_of_them: bool = False) -> list[Trial]:
    """In a process each, because a broken one may take its process with it. Up to the first that is right, unless all
    are asked for."""
    trials: list[Trial] = []
    for mode in modes:
        trials.append(_try(preset, device, mode))
        if trials[-1].ok and not all_of_them:
            break
    return trials


def _try(preset: str, device: str, mode: str) -> Trial:
    command = [sys.executable, "-m", "rvc_engine.training.numerics", preset, device, mode]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=TRIAL_S, env=engine_environment(), stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired:
        return Trial(mode, False, Message("machine.too_slow", seconds=TRIAL_S))
    found = _trials([line for line in done.stdout.splitlines() if line.startswith("{")])
    if found:
        return found[0]
    last = next((line.strip() for line in reversed(done.stderr.splitlines()) if line.strip()), "")
    if last:
        return Trial(mode, False, Message("machine.ended_early", reason=last))
    return Trial(mode, False, Message("machine.ended_early_exit_code", exit_code=done.returncode))


def _trials(records: Any) -> list[Trial]:
    """Of lines or entries; what cannot be read is left out."""
    trials = []
    for record in records if isinstance(records, list) else []:
        try:
            entry = with_messages(json.loads(record) if isinstance(record, str) else record)
            errors = {str(part): float(error) for part, error in entry["gradients"].items()}
            worst = max(errors.items(), key=lambda item: item[1] if item[1] >= 0 else float("inf"), default=("", 0.0))
            trials.append(
                Trial(str(entry["mode"]), bool(entry["ok"]), verbatim(entry["why"]), worst, float(entry["seconds"]))
            )
        except (ValueError, TypeError, KeyError, AttributeError):
            continue
    return trials
