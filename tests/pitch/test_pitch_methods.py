"""Pitch trackers agree, cover every frame, and never give NaN."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from rvc_engine.errors import BadInput
from rvc_engine.models.conv import DepthwiseChannelsLast
from rvc_engine.pitch import available_methods, fcpe, resolve_method, track
from rvc_engine.pitch.coarse import coarse, fill_unvoiced, transpose
from rvc_engine.registry import PITCH_TRACKERS
from tests.pitch_methods import ALL, ALWAYS, METHODS, needs

PAUSE = 4000


def glide(seconds: float = 1.5) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A harmonic tone that rises from 150 Hz by an octave in two seconds, after 0.25 s of silence: the wave, Hz a
    frame."""
    t = np.arange(int(16000 * seconds)) / 16000
    f0 = 150 * 2 ** (t / 2)
    phase = 2 * np.pi * np.cumsum(f0) / 16000
    wave = 0.15 * sum(np.sin(k * phase) / k for k in range(1, 9))
    wave[:PAUSE] = 0
    return wave, f0[::160]


@pytest.mark.parametrize("method", METHODS)
def test_methods_follow_a_glide(method: str) -> None:
    wave, truth = glide()
    f0 = track(method, wave)
    assert f0.shape == (150,) and f0.dtype == np.float64
    assert not f0[: PAUSE // 160 - 3].any(), "silence is unvoiced"
    sounding = slice(PAUSE // 160 + 4, 145)
    assert (f0[sounding] > 0).mean() > 0.98
    error = np.abs(f0[sounding] / truth[sounding] - 1)[f0[sounding] > 0]
    assert np.median(error) < 0.005 and np.quantile(error, 0.95) < 0.03


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("samples", [0, 100, 160, 500, 1599, 3001])
def test_any_length_and_any_number(method: str, samples: int) -> None:
    wave, _ = glide()
    for part in (np.zeros(samples), wave[PAUSE : PAUSE + samples], np.full(samples, np.nan)):
        f0 = track(method, part.astype(np.float32))
        assert f0.shape == (samples // 160,) and np.isfinite(f0).all() and (f0 >= 0).all()
        assert ((f0 == 0) | ((f0 >= 50) & (f0 <= 1100))).all()


@pytest.mark.parametrize("method", METHODS)
def test_hiss_has_no_pitch(method: str) -> None:
    hiss = 0.1 * np.random.default_rng(0).normal(size=16000)
    assert (track(method, hiss) > 0).mean() < 0.05


def test_a_damaged_part_of_a_wave_costs_no_other() -> None:
    wave = glide()[0].astype(np.float32)
    wave[8000:9000] = np.nan
    for method in ALWAYS:
        assert (track(method, wave)[75:145] > 0).mean() > 0.95


@needs("fcpe")
def test_fcpe_in_another_layout_gives_the_same_numbers() -> None:
    with contextlib.redirect_stdout(io.StringIO()):
        import torchfcpe

        package = torchfcpe.spawn_bundled_infer_model(device="cpu")
    ours, wave = fcpe.network("cpu"), torch.from_numpy(glide(1.0)[0]).float()[None, :, None]
    assert sum(isinstance(module, DepthwiseChannelsLast) for module in ours.modules()) == 6
    with torch.no_grad():
        mel = package.wav2mel(wave, 16000)
        assert torch.equal(ours.model(mel), package.model(mel))


@needs("fcpe")
def test_long_waves_go_through_fcpe_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    wave, _ = glide(3.0)
    at_once = track("fcpe", wave)
    monkeypatch.setattr("rvc_engine.pitch.fcpe.PIECE_FRAMES", 120)
    pieces = track("fcpe", wave)
    both = (at_once > 0) & (pieces > 0)
    assert ((at_once > 0) == (pieces > 0)).mean() > 0.98
    assert np.median(np.abs(at_once - pieces)[both]) < 1


@pytest.mark.parametrize("method", ALL)
def test_nothing_is_printed(method: str) -> None:
    if method not in available_methods():
        pytest.skip(f"{method} is not here")
    with contextlib.redirect_stdout(io.StringIO()) as said:
        track(method, glide(0.5)[0])
    assert said.getvalue() == ""


def test_choosing_a_method(monkeypatch: pytest.MonkeyPatch) -> None:
    assert resolve_method("auto") == resolve_method("auto", preset="v2-40k") == "swift"
    assert resolve_method("auto", preset="starter") == resolve_method("auto", preset="starter-1") == "praat"
    assert resolve_method("praat") == "praat"
    assert set(ALWAYS) <= set(available_methods()) and "rmvpe" not in available_methods()
    with pytest.raises(BadInput):
        resolve_method("rmvpe")
    with pytest.raises(BadInput, match="no pitch method"):
        resolve_method("ear")
    monkeypatch.setattr(PITCH_TRACKERS.get("crepe"), "is_installed", lambda: False)
    assert "crepe" not in available_methods()
    with pytest.raises(BadInput) as caught:
        resolve_method("crepe")
    assert "pip install torchcrepe" in caught.value.hint


@pytest.mark.parametrize("content", ["raise OSError('libtorchaudio.so: undefined symbol')", "import there_is_none"])
def test_a_package_that_cannot_be_imported(content: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As torchfcpe is, where torchaudio is for another torch."""
    tracker = PITCH_TRACKERS.get("fcpe")
    (tmp_path / "broken_pitch.py").write_text(content)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(tracker, "package", "broken_pitch")
    for call in (lambda: tracker.load("cpu", None), lambda: track("fcpe", glide(0.5)[0])):
        with pytest.raises(BadInput, match="fcpe needs the package broken_pitch, which does not work") as caught:
            call()
        assert "torchaudio" in caught.value.hint and "another pitch method" in caught.value.hint


def test_coarse_pitch() -> None:
    assert coarse(np.array([0, 50, 1100, 5000, 100.0])).tolist() == [1, 1, 255, 255, 20]
    assert coarse(np.array([100, np.nan, 0, 200])).tolist() == [20, 1, 1, 54]
    assert coarse(np.array([np.inf, -3.0])).tolist() == [1, 1]
    assert coarse(np.zeros(3)).dtype == np.int64


def test_gaps_are_filled_from_both_sides() -> None:
    f0 = np.array([0, 100, 0, 0, 160, np.nan])
    assert fill_unvoiced(f0).tolist() == [100, 100, 120, 140, 160, 160]
    assert fill_unvoiced(np.zeros(4)).tolist() == [0, 0, 0, 0]
    assert f0[0] == 0, "the argument is left as it was"


def test_transposition() -> None:
    assert transpose(np.array([0, 100.0]), 12).tolist() == [0, 200]
    assert transpose(np.array([np.nan, 100.0]), -12).tolist() == [0, 50]
