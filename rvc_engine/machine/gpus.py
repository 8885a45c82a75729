"""What the driver reports of the GPUs, by NVML: no CUDA context, no torch. Each field is asked for on its own; None is
"not reported"."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from types import ModuleType
from typing import Any

from rvc_engine.messages import NOTHING, Message, message_of

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
    instances: tuple[Gpu, ...] = ()
    """Where MIG is on: its parts, each with its own uuid and memory."""
    place: tuple[int, int] | None = None
    """Of an instance: numbers of its GPU instance and compute instance."""


@dataclass(frozen=True)
class GpuState:
    """The GPUs of this machine, or why there are none to see: that is a state, not an error. `driver`: its version."""

    gpus: tuple[Gpu, ...] = ()
    reason: Message = NOTHING
    driver: str = ""


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
        driver = _text(_asked(nvml, "nvmlSystemGetDriverVersion"))
        return GpuState(gpus, NOTHING if gpus else Message("machine.no_gpu_of_driver"), driver)
    except nvml.NVMLError as error:
        return GpuState(reason=Message("machine.gpus_not_listed", reason=message_of(error)))
    finally:
        with suppress(nvml.NVMLError):  # what it has reported counts
            nvml.nvmlShutdown()


def _asked(nvml: Any, question: str, *about: Any) -> Any:
    """The driver's answer; None where it or the binding has none."""
    try:
        return getattr(nvml, question)(*about)
    except (nvml.NVMLError, UnicodeDecodeError, AttributeError):
        return None


def _read_gpu(nvml: Any, index: int) -> Gpu | None:
    handle = _asked(nvml, "nvmlDeviceGetHandleByIndex", index)
    if handle is None:
        return None
    gpu = _described(nvml, handle, index)
    return replace(gpu, instances=tuple(_instances(nvml, handle, gpu))) if gpu.mig else gpu


def _described(nvml: Any, handle: Any, index: int) -> Gpu:
    ask = partial(_asked, nvml)
    memory = ask("nvmlDeviceGetMemoryInfo", handle)
    rates = ask("nvmlDeviceGetUtilizationRates", handle)
    power = ask("nvmlDeviceGetPowerUsage", handle)
    limit = ask("nvmlDeviceGetEnforcedPowerLimit", handle)
    capability = ask("nvmlDeviceGetCudaComputeCapability", handle)
    temperature = ask("nvmlDeviceGetTemperature", handle, nvml.NVML_TEMPERATURE_GPU)
    mig = ask("nvmlDeviceGetMigMode", handle)
    return Gpu(
        index=index,
        name=_text(ask("nvmlDeviceGetName", handle)) or f"GPU {index}",
        uuid=_text(ask("nvmlDeviceGetUUID", handle)),
        memory_total=int(memory.total) if memory else None,
        memory_used=int(memory.used) if memory else None,
        memory_free=int(memory.free) if memory else None,
        utilisation=int(rates.gpu) if rates else None,
        temperature=int(temperature) if temperature is not None else None,
        power=power / 1000 if power is not None else None,
        power_limit=limit / 1000 if limit is not None else None,
        capability=(int(capability[0]), int(capability[1])) if capability else None,
        mig=bool(mig and mig[0]),
        processes=_processes(ask("nvmlDeviceGetComputeRunningProcesses", handle)),
    )


def _instances(nvml: Any, handle: Any, whole: Gpu) -> Iterator[Gpu]:
    """The parts of a GPU with MIG."""
    for number in range(int(_asked(nvml, "nvmlDeviceGetMaxMigDeviceCount", handle) or 0)):
        part = _asked(nvml, "nvmlDeviceGetMigDeviceHandleByIndex", handle, number)
        if part is None:
            continue
        places = [_asked(nvml, f"nvmlDeviceGet{kind}InstanceId", part) for kind in ("Gpu", "Compute")]
        place = (int(places[0]), int(places[1])) if None not in places else None
        found = _described(nvml, part, whole.index)
        yield replace(found, mig=False, capability=found.capability or whole.capability, place=place)


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

    As CUDA does, the list ends at the first entry that names no GPU. An entry of MIG is one of a GPU's instances; where
    the driver does not list them, it stands for the whole GPU if there is only one. Unnamed, the first is used.
    """
    if visible is None:
        return tuple(gpu.instances[0] if gpu.instances else gpu for gpu in gpus)
    chosen: list[Gpu] = []
    for entry in (part.strip() for part in visible.split(",")):
        found = _instance(gpus, entry) if entry.startswith("MIG-") else _whole(gpus, entry)
        if found is None:
            break
        chosen.append(found)
    return tuple(chosen)


def _whole(gpus: tuple[Gpu, ...], entry: str) -> Gpu | None:
    """By its number, or by the beginning of its uuid."""
    found = [g for g in gpus if entry == str(g.index) or (entry.startswith("GPU-") and g.uuid.startswith(entry))]
    return found[0] if found else None


def _instance(gpus: tuple[Gpu, ...], entry: str) -> Gpu | None:
    """By its uuid, or in the old way, MIG-GPU-uuid/1/0."""
    gpu, _, place = entry.removeprefix("MIG-").partition("/")
    for whole in gpus:
        for part in whole.instances:
            old = (
                bool(place)
                and whole.uuid == gpu
                and part.place is not None
                and f"{part.place[0]}/{part.place[1]}" == place
            )
            if part.uuid == entry or old:
                return part
    return gpus[0] if len(gpus) == 1 and not gpus[0].instances else None


def torch_gpus(state: GpuState) -> tuple[Gpu, ...]:
    """The GPUs that a torch started from here sees."""
    return visible_gpus(state.gpus, os.environ.get("CUDA_VISIBLE_DEVICES"))


def held_by_torch(torch: Any, state: GpuState) -> list[dict[str, Any]]:
    """What this process holds on each GPU that it uses, as events.MemorySampled has it. CUDA must be initialised."""
    held = []
    for place in range(torch.cuda.device_count()):
        reserved = int(torch.cuda.memory_reserved(place))
        if not reserved:
            continue
        gpu = _of_torch(torch, place, state)
        ours = (gpu.processes or {}).get(os.getpid())
        context = max(ours - reserved, 0) if ours is not None else None
        held.append({"uuid": gpu.uuid, "index": gpu.index, "reserved": reserved, "context": context})
    return held


def _of_torch(torch: Any, place: int, state: GpuState) -> Gpu:
    """torch's device by its uuid: in which order CUDA counts is the user's choice. By its place where there is none."""
    uuid = str(getattr(torch.cuda.get_device_properties(place), "uuid", ""))
    everything = [*state.gpus, *(part for gpu in state.gpus for part in gpu.instances)]
    if uuid and (found := next((gpu for gpu in everything if gpu.uuid.endswith(uuid)), None)):
        return found
    seen = torch_gpus(state)
    return seen[place] if place < len(seen) else Gpu(place, uuid=f"GPU-{uuid}" if uuid else "")


def named_devices(gpus: str) -> list[str]:
    """0,1 -> cuda:0, cuda:1."""
    names = [name.strip() for name in gpus.split(",") if name.strip()]
    return [f"cuda:{name}" if name.isdigit() else name for name in names]
