"""The step of a trial: with the same weights, clips and random numbers on each device, and in each way of computing
it."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Collection
from typing import NamedTuple

import torch
from torch import Tensor

from rvc_engine.models.noise import Noise
from rvc_engine.presets import ModelConfig
from rvc_engine.training.graphs import FIRST_STEPS, GraphedSteps
from rvc_engine.training.measure import random_batch
from rvc_engine.training.state import TrainingState
from rvc_engine.training.train_config import TrainConfig
from rvc_engine.training.trainer import Trainer

CLIPS, FRAMES = 2, 160
SCALINGS = 24
"""How often a step in fp16 is repeated: its loss scale, 65536 at first, halves after each that overflows."""
TIMED = 8
"""Clips of a step that is timed, and steps."""


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


class TrialStep:
    """A step that changes nothing (its rate is 0), so that it can be repeated."""

    def __init__(self, config: ModelConfig, precision: str, device: torch.device, seed: int = 0) -> None:
        self.state = TrainingState.fresh(config, TrainConfig(epochs=1, learning_rate=0.0, precision=precision), device)
        state = self.state
        self.trainer = Trainer(state.generator, state.optimizer, state.adversary, state.precision, state.train_config)
        self.trainer.frees_gradients = False  # they are compared
        self.batch = random_batch(config, CLIPS, FRAMES).to(device)
        self.noise = DrawnOnCpu(device, seed)

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

    def seconds(self, *, graphs: bool) -> float:
        """Of a step of TIMED clips, as a graph or without: the median. Raises GraphFailed."""
        device = self.noise.target
        batch, noise = random_batch(self.trainer.config, TIMED, FRAMES).to(device), DrawnOnCpu(device)
        steps: Trainer | GraphedSteps = GraphedSteps(self.trainer, device, None) if graphs else self.trainer
        took = []
        for _ in range(FIRST_STEPS + 1 + TIMED):
            started = time.perf_counter()
            steps.step(batch, noise.again()).numbers()
            took.append(time.perf_counter() - started)
        return statistics.median(took[-TIMED:])

    def use_tunings(self, names: Collection[str]) -> None:
        """From now on."""
        self.trainer.tunings = tuple(names)

    def way(self, graphs: bool) -> Callable[[], Outcome]:
        return self.as_graph if graphs else self.alone

    def use_checkpointing(self, on: bool) -> None:
        """From now on, with gradients that stay."""
        self.trainer.use_checkpointing(on)
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
