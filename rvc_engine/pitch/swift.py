"""Pitch by SwiftF0 (Nieradzik, 2025), a network of 14,386 weights that comes in its package swift-f0, on a CPU."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from rvc_engine.pitch.base import Hz, OneByOne, Wave
from rvc_engine.pitch.coarse import CEILING_HZ, FLOOR_HZ

if TYPE_CHECKING:
    from rvc_engine.workspace import Workspace

SURE = 0.5
"""Confidence from which a frame is voiced, as its package calibrates it."""


@lru_cache(maxsize=1)
def network() -> Any:
    from swift_f0 import SwiftF0

    return SwiftF0(threads=1, spin=False)  # idle threads of onnxruntime would take cores from torch


class Swift(OneByOne):
    hop = 256
    package = "swift_f0"
    install = "swift-f0"

    def preference(self, preset: str) -> int:
        return 20

    def load(self, device: str, workspace: Workspace | None) -> None:
        self.imported()
        network()

    def release(self) -> None:
        network.cache_clear()

    def track_one(self, wave_16k: Wave, frames: int, device: str) -> Hz:
        self.load(device, None)
        found = network().detect(np.asarray(wave_16k, dtype=np.float32), 16000, FLOOR_HZ, CEILING_HZ)
        return np.where(found.confidence >= SURE, found.pitch_hz, 0.0)[:frames]
