"""`rvc doctor --numerics`: a training step in each precision on this machine, beside the same step in float32 on the
CPU."""

from __future__ import annotations

from collections.abc import Iterator

from rvc_engine.doctor.findings import FAIL, OK, WARN, Finding
from rvc_engine.machine.numerics import Trial, choose_mode
from rvc_engine.messages import Message
from rvc_engine.work.trials import try_mode

ALL = {"cpu": ("fp32", "bf16"), "cuda": ("fp32", "fp32-safe", "bf16", "fp16")}


def numerics(preset: str, device: str) -> Iterator[Finding]:
    """A finding a mode, and which of them a training with precision auto takes. Raises BadInput for a device that is
    not there."""
    from rvc_engine.machine.device import choose_precision, name_of, name_with_driver, use_device

    chosen = use_device(device)
    yield Finding("numerics", OK, Message("doctor.numerics", preset=preset, device=name_of(chosen)))
    trials = [try_mode(preset, str(chosen), mode) for mode in ALL[chosen.type]]
    for trial in trials:
        yield _finding(trial)
    precision = choose_precision("auto", chosen)
    choice = choose_mode(preset, precision, str(chosen), name_with_driver(chosen), try_mode, found=trials)
    mode = choice.mode
    if choice.untried and choice.untried.mode == mode:
        yield Finding("precision", WARN, Message("doctor.untried_mode_used", mode=mode), Message("doctor.try_again"))
    elif not mode:
        yield Finding("precision", FAIL, Message("doctor.no_mode_right"), Message("doctor.use_cpu"))
    elif mode == precision:
        yield Finding("precision", OK, Message("doctor.mode_used", mode=mode))
    else:
        found = Message("doctor.other_mode_used", mode=mode, precision=precision)
        yield Finding("precision", WARN, found, Message("doctor.other_driver"))


def _finding(trial: Trial) -> Finding:
    part, error = trial.worst
    if not trial.tried:
        return Finding(trial.mode, WARN, trial.why, Message("doctor.try_again"))
    if not trial.ok:
        return Finding(trial.mode, WARN, trial.why, Message("doctor.mode_not_used"))
    return Finding(trial.mode, OK, Message("doctor.mode_right", part=part, error=error, seconds=trial.seconds))
