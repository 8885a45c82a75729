"""What the driver reports of the GPUs, by NVML: no CUDA context, no torch. Each field is asked for on its own; None is
"not reported"."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from types import ModuleType
from typing import Any, TypeVar

from rvc_engine.messages import NOTHING, Message, message_of

T = TypeVar("T")
ALL_GPUS = "all"
BF16_FROM = (8, 0)
"""Compute capability (Ampere, 2020) from which a GPU has bfloat16 in hardware."""


def has_bf16(capability: tuple[int, int]) -> bool:
    return capability >= BF16_FROM


@dataclass(frozen=True)
class Gpu:
    """One GPU now. Memory in bytes, utilisation in percent, temperature in degrees C, power in W.

    `processes` maps a process id to the bytes that it holds; None where the driver does not
    report it (often in containers).
    """

    index: int
    name: str = "GPU"
    uuid: str = ""
    memory_total: int | None = None
    memory_used: int | None = None
    memory_free: int | None = None
    utilisation: int | None = None
    temperature: int | None = None
    power: float | None = None
    power_limit: float | None = None
    capability: tuple[int, int] | None = None
    mig: bool = False
    processes: dict[int, int] | None = None


@dataclass(frozen=True)
class GpuState:
    """The GPUs of this machine, or why there are none to see: that is a state, not an error."""

    gpus: tuple[Gpu, ...] = ()
    reason: Message = NOTHING


def load_nvml() -> ModuleType | None:
    try:
        import pynvml
    except ImportError:
        return None
    module: ModuleType = pynvml
    return module


def read_gpus(nvml: Any = None) -> GpuState:
    """A snapshot of every GPU that the driver shows. `nvml` replaces pynvml in tests."""
    nvml = nvml if nvml is not None else load_nvml()
    if nvml is None:
        return GpuState(reason=Message("machine.no_pynvml"))
    try:
        nvml.nvmlInit()
    except nvml.NVMLError as error:
        return GpuState(reason=Message("machine.no_driver", reason=message_of(error)))
    try:
        count = nvml.nvmlDeviceGetCount()
        gpus = tuple(gpu for index in range(count) if (gpu := _read_gpu(nvml, index)) is not None)
        return GpuState(gpus, NOTHING if gpus else Message("machine.no_gpu_of_driver"))
    except nvml.NVMLError as error:
        return GpuState(reason=Message("machine.gpus_not_listed", reason=message_of(error)))
    finally:
        with suppress(nvml.NVMLError):  # what it has reported counts
            nvml.nvmlShutdown()


def _read_gpu(nvml: Any, index: int) -> Gpu | None:
    def ask(question: Callable[[], T]) -> T | None:
        # AttributeError: a binding older than the question
        try:
            return question()
        except (
            nvml.NVMLError,
            UnicodeDecodeError,
            AttributeError,
        ):
            return None

    handle = ask(lambda: nvml.nvmlDeviceGetHandleByIndex(index))
    if handle is None:
        return None
    memory = ask(lambda: nvml.nvmlDeviceGetMemoryInfo(handle))
    rates = ask(lambda: nvml.nvmlDeviceGetUtilizationRates(handle))
    running = ask(lambda: nvml.nvmlDeviceGetComputeRunningProcesses(handle))
    power = ask(lambda: nvml.nvmlDeviceGetPowerUsage(handle))
    limit = ask(lambda: nvml.nvmlDeviceGetEnforcedPowerLimit(handle))
    capability = ask(lambda: nvml.nvmlDeviceGetCudaComputeCapability(handle))
    mig = ask(lambda: nvml.nvmlDeviceGetMigMode(handle))
    return Gpu(
        index=index,
        name=_text(ask(lambda: nvml.nvmlDeviceGetName(handle))) or f"GPU {index}",
        uuid=_text(ask(lambda: nvml.nvmlDeviceGetUUID(handle))),
        memory_total=int(memory.total) if memory else None,
        memory_used=int(memory.used) if memory else None,
        memory_free=int(memory.free) if memory else None,
        utilisation=int(rates.gpu) if rates else None,
        temperature=ask(lambda: int(nvml.nvmlDeviceGetTemperature(handle, nvml.NVML_TEMPERATURE_GPU))),
        power=power / 1000 if power is not None else None,
        power_limit=limit / 1000 if limit is not None else None,
        capability=(int(capability[0]), int(capability[1])) if capability else None,
        mig=bool(mig and mig[0]),
        processes=_processes(running),
    )


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value or "")


def _processes(running: Any) -> dict[int, int] | None:
    """None when one of them does not report how much memory is used: a sum would then be wrong."""
    if running is None:
        return None
    held = {int(process.pid): process.usedGpuMemory for process in running}
    return None if any(used is None for used in held.values()) else {pid: int(used) for pid, used in held.items()}


def visible_gpus(gpus: tuple[Gpu, ...], visible: str | None) -> tuple[Gpu, ...]:
    """Those that CUDA_VISIBLE_DEVICES lets torch see, in torch's order; `visible` None means all.

    As CUDA does, the list ends at the first entry that names no GPU. A MIG entry stands for its whole GPU where that
    is known.
    """
    if visible is None:
        return gpus
    chosen: list[Gpu] = []
    for entry in (part.strip() for part in visible.split(",")):
        found = [g for g in gpus if entry == str(g.index) or (entry.startswith("GPU-") and g.uuid.startswith(entry))]
        if not found and entry.startswith("MIG") and len(gpus) == 1:
            found = list(gpus)
        if not found:
            break
        chosen += found[:1]
    return tuple(chosen)


def torch_gpus(state: GpuState) -> tuple[Gpu, ...]:
    """The GPUs that a torch started from here sees."""
    return visible_gpus(state.gpus, os.environ.get("CUDA_VISIBLE_DEVICES"))


def held_by_torch(torch: Any, state: GpuState) -> list[dict[str, Any]]:
    """What this process holds on each GPU that it uses, as events.MemorySampled has it. CUDA must be initialised."""
    seen = torch_gpus(state)
    held = []
    for place in range(torch.cuda.device_count()):
        reserved = int(torch.cuda.memory_reserved(place))
        if not reserved:
            continue
        gpu = seen[place] if place < len(seen) else Gpu(place)
        ours = (gpu.processes or {}).get(os.getpid())
        context = max(ours - reserved, 0) if ours is not None else None
        held.append({"uuid": gpu.uuid, "index": gpu.index, "reserved": reserved, "context": context})
    return held


def named_devices(gpus: str) -> list[str]:
    """0,1 -> cuda:0, cuda:1."""
    names = [name.strip() for name in gpus.split(",") if name.strip()]
    return [f"cuda:{name}" if name.isdigit() else name for name in names]
