"""For which CUDA the installed torch is built, and whether the driver is new enough for it. Imports no torch."""

from __future__ import annotations

import re
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from rvc_engine.common.opening import read_text
from rvc_engine.machine.gpu_reader import gpus_now
from rvc_engine.machine.gpus import GpuState, torch_gpus
from rvc_engine.messages import NOTHING, Message

DRIVERS = {11: 450, 12: 525, 13: 580}
"""Major version of CUDA: of the oldest driver for Linux on which its programs run. NVIDIA, "CUDA Compatibility", minor
version compatibility."""


@cache
def cuda_of_torch() -> str:
    """13.0; empty for a torch without CUDA, and where there is none."""
    spec = find_spec("torch")
    if spec is None or not spec.origin:
        return ""
    try:
        text = read_text(Path(spec.origin).with_name("version.py"))
    except (OSError, ValueError):
        return ""
    found = re.search(r"^cuda\b.*=\s*'([\d.]+)'", text, re.MULTILINE)
    return found[1] if found else ""


def unused_gpu(state: GpuState | None = None) -> Message:
    """A GPU that the driver shows and torch cannot use: which, and what it needs. NOTHING when there is none."""
    state = state or gpus_now()
    if not (gpus := torch_gpus(state)):
        return NOTHING
    cuda = cuda_of_torch()
    if not cuda:
        return Message("machine.torch_without_cuda", gpu=gpus[0].name)
    needed = DRIVERS.get(int(cuda.partition(".")[0]), max(DRIVERS.values()))
    about = {"gpu": gpus[0].name, "cuda": cuda, "needed": needed, "driver": state.driver or "?"}
    major = state.driver.partition(".")[0]
    if major.isdecimal() and int(major) < needed:
        return Message("machine.driver_too_old", **about)
    torch = sys.modules.get("torch")
    if torch is not None and not torch.cuda.is_available():
        return Message("machine.gpu_not_usable", **about)
    return NOTHING
