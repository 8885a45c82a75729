"""Pitch by CREPE (torchcrepe, an optional package)."""

from __future__ import annotations

import importlib.util

import numpy as np
from numpy.typing import NDArray

from rvc_engine.errors import BadInput
from rvc_engine.pitch.coarse import CEILING_HZ, FLOOR_HZ

SURE = 0.1
"""Frames with a lower periodicity are unvoiced, as RVC does it."""


def is_installed() -> bool:
    return importlib.util.find_spec("torchcrepe") is not None


def crepe(wave_16k: NDArray[np.floating], frames: int, device: str) -> NDArray[np.float64]:
    """(T,) -> (frames,) Hz, 0 = unvoiced. Raises BadInput when torchcrepe is not installed."""
    if not is_installed():
        raise BadInput(
            "crepe needs the package torchcrepe", "it is not installed", "pip install torchcrepe, or choose another pitch method"
        )
    import torch
    import torchcrepe

    wave = torch.from_numpy(np.ascontiguousarray(wave_16k, dtype=np.float32))[None]
    f0, periodicity = torchcrepe.predict(
        wave, 16000, 160, FLOOR_HZ, CEILING_HZ, model="full", batch_size=512, device=device, return_periodicity=True
    )
    f0 = torchcrepe.filter.mean(f0, 3)
    f0[torchcrepe.filter.median(periodicity, 3) < SURE] = 0
    return np.asarray(f0[0].double().cpu().numpy())[:frames]
