"""What a simulated GPU was asked for, in this process since `reset`. Import it after torch."""

from __future__ import annotations

import ctypes
import os

NAMES = (
    "launches",
    "to_gpu",
    "from_gpu",
    "inside",
    "waits",
    "clears",
    "products",
    "transforms",
    "graphs",
    "from_pageable",
    "event_waits",
    "bytes_to_gpu",
)
"""Kernels (cuDNN's too); copies to, from and inside the GPU; waits for it; memory cleared; matrix products; Fourier
transforms; graphs replayed; copies to the GPU from memory that is not pinned; waits for an event, which is for what was
put on the queue before it, not for all of it; bytes copied to the GPU. As in stand_in/runtime.c."""
_runtime = ctypes.CDLL(os.environ["PRETENDED_LIBRARY"])
_counts = (ctypes.c_ulong * len(NAMES)).in_dll(_runtime, "pretended_counts")


def reset() -> None:
    _runtime.pretended_reset()


def counts() -> dict[str, int]:
    return dict(zip(NAMES, _counts, strict=True))


def operations() -> int:
    """All that was put on the GPU's queue."""
    found = counts()
    others = ("waits", "from_pageable", "event_waits", "bytes_to_gpu")
    return sum(found[name] for name in NAMES if name not in others)
