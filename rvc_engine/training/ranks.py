"""Several processes that train one voice, each on a device and on its part of every batch. `Alone` is one process.

All of them draw the same random numbers for the whole batch and take their part, so that N processes with batch size B
do what one does with N * B: the same steps up to rounding, and the same state on the disk.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Protocol, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

from rvc_engine.models.noise import NoiseSource

T = TypeVar("T")
PATIENCE = timedelta(hours=12)
"""How long a process waits for another: a full disk, which the first waits for, may take long."""


class Ranks(Protocol):
    """`count` processes; `first`: this one saves and reports."""

    @property
    def count(self) -> int: ...

    @property
    def first(self) -> bool: ...

    def part(self, rows: Sequence[int]) -> list[int]:
        """This process's share of a batch's rows."""
        ...

    def noise(self, whole: NoiseSource) -> NoiseSource: ...

    def shared(self, network: nn.Module) -> nn.Module:
        """The network, whose gradients become the mean over all processes."""
        ...

    def mean(self, values: Tensor) -> Tensor: ...

    def of_first(self, number: int) -> int:
        """What the first process has."""
        ...

    def wait(self) -> None:
        """Until all are here."""
        ...


class Alone:
    count = 1
    first = True

    def part(self, rows: Sequence[int]) -> list[int]:
        return list(rows)

    def noise(self, whole: NoiseSource) -> NoiseSource:
        return whole

    def shared(self, network: nn.Module) -> nn.Module:
        return network

    def mean(self, values: Tensor) -> Tensor:
        return values

    def of_first(self, number: int) -> int:
        return number

    def wait(self) -> None:
        return


class Together:
    """One of the processes that torchrun started, on its current device; joins the others. NCCL between GPUs, gloo
    between CPUs."""

    def __init__(self, device: torch.device) -> None:
        self.device, self.rank, self.count = device, int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
        dist.init_process_group("cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo", timeout=PATIENCE)

    @property
    def first(self) -> bool:
        return self.rank == 0

    def part(self, rows: Sequence[int]) -> list[int]:
        size = len(rows) // self.count
        return list(rows[self.rank * size : (self.rank + 1) * size])

    def noise(self, whole: NoiseSource) -> NoiseSource:
        return PartOfNoise(whole, self.rank, self.count)

    def shared(self, network: nn.Module) -> nn.Module:
        devices: Any = [self.device] if self.device.type == "cuda" else None
        return nn.parallel.DistributedDataParallel(
            network, devices, broadcast_buffers=False, gradient_as_bucket_view=True
        )

    def mean(self, values: Tensor) -> Tensor:
        summed = values.detach().clone()
        dist.all_reduce(summed)
        return summed / self.count

    def of_first(self, number: int) -> int:
        value = torch.tensor([number])
        dist.broadcast(value, 0)
        return int(value)

    def of_all(self, item: T) -> list[T]:
        """What each process has, by rank."""
        items: list[Any] = [None] * self.count
        dist.all_gather_object(items, item)
        return items

    def wait(self) -> None:
        self.of_first(0)


class PartOfNoise:
    """Draws for the whole batch, the first axis, and gives this process's part."""

    def __init__(self, whole: NoiseSource, rank: int, count: int) -> None:
        self.whole, self.rank, self.count = whole, rank, count

    def normal(self, shape: tuple[int, ...]) -> Tensor:
        return self._part(self.whole.normal(self._all(shape)), shape)

    def uniform(self, shape: tuple[int, ...]) -> Tensor:
        return self._part(self.whole.uniform(self._all(shape)), shape)

    def _all(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return (shape[0] * self.count, *shape[1:])

    def _part(self, drawn: Tensor, shape: tuple[int, ...]) -> Tensor:
        return drawn[self.rank * shape[0] : (self.rank + 1) * shape[0]]
