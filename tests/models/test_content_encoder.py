"""Content encoders: lengths, alignment, determinism, and what the built-in one must not hear."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch

from rvc_engine.errors import BadInput
from rvc_engine.experiment import Workspace
from rvc_engine.models import hubert
from rvc_engine.models.content_encoder import check_encoder, load_encoder, pad_for_hubert


def voice(f0: float, seconds: float = 1.2, level: float = 0.3) -> np.ndarray:
    """Harmonics of f0 under a formant that moves, with a pause of a fifth of a second in the middle."""
    t = np.arange(int(16000 * seconds)) / 16000
    formants = (500 + 300 * np.sin(2 * np.pi * 2 * t), 1500 + 700 * np.sin(2 * np.pi * 1.3 * t + 1), np.full_like(t, 2700.0))
    wave = np.zeros_like(t)
    for k in range(1, int(7600 // f0)):
        gain = sum(a / (1 + ((k * f0 - f) / 90) ** 2) for a, f in zip((1.0, 0.5, 0.25), formants, strict=True))
        wave += gain * np.sin(2 * np.pi * k * f0 * t + k * k)
    wave[int(0.5 * 16000) : int(0.7 * 16000)] = 0
    return (level * wave / np.abs(wave).max() + 1e-4 * np.random.RandomState(0).randn(len(t))).astype(np.float32)


@pytest.mark.parametrize("name", ["mel-256-1", "hubert-random-256", "hubert-random-768"])
def test_every_wave_gets_all_its_frames(name):
    encoder = load_encoder(name, None)
    waves = [voice(120)[:length] for length in (1, 160, 320, 321, 800, 8000, 16001)] + [np.zeros(1600, np.float32)]
    for wave, features in zip(waves, encoder.encode(waves), strict=True):
        assert features.shape == (-(-len(wave) // 320), encoder.dim)
        assert features.dtype == np.float32
        assert np.isfinite(features).all()


@pytest.mark.parametrize("name", ["mel-256-1", "hubert-random-768"])
def test_a_wave_does_not_depend_on_its_company(name):
    encoder = load_encoder(name, None)
    a, b = voice(120), voice(200)
    together = encoder.encode([a, b, a[:9000]])
    again = load_encoder(name, None)
    for wave, features in zip((a, b, a[:9000]), together, strict=True):
        np.testing.assert_allclose(again.encode([wave])[0], features, atol=2e-5)


def test_random_hubert_leaves_the_random_state_alone():
    torch.manual_seed(5)
    before = torch.get_rng_state()
    load_encoder("hubert-random-256", None)
    assert torch.equal(before, torch.get_rng_state())


def test_padding_keeps_frames_in_place():
    """RVC gives HuBERT the wave as it is: our first frames see the same samples."""
    wave = voice(150)[:16100]
    padded = pad_for_hubert(wave)
    assert len(padded) == 320 * 51 + 80
    np.testing.assert_array_equal(padded[: len(wave)], wave)


def distance(a, b):
    return float(np.linalg.norm(a - b, axis=1).mean())


def test_envelope_encoder_hears_words_not_pitch_or_level():
    encoder = load_encoder("mel-256-1", None)
    low, high, soft = encoder.encode([voice(110), voice(165), voice(110, level=0.03)])
    between_sounds = distance(low, np.roll(low, 12, axis=0))
    assert distance(low, high) < 0.6 * between_sounds
    assert distance(low, soft) < 0.25 * between_sounds


def test_envelope_encoder_knows_silence():
    encoder = load_encoder("mel-256-1", None)
    speech, silence, pause = encoder.encode([voice(110), np.zeros(16000, np.float32), voice(110)[8400:10800]])
    assert distance(speech[29:31], np.repeat(silence[20:21], 2, axis=0)) < distance(speech[10:12], np.repeat(silence[20:21], 2, axis=0))
    assert np.ptp(silence, axis=0).max() < 1e-4
    assert np.isfinite(pause).all()


def test_missing_weights_name_the_way_out(tmp_path):
    with pytest.raises(BadInput, match="hubert-768") as caught:
        check_encoder("hubert-768", Workspace(tmp_path))
    assert "--preset starter" in caught.value.hint
    with pytest.raises(BadInput):
        check_encoder("hubert-9000", Workspace(tmp_path))


def test_checking_loads_no_torch(tmp_path):
    code = (
        "import sys; from pathlib import Path; from rvc_engine.experiment import Workspace;"
        "from rvc_engine.models.content_encoder import check_encoder; check_encoder('mel-256-1', Workspace(Path('.')));"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def save_safetensors(path, tensors):
    header, body = {}, b""
    for name, value in tensors.items():
        raw = value.astype("<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": list(value.shape), "data_offsets": [len(body), len(body) + len(raw)]}
        body += raw
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + body)


def test_weights_are_read_by_name(tmp_path):
    network = hubert.random_tiny(256)
    tensors = {k.removeprefix("trunk."): v.numpy() for k, v in network.state_dict().items()}
    path = tmp_path / "h.safetensors"
    save_safetensors(path, tensors)
    other = hubert.random_tiny(256)
    for weight in other.parameters():
        torch.nn.init.zeros_(weight)
    hubert.load(other, path)
    for name, value in network.state_dict().items():
        assert torch.equal(other.state_dict()[name], value)
    tensors.pop("final_proj.bias")
    save_safetensors(path, tensors)
    with pytest.raises(ValueError, match=r"final_proj\.bias"):
        hubert.load(other, path)
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(ValueError):
        hubert.load(other, path)


def test_hubert_base_has_rvcs_shapes():
    with torch.device("meta"):
        network = hubert.Hubert(hubert.hubert_base(), 9, torch.nn.Linear(768, 256))
    assert sum(p.numel() for p in network.parameters()) == pytest.approx(94.6e6, rel=0.005)
