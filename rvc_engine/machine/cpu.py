"""The CPU's name and features. Loads no torch."""

from __future__ import annotations

import os
from pathlib import Path


def cpu_name() -> str:
    """What it is called."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass  # no Linux: the count of cores has to do
    return f"CPU, {os.cpu_count() or 1} cores"


def cpu_has_bf16() -> bool:
    """In hardware: without, torch computes it many times slower than float32. Loads no torch."""
    try:
        flags = next(line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("flags"))
    except (OSError, StopIteration):
        return False  # no Linux, or no x86: float32 is always right
    return not {"avx512_bf16", "amx_bf16"}.isdisjoint(flags.split())


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
