"""What the engine holds in memory, read now and then by a thread of its own: a driver that hangs must not hold up the
engine."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Sequence
from typing import Any

import psutil

from rvc_engine.events import MemorySampled
from rvc_engine.machine.gpus import held_by_torch, read_gpus

of_children: list[dict[str, Any]] = []
"""What processes that this one has started report of their GPUs, as MemorySampled.gpus."""


class MemorySamples:
    """`take` gives each reading once. The thread ends with the block, and nobody waits for it."""

    def __init__(self, every_s: float) -> None:
        self.every_s = every_s
        self._latest: MemorySampled | None = None
        self._ended = threading.Event()

    def __enter__(self) -> MemorySamples:
        threading.Thread(target=self._read_on, name="memory", daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._ended.set()

    def take(self) -> MemorySampled | None:
        latest, self._latest = self._latest, None
        return latest

    def _read_on(self) -> None:
        while not self._ended.is_set():
            # a driver has its own words for what fails; the next reading may succeed
            with contextlib.suppress(Exception):
                self._latest = sample()
            self._ended.wait(self.every_s)


def sample() -> MemorySampled:
    """Of this process and all that it has started."""
    process = psutil.Process()
    rss = process.memory_info().rss
    for child in process.children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            rss += child.memory_info().rss
    torch = sys.modules.get("torch")
    used = torch is not None and hasattr(torch, "cuda") and torch.cuda.is_initialized()
    gpus = added_up([*(held_by_torch(torch, read_gpus()) if used else []), *of_children])
    return MemorySampled(rss_bytes=rss, gpu_bytes=sum(gpu["reserved"] for gpu in gpus), gpus=gpus)


def added_up(held: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """One entry a GPU, where several processes hold memory on it; the context is not known where one does not know
    its own."""
    whole: dict[Any, dict[str, Any]] = {}
    for one in held:
        same = whole.setdefault(one["uuid"] or one["index"], {**one, "reserved": 0, "context": 0})
        same["reserved"] += one["reserved"]
        known = same["context"] is not None and one["context"] is not None
        same["context"] = same["context"] + one["context"] if known else None
    return list(whole.values())
