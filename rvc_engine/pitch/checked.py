"""Pitch tracking that continues with less: fewer waves at a time where a GPU's memory runs out, and the CPU for a wave
that does not fit alone."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import torch

from rvc_engine.machine.device import free_memory, out_of_memory
from rvc_engine.messages import Message
from rvc_engine.pitch import resolve_tracker, track_all
from rvc_engine.pitch.base import Hz, Wave

if TYPE_CHECKING:
    from rvc_engine.workspace import Workspace


class CheckedTracker:
    """A pitch method on a device. Each wave is tried on the GPU, also after one that did not fit: memory may be free
    again."""

    def __init__(self, method: str, device: str, workspace: Workspace | None) -> None:
        self.method, self.device, self.workspace = method, device, workspace
        self._together = sys.maxsize  # waves
        self._on_cpu = False

    @property
    def on_gpu(self) -> bool:
        """Does a GPU track? Otherwise a CPU does, beside whatever a GPU is doing."""
        return self.device != "cpu" and resolve_tracker(self.method, self.workspace).is_network

    def load(self) -> None:
        """As PitchTracker.load; a GPU without room for it is left for `track` to find out."""
        try:
            resolve_tracker(self.method, self.workspace).load(self.device, self.workspace)
        except (RuntimeError, MemoryError) as error:
            if self.device == "cpu" or out_of_memory(error) is None:
                raise

    def track(self, waves: Sequence[Wave]) -> list[Hz]:
        """As rvc_engine.pitch.track_all. Where a GPU's memory runs out, half as many waves go together from then on;
        raises what torch raises when the CPU's does not suffice either."""
        found: list[Hz] = []
        while len(found) < len(waves):
            some = waves[len(found) : len(found) + self._together]
            made = self._if_they_fit(some)
            if made is None:
                free_memory(torch.device(self.device))
                if len(some) > 1:
                    self._together = -(-len(some) // 2)
                    continue
                self._on_cpu = True
                made = list(track_all(self.method, some, workspace=self.workspace))
            found += made
        return found

    def _if_they_fit(self, waves: Sequence[Wave]) -> list[Hz] | None:
        """None where a GPU's memory runs out; what the error held is free by then."""
        try:
            return list(track_all(self.method, waves, device=self.device, workspace=self.workspace))
        except (RuntimeError, MemoryError) as error:
            if not self.on_gpu or out_of_memory(error) is None:
                raise
            return None

    def notes(self) -> Iterator[Message]:
        """That waves were tracked on the CPU since the last call."""
        if self._on_cpu:
            self._on_cpu = False
            yield Message("pitch.on_cpu")
