"""One step: losses fall, and only what should learn learns."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import pytest
import torch

from rvc_engine.audio.spectrogram import MelScale, mel_filterbank, spectrogram
from rvc_engine.models.configs import PRESETS
from rvc_engine.training.course import Course
from rvc_engine.training.measure import random_batch
from rvc_engine.training.state import TrainingState
from rvc_engine.training.trainer import Trainer


def start(preset: str = "starter-tiny", precision: str = "fp32") -> tuple[TrainingState, Trainer]:
    state = TrainingState.fresh(PRESETS[preset], Course(epochs=1, learning_rate=1e-3, precision=precision), torch.device("cpu"))
    return state, Trainer(state.generator, state.optimizer, state.adversary, state.precision, state.course)


@pytest.mark.parametrize("precision", ["fp32", pytest.param("bf16", marks=pytest.mark.soak)])
def test_a_few_steps_lower_the_mel_loss(precision: str) -> None:
    state, trainer = start(precision=precision)
    batch = random_batch(state.generator.config, 2, frames=80)
    losses = [trainer.step(batch, state.noise).numbers()["loss/g/mel"] for _ in range(15)]
    assert losses[-1] < 0.9 * losses[0]


def test_the_judgement_teaches_the_generator_alone() -> None:
    state, _ = start()
    wave = torch.randn(2, 1, 1600, requires_grad=True)
    judgement = state.adversary.judge(torch.randn(2, 1, 1600), wave)
    (torch.stack(judgement.adversarial).sum() + judgement.features).backward()
    assert wave.grad is not None and wave.grad.abs().sum() > 0
    assert all(p.grad is None and p.requires_grad for p in state.adversary.network.parameters())


def test_the_adversary_learns_to_tell() -> None:
    state, _ = start()
    real, fake = torch.sin(torch.arange(1600) * 0.1).repeat(2, 1, 1), torch.randn(2, 1, 1600)
    totals = [float(state.adversary.learn(real, fake).total.detach()) for _ in range(20)]
    assert totals[-1] < totals[0]


def test_the_same_seed_gives_the_same_weights() -> None:
    first, second = (TrainingState.fresh(PRESETS["starter-tiny"], Course(epochs=1, seed=5), torch.device("cpu")) for _ in range(2))
    pairs = zip(first.generator.state_dict().values(), second.generator.state_dict().values(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


def test_filters_of_two_rates_differ() -> None:
    """RVC keys its cache by fmax, type and device only, so that the second rate of a process gets the first one's filters."""
    a = mel_filterbank(MelScale(40000, 2048, 125))
    b = mel_filterbank(MelScale(48000, 2048, 125))
    assert a.shape == b.shape and not torch.equal(a, b) and mel_filterbank(MelScale(40000, 2048, 125)) is a
    assert mel_filterbank(MelScale(40000, 2048, 125), torch.float64).dtype == torch.float64


def test_spectrogram_frames() -> None:
    for rate, length in ((16000, 1024), (32000, 1024), (40000, 2048), (48000, 2048)):
        config = replace(PRESETS["starter"], sample_rate=rate, filter_length=length)
        spec = spectrogram(torch.randn(2, rate // 2 + 7), length, config.hop_samples, length)
        assert spec.shape == (2, config.spec_bins, 50)
    with pytest.raises(ValueError, match="too few"):
        spectrogram(torch.zeros(1, 100), 1024, 160, 1024)


def test_measuring_prints_a_line_a_batch_size() -> None:
    command = [sys.executable, "-m", "rvc_engine.training.measure", "starter-tiny", "fp32", "cpu", "1", "2", "--no-pitch"]
    out = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout
    rows = [json.loads(line) for line in out.splitlines()]
    assert [row["batch_size"] for row in rows] == [1, 2]
    assert all(row["memory_bytes"] > 0 and row["samples_per_s"] > 0 for row in rows)
