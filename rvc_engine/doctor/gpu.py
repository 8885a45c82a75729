"""The doctor's checks of GPUs: what the driver reports by NVML, without a CUDA context, and whether torch can use
them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rvc_engine.doctor.findings import FAIL, NONE, OK, WARN, Finding, first_line, load
from rvc_engine.machine.gpus import Gpu, load_nvml, read_gpus, torch_gpus


def driver(home: Path, nvml: Any = None) -> Iterator[Finding]:
    """NVML, the driver's version, each GPU, MIG. `nvml` replaces pynvml in tests."""
    nvml = nvml if nvml is not None else load_nvml()
    if nvml is None:
        yield Finding("nvml", WARN, "pynvml is not installed", "pip install nvidia-ml-py")
        return
    state = read_gpus(nvml)
    if not state.gpus:
        yield Finding(
            "driver",
            NONE,
            state.reason,
            "a GPU needs NVIDIA's driver (nvidia-smi shows it); without one --preset starter trains",
        )
        return
    yield Finding("driver", OK, f"NVIDIA {_version(nvml)}")
    yield Finding("nvml", OK, f"{len(state.gpus)} GPU{'s' if len(state.gpus) > 1 else ''}")
    seen = {gpu.index for gpu in torch_gpus(state)}
    for gpu in state.gpus:
        yield _gpu(gpu, gpu.index in seen)
    if any(gpu.mig for gpu in state.gpus):
        yield Finding(
            "mig", OK, "switched on", "CUDA_VISIBLE_DEVICES=MIG-... chooses a slice (nvidia-smi -L lists them)"
        )


def _version(nvml: Any) -> str:
    try:
        nvml.nvmlInit()
        found = nvml.nvmlSystemGetDriverVersion()
        nvml.nvmlShutdown()
        return found.decode() if isinstance(found, bytes) else str(found)
    except (nvml.NVMLError, UnicodeDecodeError):
        return "of unknown version"


def _gpu(gpu: Gpu, visible: bool) -> Finding:
    free = f"{gpu.memory_free / 1e9:.1f}" if gpu.memory_free is not None else "?"
    total = f"{gpu.memory_total / 1e9:.1f}" if gpu.memory_total is not None else "?"
    capability = f", compute capability {gpu.capability[0]}.{gpu.capability[1]}" if gpu.capability else ""
    found = f"{gpu.name}: {free} GB free of {total} GB{capability}"
    if not visible:
        chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
        return Finding(
            f"gpu {gpu.index}", WARN, f"{found}; hidden by CUDA_VISIBLE_DEVICES={chosen}", "unset it to use this GPU"
        )
    if gpu.memory_free is not None and gpu.memory_free < 3e9:
        return Finding(
            f"gpu {gpu.index}",
            WARN,
            found,
            "other programs hold its memory: nvidia-smi names them; rvc advise finds what fits",
        )
    return Finding(f"gpu {gpu.index}", OK, found)


def cuda(home: Path) -> Iterator[Finding]:
    """Whether torch computes on the GPU; a computed sum on each proves more than what it reports."""
    torch, reason = load("torch")
    if torch is None:
        yield Finding("cuda", FAIL, reason, "pip install torch")
        return
    there = bool(torch_gpus(read_gpus()))
    if not torch.version.cuda:
        hint = "pip install a torch built for CUDA: https://pytorch.org/get-started/locally"
        yield Finding("cuda", FAIL if there else NONE, "torch is built for CPUs", hint if there else "")
    elif not torch.cuda.is_available():
        hint = f"update the driver for CUDA {torch.version.cuda}, or install a torch built for an older CUDA"
        yield Finding("cuda", FAIL if there else NONE, "torch sees no GPU", hint if there else "")
    else:
        for index in range(torch.cuda.device_count()):
            yield _computes(torch, index)


def _computes(torch: Any, index: int) -> Finding:
    name = f"cuda {index}"
    try:
        total = torch.arange(1000, device=f"cuda:{index}").sum().item()
    except Exception as error:  # torch has many: no kernel for this GPU, memory, a broken driver
        hint = "install a torch whose CUDA supports this GPU, or use --device cpu"
        return Finding(name, FAIL, first_line(error), hint)
    precision = "bf16 and fp16" if torch.cuda.is_bf16_supported() else "fp16"
    right = total == 499500
    found = f"{torch.cuda.get_device_name(index)} computes, {precision}, CUDA {torch.version.cuda}"
    return Finding(
        name, OK if right else FAIL, found if right else "it computes wrong sums", "" if right else "use another GPU"
    )
