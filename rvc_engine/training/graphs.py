"""A training step as one CUDA graph: some 6,000 operations are put on the GPU's queue by one call. Without it a GPU
may wait for Python most of a step."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import Tensor

from rvc_engine.machine.device import out_of_memory
from rvc_engine.models.noise import NoiseSource
from rvc_engine.training.dataset import Batch
from rvc_engine.training.sampler import BOUNDARIES
from rvc_engine.training.trainer import StepResult, Trainer

FIRST_STEPS = 2
"""Steps of each batch shape before it is captured: meanwhile libraries choose kernels, and caches are filled."""


def padded_length(frames: int) -> int:
    """The longest length of its bucket: few shapes of batches need few graphs."""
    return BOUNDARIES[min(bisect_left(BOUNDARIES, frames), len(BOUNDARIES) - 1)]


class GraphFailed(Exception):
    """A step cannot be captured or replayed here; the state that it has half changed is of no use."""


@dataclass
class Captured:
    """`batch`: the tensors that the graph reads; `result`: those that it writes."""

    graph: torch.cuda.CUDAGraph
    batch: Batch
    result: StepResult

    def replay(self, batch: Batch) -> StepResult:
        for held, given in zip(tensors(self.batch), tensors(batch), strict=True):
            held.copy_(given, non_blocking=True)
        self.graph.replay()
        return self.result


class GraphedSteps:
    """Steps of a trainer on one GPU: of each shape of batch the first ones as they are, then as a graph. All graphs
    share their memory, so a result must be read before the next step."""

    def __init__(self, trainer: Trainer, device: torch.device, generator: torch.Generator | None) -> None:
        """`generator`: where the noise of a step comes from; None: it is the same in each step."""
        self.trainer, self.generator = trainer, generator
        self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self._pool: Any = None
        self._seen: Counter[tuple[int, ...]] = Counter()
        self._captured: dict[tuple[int, ...], Captured] = {}

    def step(self, batch: Batch, noise: NoiseSource) -> StepResult:
        """Raises GraphFailed, and what torch raises when memory runs out."""
        shape = tuple(batch.spec.shape)
        self._stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self._stream):
            if self._seen[shape] < FIRST_STEPS:
                self._seen[shape] += 1
                result = self.trainer.step(batch, noise)
            else:
                try:
                    if shape not in self._captured:
                        self._captured[shape] = self._capture(batch, noise)
                    result = self._captured[shape].replay(batch)
                except RuntimeError as error:
                    if out_of_memory(error):
                        raise
                    raise GraphFailed(str(error)) from error
        torch.cuda.current_stream().wait_stream(self._stream)
        return result

    def _capture(self, batch: Batch, noise: NoiseSource) -> Captured:
        held = copy_of(batch)
        graph = torch.cuda.CUDAGraph()
        if self.generator is not None:
            graph.register_generator_state(self.generator)
        # thread_local: meanwhile another thread reads the next batch
        with torch.cuda.graph(graph, self._pool, self._stream, capture_error_mode="thread_local"):
            result = self.trainer.step(held, noise).gathered()
        self._pool = self._pool or graph.pool()
        return Captured(graph, held, result)


def tensors(batch: Batch) -> list[Tensor]:
    return [value for field in fields(batch) if isinstance(value := getattr(batch, field.name), Tensor)]


def copy_of(batch: Batch) -> Batch:
    values: dict[str, Any] = {field.name: getattr(batch, field.name) for field in fields(batch)}
    copies = {name: value.clone() for name, value in values.items() if isinstance(value, Tensor)}
    return Batch(**{**values, **copies})
