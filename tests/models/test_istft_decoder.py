"""The source-filter decoder: its pulses are the sum of the harmonics, and a wave of the right length learns."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from rvc_engine.models.istft_decoder import FilterDecoder, pulse_train
from rvc_engine.models.noise import Noise
from rvc_engine.presets import PRESETS

RATE, HOP = 16000, 160


@pytest.mark.parametrize("hz", [80.0, 220.5, 700.0])
def test_pulses_are_the_sum_of_all_harmonics(hz: float) -> None:
    made = pulse_train(torch.full((1, 20), hz), HOP, RATE)[0]
    phase = 2 * math.pi * hz / RATE * torch.arange(1, len(made) + 1, dtype=torch.float64)
    count = math.floor(0.95 * RATE / 2 / hz)
    wanted = sum(torch.cos(k * phase) for k in range(1, count + 1)) * math.sqrt(2 / count)
    assert isinstance(wanted, torch.Tensor)
    torch.testing.assert_close(made.double(), wanted, atol=2e-2, rtol=0)
    assert made.square().mean().item() == pytest.approx(1.0, abs=0.05)


def test_no_pitch_gives_no_pulses() -> None:
    assert not pulse_train(torch.zeros(1, 5), HOP, RATE).any()


def test_a_wave_of_the_right_length_with_gradients() -> None:
    config = replace(PRESETS["starter"], upsample_initial_channel=16, resblock_kernel_sizes=(7,))
    decoder = FilterDecoder(config)
    z, g = torch.randn(2, config.inter_channels, 12), torch.randn(2, config.gin_channels, 1)
    content = torch.randn(2, config.feature_dim, 12)
    wave = decoder(z, content, g, torch.full((2, 12), 150.0), Noise())
    assert wave.shape == (2, 1, 12 * HOP) and wave.abs().max() <= 1
    wave.square().mean().backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in decoder.parameters())
    assert decoder(z, content, g, torch.full((2, 12), 150.0), Noise(), frames=9).shape == (2, 1, 9 * HOP)
