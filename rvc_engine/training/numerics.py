"""Does a training step come out right here, in this precision, on this device? A process of its own:
`python -m rvc_engine.training.numerics PRESET DEVICE MODE...`.

One step (losses, and gradients of generator and discriminators) in each mode, beside the same step on the CPU in
float32: same weights, same random numbers, drawn on the CPU. Reports a Trial a mode. The relative error of a gradient
is the norm of its difference over the norm of the reference, for each part of the networks.

Users report silent NaN and buzzing voices on some GPUs; only a trial finds out whether one is right.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from rvc_engine.common.lines import Writer, run_reporting
from rvc_engine.machine.device import out_of_memory, use_device, without_shortcuts
from rvc_engine.machine.numerics import Trial
from rvc_engine.messages import NOTHING, Message, message_of
from rvc_engine.models.noise import Noise
from rvc_engine.presets import ModelConfig, model_config
from rvc_engine.training.measure import random_batch
from rvc_engine.training.state import TrainingState
from rvc_engine.training.train_config import TrainConfig
from rvc_engine.training.trainer import Trainer

MODES = ("fp32", "fp32-safe", "bf16", "fp16")
"""fp32-safe: without TF32 and without cuDNN."""
LIMITS = {"fp32": 0.02, "fp32-safe": 0.02, "bf16": 0.35, "fp16": 0.2}
"""Highest relative error of a part's gradient that passes."""
CLIPS, FRAMES = 2, 160
SCALINGS = 24
"""How often a step in fp16 is repeated: its loss scale, 65536 at first, halves after each that overflows."""


class DrawnOnCpu(Noise):
    """The same numbers for every device."""

    def __init__(self, device: torch.device, seed: int = 0) -> None:
        super().__init__("cpu", seed)
        self.target = device

    def normal(self, shape: tuple[int, ...]) -> Tensor:
        return super().normal(shape).to(self.target)

    def uniform(self, shape: tuple[int, ...]) -> Tensor:
        return super().uniform(shape).to(self.target)


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


def step(config: ModelConfig, precision: str, device: torch.device) -> tuple[float, dict[str, Tensor]]:
    """The generator's loss and all gradients, on the CPU, of a step that changes nothing (its rate is 0)."""
    state = TrainingState.fresh(config, TrainConfig(epochs=1, learning_rate=0.0, precision=precision), device)
    trainer = Trainer(state.generator, state.optimizer, state.adversary, state.precision, state.train_config)
    batch = random_batch(config, CLIPS, FRAMES).to(device)
    numbers = trainer.step(batch, DrawnOnCpu(device)).numbers()
    for _ in range(SCALINGS if precision == "fp16" else 0):
        if math.isfinite(numbers["grad_norm_g"]) and math.isfinite(numbers["grad_norm_d"]):
            break
        numbers = trainer.step(batch, DrawnOnCpu(device)).numbers()
    gradients = {}
    for owner, network in (("", state.generator), ("discriminators.", state.adversary.network)):
        named = [(name, p.grad) for name, p in network.named_parameters() if p.grad is not None]
        for part in {name.partition(".")[0] for name, _ in named}:
            values = [grad.detach().float().cpu().flatten() for name, grad in named if name.partition(".")[0] == part]
            gradients[owner + part] = torch.cat(values)
    return numbers["loss/g/total"], gradients


def compare(mode: str, reference: tuple[float, dict[str, Tensor]], config: ModelConfig, device: torch.device) -> Trial:
    started = time.monotonic()
    try:
        with backends(mode):
            loss, gradients = step(config, mode.removesuffix("-safe"), device)
    except (RuntimeError, MemoryError) as error:
        return Trial(mode, False, message_of(error), tried=out_of_memory(error) is None)
    errors = {}
    for part, wanted in reference[1].items():
        found = gradients[part]
        errors[part] = (
            float((found - wanted).norm() / wanted.norm().clamp(min=1e-12)) if torch.isfinite(found).all() else math.inf
        )
    seconds = round(time.monotonic() - started, 2)
    worst = max(errors, key=lambda part: errors[part])
    why = NOTHING
    if not math.isfinite(loss):
        why = Message("training.loss_not_finite")
    elif math.isinf(errors[worst]):
        why = Message("training.gradients_not_finite", part=worst)
    elif errors[worst] > LIMITS[mode]:
        why = Message("training.gradients_off", part=worst, error=errors[worst], limit=LIMITS[mode])
    rounded = {part: round(error, 5) if math.isfinite(error) else -1.0 for part, error in errors.items()}
    return Trial(mode, not why, why, rounded, seconds)


def examine(preset: str, device: torch.device, modes: list[str], *, pitch: bool = True) -> Iterator[Trial]:
    config = model_config(preset, pitch=pitch)
    reference = step(config, "fp32", torch.device("cpu"))
    for mode in modes:
        yield compare(mode, reference, config, device)


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
