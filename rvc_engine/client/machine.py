"""The machine now: GPUs from NVML, CPU and memory from psutil. Snapshots only; widgets draw the last one."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import psutil

from rvc_engine.machine.gpu_reader import ANSWER_S, gpus_now
from rvc_engine.machine.gpus import Gpu, GpuState, torch_gpus
from rvc_engine.machine.memory_table import CONTEXT_BYTES
from rvc_engine.messages import NOTHING, Message
from rvc_engine.run.view import RunView


@dataclass(frozen=True)
class Machine:
    """`gpus` are those that a training can use; `no_gpu`: why there are none. Bytes, percent; `at` is the time of the
    reading. `swapped_in_s`: bytes a second that were swapped in since the previous reading."""

    at: float = 0.0
    gpus: tuple[Gpu, ...] = ()
    no_gpu: Message = NOTHING
    cpu_percent: float | None = None
    memory_total: int | None = None
    memory_used: int | None = None
    swap_used: int | None = None
    swapped_in_s: float | None = None


class SwapMeter:
    def __init__(self) -> None:
        self._before: tuple[float, int] | None = None

    def read(self, now: float) -> tuple[int | None, float | None]:
        """Bytes in swap, and bytes a second swapped in since the last call; None when it is not known."""
        try:
            swap = psutil.swap_memory()
        except (OSError, RuntimeError):  # a container without /proc/vmstat
            return None, None
        before, self._before = self._before, (now, int(swap.sin))
        if before is None or now <= before[0]:
            return int(swap.used), None
        return int(swap.used), max(0.0, (swap.sin - before[1]) / (now - before[0]))


SWAP = SwapMeter()


def read_machine(state: GpuState | None = None) -> Machine:
    state = state or gpus_now(ANSWER_S)
    memory, now = psutil.virtual_memory(), time.time()
    gpus = torch_gpus(state)
    reason = NOTHING if gpus else state.reason or Message("client.gpus_hidden")
    percent = float(psutil.cpu_percent(interval=None))
    return Machine(now, gpus, reason, percent, int(memory.total), int(memory.total - memory.available), *SWAP.read(now))


@dataclass(frozen=True)
class Share:
    """Bytes of a GPU. `run`: used by the followed run, without the CUDA context when `exact` is False; `others`: used
    by other processes, None when not known; then it is between `others_at_least` and `others_at_most`."""

    run: int = 0
    exact: bool = True
    others: int | None = None
    others_at_least: int = 0
    others_at_most: int | None = None


def share_of(gpu: Gpu, view: RunView, *, running: bool) -> Share:
    """From the engine's reports: the memory reserved by torch, and the CUDA context if the driver reports it."""
    used = gpu.memory_used
    held = held_on(gpu, view) if running else None
    if held is None:
        return Share(0, True, used, used or 0, used)
    reserved, context = int(held.get("reserved") or 0), held.get("context")
    if context is not None:
        others = None if used is None else max(used - reserved - int(context), 0)
        return Share(reserved + int(context), True, others, others or 0, others)
    if used is None:
        return Share(reserved, False)
    return Share(reserved, False, None, max(used - reserved - 2 * CONTEXT_BYTES, 0), max(used - reserved, 0))


def held_on(gpu: Gpu, view: RunView) -> dict[str, Any] | None:
    for held in view.gpus:
        if held.get("uuid") == gpu.uuid if gpu.uuid and held.get("uuid") else held.get("index") == gpu.index:
            return held
    return None
