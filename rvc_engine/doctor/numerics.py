"""`rvc doctor --numerics`: a training step in each precision on this machine, beside the same step in float32 on the
CPU."""

from __future__ import annotations

from collections.abc import Iterator

from rvc_engine.doctor.findings import FAIL, OK, WARN, Finding
from rvc_engine.machine.numerics import LADDER, Trial, choose_mode, try_modes
from rvc_engine.messages import Message

ALL = {"cpu": ("fp32", "bf16"), "cuda": ("fp32", "fp32-safe", "bf16", "fp16")}


def numerics(preset: str, device: str) -> Iterator[Finding]:
    """A finding a mode, and which of them a training with precision auto takes. Raises BadInput for a device that is
    not there."""
    from rvc_engine.machine.device import choose_device, choose_precision, name_of

    chosen = choose_device(device)
    yield Finding(
        "numerics", OK, Message("doctor.each_mode_against_float32_cpu", preset=preset, name_of=name_of(chosen))
    )
    trials = try_modes(preset, str(chosen), ALL[chosen.type], all_of_them=True)
    for trial in trials:
        yield _finding(trial)
    precision = choose_precision("auto", chosen)
    right = {trial.mode for trial in trials if trial.ok}
    mode = next((mode for mode in LADDER[precision] if mode in right), "")
    choose_mode(preset, precision, str(chosen), name_of(chosen), found=trials)
    if not mode:
        yield Finding(
            "precision",
            FAIL,
            Message("doctor.no_mode_computes_right_here"),
            Message("doctor.use_device_cpu_another_driver"),
        )
    elif mode == precision:
        yield Finding("precision", OK, Message("doctor.training_here_uses", mode=mode))
    else:
        yield Finding(
            "precision",
            WARN,
            Message("doctor.training_here_uses_instead", mode=mode, precision=precision),
            Message("doctor.another_driver_torch_may_fix"),
        )


def _finding(trial: Trial) -> Finding:
    part, error = trial.worst
    if not trial.ok:
        return Finding(trial.mode, WARN, trial.why, Message("doctor.training_here_does_not_use"))
    return Finding(
        trial.mode, OK, Message("doctor.gradients_right_worst_off_s", part=part, reason=error, seconds=trial.seconds)
    )
