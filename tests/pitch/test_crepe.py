"""CREPE, where torchcrepe is installed (pip install "rvc-tui[crepe]")."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rvc_engine.audio.io import decode
from rvc_engine.pitch import available_methods, track
from rvc_engine.registry import PITCH_TRACKERS

pytestmark = pytest.mark.skipif(not PITCH_TRACKERS.get("crepe").is_installed(), reason="torchcrepe is not installed")


@pytest.mark.soak
def test_it_agrees_with_praat_on_speech(speech: list[Path]) -> None:
    assert "crepe" in available_methods()
    wave = decode(speech[0], 16000)[4000:16800]
    f0, praat = track("crepe", wave), track("praat", wave)
    assert f0.shape == (80,) and f0.dtype == np.float64
    both = (f0 > 0) & (praat > 0)
    assert both.sum() > 0.9 * (praat > 0).sum() > 18
    cents = np.abs(1200 * np.log2(f0[both] / praat[both]))
    assert np.median(cents) < 20 and (cents > 100).mean() < 0.05


@pytest.mark.parametrize("samples", [0, 100, 160, 500, 1599])
@pytest.mark.soak
def test_any_length_and_any_number(samples: int) -> None:
    noise = 0.1 * np.random.default_rng(0).normal(size=samples)
    for wave in (np.zeros(samples), np.full(samples, np.nan), noise):
        f0 = track("crepe", wave)
        assert f0.shape == (samples // 160,) and ((f0 == 0) | ((f0 >= 50) & (f0 <= 1100))).all()
        assert wave is noise or not f0.any(), "silence and NaN have no pitch"


@pytest.mark.soak
def test_the_same_pitch_every_time() -> None:
    wave = np.sin(2 * np.pi * 220 * np.arange(3200) / 16000)
    f0 = track("crepe", wave)
    assert np.array_equal(f0, track("crepe", wave)) and np.median(f0) == pytest.approx(220, rel=0.005)
