"""A voice with seeded random weights, and a wave to convert."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from rvc_engine.audio.io import write_wav
from rvc_engine.models.synthesizer import Synthesizer
from rvc_engine.presets import model_config
from rvc_engine.voices.small_model import write_small_model


def save_voice(path: Path, preset: str = "starter-tiny", seed: int = 1, **changes: Any) -> Path:
    torch.manual_seed(seed)
    config = model_config(preset, **changes)
    path.parent.mkdir(parents=True, exist_ok=True)
    network = Synthesizer(config, posterior=False)
    write_small_model(path, network.state_dict(), config, epoch=1, step=2, extra={"unvoiced": "interpolate"})
    return path


def save_wave(path: Path, seconds: float = 0.7) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    t = np.arange(int(22050 * seconds)) / 22050
    write_wav(path, 0.3 * np.sign(np.sin(2 * np.pi * 150 * t)), 22050)
    return path
