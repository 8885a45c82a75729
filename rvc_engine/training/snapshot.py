"""A training state of one moment, held on the host: it can be written while the training continues."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from rvc_engine.training.state import TrainingState
from rvc_engine.training.train_config import TrainConfig


@dataclass(frozen=True)
class Snapshot:
    """What is written of a TrainingState, under the same names. It takes `bytes` of host memory, as do the weights,
    buffers and moments: for each parameter of both networks three numbers of four bytes."""

    step: int
    epoch: int
    position: int
    mel: float
    train_config: TrainConfig
    bytes: int
    _pair: dict[str, dict[str, Any]]
    _rest: dict[str, Any]

    @property
    def at(self) -> tuple[int, int, int]:
        return self.step, self.epoch, self.position

    def weights(self) -> dict[str, Tensor]:
        weights: dict[str, Tensor] = self._pair["G"]["model"]
        return weights

    def pair(self) -> dict[str, dict[str, Any]]:
        return self._pair

    def rest(self) -> dict[str, Any]:
        return self._rest


Savable = TrainingState | Snapshot


class HostMemory:
    """Where a snapshot is copied to, and then the next one: memory that is new takes several times as long to write to.
    It is not pinned: there is little such memory in containers, and torch rounds it up to powers of two."""

    def __init__(self) -> None:
        self._tensors: list[Tensor] = []

    def snapshot(self, state: TrainingState) -> Snapshot:
        """Between two steps: the copies come after them on the device's queue. The snapshot before is void."""
        before, self._tensors = iter(self._tensors), []

        def copied(value: Tensor) -> Tensor:
            place = next(before, None)
            if place is None or (place.shape, place.dtype, place.stride()) != (
                value.shape,
                value.dtype,
                value.stride(),
            ):
                place = torch.empty_like(value, device="cpu")
            self._tensors.append(place)
            return place.copy_(value, non_blocking=True)

        pair, rest = state.pair(copied), state.rest()
        if state.noise.device.type == "cuda":
            torch.cuda.current_stream(state.noise.device).synchronize()
        return Snapshot(state.step, state.epoch, state.position, state.mel, state.train_config, state.bytes, pair, rest)
