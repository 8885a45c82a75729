"""Does a training step come out right here, in this precision, on this device? A process of its own:
`python -m rvc_engine.training.numerics PRESET DEVICE MODE...`.

One step (losses, and gradients of generator and discriminators) in each mode, beside the same step on the CPU in
float32: same weights, same random numbers, drawn on the CPU. Reports a Trial a mode, on a GPU a second one with the
tunings (models/tuning.py) that are right and faster there. The relative error of a gradient
is the norm of its difference over the norm of the reference, for each part of the networks.

Users report silent NaN and buzzing voices on some GPUs; only a trial finds out whether one is right.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch

from rvc_engine.common.lines import Writer, run_reporting
from rvc_engine.machine.device import out_of_memory, use_device, without_shortcuts
from rvc_engine.machine.numerics import Trial
from rvc_engine.messages import NOTHING, Message, message_of
from rvc_engine.models.tuning import TUNINGS
from rvc_engine.presets import ModelConfig, model_config
from rvc_engine.training.trial_step import Outcome, TrialStep

MODES = ("fp32", "fp32-safe", "bf16", "fp16")
"""fp32-safe: without TF32 and without cuDNN."""
LIMITS = {"fp32": 0.02, "fp32-safe": 0.02, "bf16": 0.3, "fp16": 0.2}
"""Highest relative error of a part's gradient that passes. bf16: about twice what
benchmarks/numerics_limits.py measured at most on a CPU, 0.16; fp16, eight times finer, is slow to measure there."""
FASTER = 0.98
"""Of the time before: a tuning that takes more is not used."""


@contextmanager
def backends(mode: str) -> Iterator[None]:
    """TF32 and cuDNN as a training in this mode has them."""
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32, torch.backends.cudnn.enabled
    try:
        if mode == "fp32-safe":
            without_shortcuts()
        yield
    finally:
        torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32, torch.backends.cudnn.enabled = before


def compare(mode: str, reference: Outcome, config: ModelConfig, device: torch.device) -> Iterator[Trial]:
    """On a GPU a second one, with the tunings, comes after what they could break is out."""
    started = time.monotonic()
    no_graphs = no_checkpointing = NOTHING
    try:
        with backends(mode):
            step = TrialStep(config, mode.removesuffix("-safe"), device)
            errors, why = judged(mode, reference, step.alone())
            on_gpu = device.type == "cuda" and not why
            if on_gpu:
                no_graphs = _wrong_as(step.as_graph, mode, reference)
                step.use_checkpointing(True)
                no_checkpointing = _wrong_as(step.way(not no_graphs), mode, reference)
                step.use_checkpointing(False)
    except (RuntimeError, MemoryError) as error:
        yield Trial(mode, False, message_of(error), tried=out_of_memory(error) is None)
        return
    rounded = {part: round(error, 5) if math.isfinite(error) else -1.0 for part, error in errors.items()}
    seconds = round(time.monotonic() - started, 2)
    trial = Trial(mode, not why, why, rounded, seconds, no_graphs=no_graphs, no_checkpointing=no_checkpointing)
    yield trial
    if on_gpu:
        with backends(mode):
            found = faster(step, mode, reference, graphs=not no_graphs)
        yield replace(trial, step_seconds=found, seconds=round(time.monotonic() - started, 2))


def faster(step: TrialStep, mode: str, reference: Outcome, *, graphs: bool) -> dict[str, float]:
    """Seconds of a step without tunings (""), and of one with each that is right and faster, those before it included.
    Empty where memory is too small to find out, or where checkpointing comes out wrong with them."""
    way = step.way(graphs)
    try:
        found = {"": step.seconds(graphs=graphs)}
        for name in TUNINGS:
            step.use_tunings([*found, name])
            seconds = math.inf if _wrong_as(way, mode, reference) else step.seconds(graphs=graphs)
            if seconds < FASTER * min(found.values()):
                found[name] = seconds
        step.use_tunings(found)
        step.use_checkpointing(True)
        if _wrong_as(way, mode, reference):
            return {}
    except Exception:  # one of them does not work here
        return {}
    return {name: round(seconds, 5) for name, seconds in found.items()}


def _wrong_as(way: Callable[[], Outcome], mode: str, reference: Outcome) -> Message:
    """Why a step in this mode should not be made in this way."""
    try:
        return judged(mode, reference, way())[1]
    except Exception as error:  # torch may compile kernels, which fails in many ways
        return message_of(error)


def judged(mode: str, reference: Outcome, found: Outcome) -> tuple[dict[str, float], Message]:
    """The relative error of each part's gradient, and why that is wrong."""
    errors = {}
    for part, wanted in reference.gradients.items():
        gradient = found.gradients[part]
        errors[part] = (
            float((gradient - wanted).norm() / wanted.norm().clamp(min=1e-12))
            if torch.isfinite(gradient).all()
            else math.inf
        )
    worst = max(errors, key=lambda part: errors[part])
    if not math.isfinite(found.loss):
        return errors, Message("training.loss_not_finite")
    if math.isinf(errors[worst]):
        return errors, Message("training.gradients_not_finite", part=worst)
    if errors[worst] > LIMITS[mode]:
        return errors, Message("training.gradients_off", part=worst, error=errors[worst], limit=LIMITS[mode])
    return errors, NOTHING


def examine(preset: str, device: torch.device, modes: list[str], *, pitch: bool = True) -> Iterator[Trial]:
    config = model_config(preset, pitch=pitch)
    reference = TrialStep(config, "fp32", torch.device("cpu")).alone()
    for mode in modes:
        yield from compare(mode, reference, config, device)


def main(writer: Writer) -> None:
    parser = argparse.ArgumentParser(prog="python -m rvc_engine.training.numerics", description=__doc__)
    parser.add_argument("preset")
    parser.add_argument("device")
    parser.add_argument("modes", nargs="+", choices=MODES)
    asked: Any = parser.parse_args()
    for trial in examine(asked.preset, use_device(asked.device), asked.modes):
        writer.send(trial)


if __name__ == "__main__":
    raise SystemExit(run_reporting(main))
