"""The machine now: GPUs by NVML, processor and memory by psutil. Snapshots only; widgets draw the last one."""

from __future__ import annotations

import time
from dataclasses import dataclass

import psutil

from rvc_engine.gpus import Gpu, GpuState, read_gpus, torch_gpus


@dataclass(frozen=True)
class Machine:
    """`gpus` are those that a training can use; `no_gpu` says why there are none. Bytes, percent; `at` is the time of reading."""

    at: float = 0.0
    gpus: tuple[Gpu, ...] = ()
    no_gpu: str = ""
    processor_percent: float | None = None
    memory_total: int | None = None
    memory_used: int | None = None


def read_machine(state: GpuState | None = None) -> Machine:
    state = state or read_gpus()
    memory = psutil.virtual_memory()
    gpus = torch_gpus(state)
    reason = "" if gpus else state.reason or "CUDA_VISIBLE_DEVICES hides them"
    percent = float(psutil.cpu_percent(interval=None))
    return Machine(time.time(), gpus, reason, percent, int(memory.total), int(memory.total - memory.available))
