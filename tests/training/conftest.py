"""A small experiment, as the stages before training leave it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.io import wavfile

from rvc_engine.experiment import Experiment
from rvc_engine.settings import ExperimentSettings, for_preset
from rvc_engine.workspace import Workspace

Maker = Callable[..., tuple[Experiment, ExperimentSettings]]


def write_clip(experiment: Experiment, settings: ExperimentSettings, folder: Path, name: str, seconds: float) -> None:
    model, draw = settings.model, np.random.default_rng(len(name) + int(seconds * 1000))
    frames = int(seconds * 100)
    home = Experiment(folder, experiment.workspace)
    t = np.arange(int(seconds * model.sample_rate)) / model.sample_rate
    wave = (0.3 * np.sin(2 * np.pi * 200 * t) + 0.01 * draw.standard_normal(len(t))).astype(np.float32)
    arrays = {
        home.features(model.feature_dim) / f"{name}.npy": draw.standard_normal((frames // 2, model.feature_dim)).astype(
            np.float32
        ),
    }
    if settings.pitched:
        arrays[home.pitch_coarse / f"{name}.wav.npy"] = np.full(frames, 80)
        arrays[home.pitch_hz / f"{name}.wav.npy"] = np.full(frames, 200.0)
    for path, array in arrays.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, array)
    home.ground_truth.mkdir(parents=True, exist_ok=True)
    wavfile.write(home.ground_truth / f"{name}.wav", model.sample_rate, wave)


@pytest.fixture
def add_clip() -> Callable[..., None]:
    return write_clip


@pytest.fixture
def make_experiment(tmp_path: Path) -> Maker:
    def make(
        name: str = "voice",
        preset: str = "starter-tiny",
        seconds: tuple[float, ...] = (1.2, 1.2, 0.8, 0.7),
        pitched: bool = True,
    ) -> tuple[Experiment, ExperimentSettings]:
        experiment, settings = Workspace(tmp_path).experiment(name), for_preset(preset, pitched=pitched)
        settings.train.batch_size, settings.train.epochs, settings.train.device, settings.train.threads = 2, 2, "cpu", 1
        settings.train.precision, settings.train.lr_decay = "fp32", 0.999875  # the same rates for any number of epochs
        for i, length in enumerate(seconds):
            write_clip(experiment, settings, experiment.folder, f"0_{i}", length)
        return experiment, settings

    return make
