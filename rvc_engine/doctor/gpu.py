"""The doctor's checks of GPUs: what the driver reports by NVML, without a CUDA context, and whether torch can use
them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rvc_engine.doctor.findings import FAIL, NONE, OK, WARN, Finding, first_line, load
from rvc_engine.machine.gpus import Gpu, load_nvml, read_gpus, torch_gpus
from rvc_engine.messages import Message


def driver(home: Path, nvml: Any = None) -> Iterator[Finding]:
    """NVML, the driver's version, each GPU, MIG. `nvml` replaces pynvml in tests."""
    nvml = nvml if nvml is not None else load_nvml()
    if nvml is None:
        yield Finding("nvml", WARN, Message("doctor.pynvml_not_installed"), Message("doctor.pip_install_nvidia_ml_py"))
        return
    state = read_gpus(nvml)
    if not state.gpus:
        yield Finding(
            "driver",
            NONE,
            state.reason,
            Message("doctor.gpu_needs_nvidia_driver_nvidia"),
        )
        return
    yield Finding("driver", OK, f"NVIDIA {_version(nvml)}")
    yield Finding("nvml", OK, f"{len(state.gpus)} GPU{'s' if len(state.gpus) > 1 else ''}")
    seen = {gpu.index for gpu in torch_gpus(state)}
    for gpu in state.gpus:
        yield _gpu(gpu, gpu.index in seen)
    if any(gpu.mig for gpu in state.gpus):
        yield Finding("mig", OK, Message("doctor.switched"), Message("doctor.cuda_visible_devices_mig_chooses"))


def _version(nvml: Any) -> str:
    try:
        nvml.nvmlInit()
        found = nvml.nvmlSystemGetDriverVersion()
        nvml.nvmlShutdown()
        return found.decode() if isinstance(found, bytes) else str(found)
    except (nvml.NVMLError, UnicodeDecodeError):
        return Message("doctor.unknown_version")


def _gpu(gpu: Gpu, visible: bool) -> Finding:
    free = f"{gpu.memory_free / 1e9:.1f}" if gpu.memory_free is not None else "?"
    total = f"{gpu.memory_total / 1e9:.1f}" if gpu.memory_total is not None else "?"
    capability = (
        Message("doctor.compute_capability", capability=gpu.capability[0], capability_2=gpu.capability[1])
        if gpu.capability
        else ""
    )
    found = Message("doctor.gb_free_gb", gpu=gpu.name, free=free, total=total, capability=capability)
    if not visible:
        chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
        return Finding(
            f"gpu {gpu.index}",
            WARN,
            Message("doctor.hidden_cuda_visible_devices", found=found, chosen=chosen),
            Message("doctor.unset_use_gpu"),
        )
    if gpu.memory_free is not None and gpu.memory_free < 3e9:
        return Finding(
            f"gpu {gpu.index}",
            WARN,
            found,
            Message("doctor.other_programs_hold_memory_nvidia"),
        )
    return Finding(f"gpu {gpu.index}", OK, found)


def cuda(home: Path) -> Iterator[Finding]:
    """Whether torch computes on the GPU; a computed sum on each proves more than what it reports."""
    torch, reason = load("torch")
    if torch is None:
        yield Finding("cuda", FAIL, reason, Message("doctor.pip_install_torch"))
        return
    there = bool(torch_gpus(read_gpus()))
    if not torch.version.cuda:
        hint = Message("doctor.pip_install_torch_built_cuda")
        yield Finding("cuda", FAIL if there else NONE, Message("doctor.torch_built_cpus"), hint if there else "")
    elif not torch.cuda.is_available():
        hint = Message("doctor.update_driver_cuda_install_torch", cuda=torch.version.cuda)
        yield Finding("cuda", FAIL if there else NONE, Message("doctor.torch_sees_no_gpu"), hint if there else "")
    else:
        for index in range(torch.cuda.device_count()):
            yield _computes(torch, index)


def _computes(torch: Any, index: int) -> Finding:
    name = f"cuda {index}"
    try:
        total = torch.arange(1000, device=f"cuda:{index}").sum().item()
    except Exception as error:  # torch has many: no kernel for this GPU, memory, a broken driver
        hint = Message("doctor.install_torch_whose_cuda_supports")
        return Finding(name, FAIL, first_line(error), hint)
    precision = Message("doctor.bf16_fp16") if torch.cuda.is_bf16_supported() else "fp16"
    right = total == 499500
    found = f"{torch.cuda.get_device_name(index)} computes, {precision}, CUDA {torch.version.cuda}"
    return Finding(
        name,
        OK if right else FAIL,
        found if right else Message("doctor.computes_wrong_sums"),
        "" if right else Message("doctor.use_another_gpu"),
    )
