"""The doctor's checks of GPUs: what the driver reports by NVML, without a CUDA context, and whether torch can use
them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rvc_engine.doctor.findings import FAIL, NONE, OK, WARN, Finding, load
from rvc_engine.machine.gpu_reader import gpus_now
from rvc_engine.machine.gpus import Gpu, has_bf16, load_nvml, read_gpus, torch_gpus
from rvc_engine.machine.torch_build import unused_gpu
from rvc_engine.messages import Message, message_of
from rvc_engine.messages.message import cause_of, fix_of


def driver(home: Path, nvml: Any = None) -> Iterator[Finding]:
    """NVML, the driver's version, each GPU, MIG. `nvml` replaces pynvml in tests."""
    if nvml is None and load_nvml() is None:
        yield Finding("nvml", WARN, Message("doctor.no_pynvml"), Message("doctor.install_pynvml"))
        return
    state = read_gpus(nvml) if nvml else gpus_now()
    if not state.gpus:
        yield Finding("driver", NONE, state.reason, Message("doctor.gpu_needs_driver"))
        return
    version = Message("doctor.driver", version=state.driver) if state.driver else Message("doctor.driver_unknown")
    yield Finding("driver", OK, version)
    yield Finding("nvml", OK, Message("doctor.gpus", count=len(state.gpus)))
    seen = {gpu.index for gpu in torch_gpus(state)}
    for gpu in state.gpus:
        yield _gpu(gpu, gpu.index in seen)
    if any(gpu.mig for gpu in state.gpus):
        yield Finding("mig", OK, Message("doctor.mig_on"), Message("doctor.choose_mig"))


def _gpu(gpu: Gpu, visible: bool) -> Finding:
    name, found = f"gpu {gpu.index}", _memory_of(gpu)
    if not visible:
        found = Message("doctor.gpu_hidden", found=found, chosen=os.environ.get("CUDA_VISIBLE_DEVICES"))
        return Finding(name, WARN, found, Message("doctor.show_gpu"))
    if gpu.memory_free is not None and gpu.memory_free < 3e9:
        return Finding(name, WARN, found, Message("doctor.gpu_full"))
    return Finding(name, OK, found)


def _memory_of(gpu: Gpu) -> Message:
    free = gpu.memory_free / 1e9 if gpu.memory_free is not None else "?"
    total = gpu.memory_total / 1e9 if gpu.memory_total is not None else "?"
    if not gpu.capability:
        return Message("doctor.gpu", name=gpu.name, free=free, total=total)
    capability = ".".join(map(str, gpu.capability))
    return Message("doctor.gpu_capability", name=gpu.name, free=free, total=total, capability=capability)


def cuda(home: Path) -> Iterator[Finding]:
    """Whether torch computes on the GPU; a computed sum on each proves more than what it reports."""
    torch, reason = load("torch")
    if torch is None:
        yield Finding("cuda", FAIL, reason, Message("doctor.install_package", name="torch"))
        return
    if unused := unused_gpu():
        yield Finding("cuda", FAIL, cause_of(unused), fix_of(unused))
    elif not torch.cuda.is_available():
        code = "doctor.torch_without_gpu" if torch.version.cuda else "doctor.torch_without_cuda"
        yield Finding("cuda", NONE, Message(code))
    else:
        for index in range(torch.cuda.device_count()):
            yield _computes(torch, index)


def _computes(torch: Any, index: int) -> Finding:
    name = f"cuda {index}"
    try:
        total = torch.arange(1000, device=f"cuda:{index}").sum().item()
    except Exception as error:  # torch has many: no kernel for this GPU, memory, a broken driver
        return Finding(name, FAIL, message_of(error), Message("doctor.install_other_torch"))
    if total != 499500:
        return Finding(name, FAIL, Message("doctor.gpu_computes_wrong"), Message("doctor.use_other_gpu"))
    has = has_bf16(torch.cuda.get_device_capability(index))
    precisions = Message("doctor.bf16_and_fp16") if has else "fp16"
    gpu, version = torch.cuda.get_device_name(index), torch.version.cuda
    return Finding(name, OK, Message("doctor.gpu_computes", name=gpu, precisions=precisions, cuda=version))
