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
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor

from rvc_engine.common.lines import Writer, run_reporting
from rvc_engine.machine.device import out_of_memory, use_device, without_shortcuts
from rvc_engine.machine.numerics import Trial
from rvc_engine.messages import NOTHING, Message, message_of
from rvc_engine.models.noise import Noise
from rvc_engine.presets import ModelConfig, model_config
from rvc_engine.training.graphs import FIRST_STEPS, GraphedSteps, GraphFailed
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


class Outcome(NamedTuple):
    """Of a step: the generator's loss, and all gradients by part of the networks, on the CPU."""

    loss: float
    gradients: dict[str, Tensor]


class DrawnOnCpu(Noise):
    """The same numbers for every device and in every step: after `again` the same tensors are given once more, since a
    CUDA graph may read them."""

    def __init__(self, device: torch.device, seed: int = 0) -> None:
        super().__init__("cpu", seed)
        self.target = device
        self._drawn: list[Tensor] = []
        self._next = 0

    def again(self) -> DrawnOnCpu:
        self._next = 0
        return self

    def normal(self, shape: tuple[int, ...]) -> Tensor:
        return self._kept(super().normal, shape)

    def uniform(self, shape: tuple[int, ...]) -> Tensor:
        return self._kept(super().uniform, shape)

    def _kept(self, draw: Callable[[tuple[int, ...]], Tensor], shape: tuple[int, ...]) -> Tensor:
        if self._next == len(self._drawn):
            self._drawn.append(draw(shape).to(self.target))
        self._next += 1
        return self._drawn[self._next - 1]


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


class TrialStep:
    """A step that changes nothing (its rate is 0), so that it can be repeated."""

    def __init__(self, config: ModelConfig, precision: str, device: torch.device) -> None:
        self.state = TrainingState.fresh(config, TrainConfig(epochs=1, learning_rate=0.0, precision=precision), device)
        state = self.state
        self.trainer = Trainer(state.generator, state.optimizer, state.adversary, state.precision, state.train_config)
        self.trainer.frees_gradients = False  # they are compared
        self.batch = random_batch(config, CLIPS, FRAMES).to(device)
        self.noise = DrawnOnCpu(device)

    def alone(self) -> Outcome:
        """Without a graph. In fp16 it is repeated until its loss scale fits."""
        numbers = self.trainer.step(self.batch, self.noise.again()).numbers()
        for _ in range(SCALINGS if self.state.precision.name == "fp16" else 0):
            if math.isfinite(numbers["grad_norm_g"]) and math.isfinite(numbers["grad_norm_d"]):
                break
            numbers = self.trainer.step(self.batch, self.noise.again()).numbers()
        return self._outcome(numbers)

    def as_graph(self) -> Outcome:
        """The same after `alone`, captured and replayed. Raises GraphFailed."""
        steps = GraphedSteps(self.trainer, self.noise.target, None)
        for _ in range(FIRST_STEPS + 2):  # the last two are replayed
            numbers = steps.step(self.batch, self.noise.again()).numbers()
        return self._outcome(numbers)

    def use_checkpointing(self) -> None:
        """From now on, with gradients that stay."""
        self.trainer.use_checkpointing(True)
        self.trainer.frees_gradients = False

    def _outcome(self, numbers: dict[str, float]) -> Outcome:
        gradients = {}
        for owner, network in (("", self.state.generator), ("discriminators.", self.state.adversary.network)):
            named = [(name, p.grad) for name, p in network.named_parameters() if p.grad is not None]
            for part in {name.partition(".")[0] for name, _ in named}:
                values = [
                    grad.detach().float().cpu().flatten() for name, grad in named if name.partition(".")[0] == part
                ]
                gradients[owner + part] = torch.cat(values)
        return Outcome(numbers["loss/g/total"], gradients)


def compare(mode: str, reference: Outcome, config: ModelConfig, device: torch.device) -> Trial:
    started = time.monotonic()
    no_graphs = no_checkpointing = NOTHING
    try:
        with backends(mode):
            trial = TrialStep(config, mode.removesuffix("-safe"), device)
            errors, why = judged(mode, reference, trial.alone())
            if device.type == "cuda" and not why:
                no_graphs = _wrong_as(trial.as_graph, mode, reference)
                trial.use_checkpointing()
                no_checkpointing = _wrong_as(trial.alone if no_graphs else trial.as_graph, mode, reference)
    except (RuntimeError, MemoryError) as error:
        return Trial(mode, False, message_of(error), tried=out_of_memory(error) is None)
    seconds = round(time.monotonic() - started, 2)
    rounded = {part: round(error, 5) if math.isfinite(error) else -1.0 for part, error in errors.items()}
    return Trial(mode, not why, why, rounded, seconds, no_graphs=no_graphs, no_checkpointing=no_checkpointing)


def _wrong_as(way: Callable[[], Outcome], mode: str, reference: Outcome) -> Message:
    """Why a step in this mode should not be made in this way."""
    try:
        return judged(mode, reference, way())[1]
    except (GraphFailed, RuntimeError) as error:
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
