"""`rvc doctor --numerics`: a training step in each precision on this machine, beside the same step in float32 on the
CPU."""

from __future__ import annotations

from collections.abc import Iterator

from rvc_engine.doctor.findings import FAIL, OK, WARN, Finding
from rvc_engine.machine.numerics import LADDER, Trial, choose_mode
from rvc_engine.work.trials import try_mode

ALL = {"cpu": ("fp32", "bf16"), "cuda": ("fp32", "fp32-safe", "bf16", "fp16")}


def numerics(preset: str, device: str) -> Iterator[Finding]:
    """A finding a mode, and which of them a training with precision auto takes. Raises BadInput for a device that is
    not there."""
    from rvc_engine.machine.device import choose_device, choose_precision, name_of

    chosen = choose_device(device)
    yield Finding("numerics", OK, f"{preset} on {name_of(chosen)}, each mode against float32 on the CPU")
    trials = [try_mode(preset, str(chosen), mode) for mode in ALL[chosen.type]]
    for trial in trials:
        yield _finding(trial)
    precision = choose_precision("auto", chosen)
    right = {trial.mode for trial in trials if trial.ok}
    mode = next((mode for mode in LADDER[precision] if mode in right), "")
    choose_mode(preset, precision, str(chosen), name_of(chosen), try_mode, found=trials)
    if not mode:
        yield Finding(
            "precision", FAIL, "no mode computes right here", "use --device cpu, another driver or another torch"
        )
    elif mode == precision:
        yield Finding("precision", OK, f"a training here uses {mode}")
    else:
        yield Finding(
            "precision",
            WARN,
            f"a training here uses {mode} instead of {precision}",
            "another driver or torch may fix it",
        )


def _finding(trial: Trial) -> Finding:
    part, error = trial.worst
    if not trial.ok:
        return Finding(trial.mode, WARN, trial.why, "a training here does not use this mode by itself")
    return Finding(
        trial.mode, OK, f"gradients are right: the worst, of {part}, is off by {error:.2%}; {trial.seconds:.1f} s"
    )
