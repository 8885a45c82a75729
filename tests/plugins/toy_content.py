"""A content encoder of another package: 8 bands of the spectrum, 50 frames a second."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rvc_engine.content.base import FRAME_SAMPLES, ContentEncoder, LoadedEncoder, refuse_empty

if TYPE_CHECKING:
    import torch


class Bands(ContentEncoder):
    dim = 8
    about = "eight bands of the spectrum"

    def read(self, path: Path | None, device: torch.device | str, precision: str) -> LoadedEncoder:
        return LoadedBands(self.name, self.dim)


class LoadedBands:
    def __init__(self, name: str, dim: int) -> None:
        self.name, self.dim = name, dim

    def encode(self, waves: list[np.ndarray]) -> list[np.ndarray]:
        refuse_empty(waves)
        return [self._bands(np.pad(wave, (0, -len(wave) % FRAME_SAMPLES)).reshape(-1, FRAME_SAMPLES)) for wave in waves]

    def _bands(self, frames: np.ndarray) -> np.ndarray:
        spectrum = np.abs(np.fft.rfft(frames, axis=1))[:, 1:161]
        return np.log1p(spectrum.reshape(len(frames), self.dim, -1).mean(axis=2)).astype(np.float32)
