"""Content encoders: lengths, alignment, determinism, and what the built-in one must not hear."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from rvc_engine.audio.io import decode
from rvc_engine.content import hubert
from rvc_engine.content.base import check_encoder, load_encoder
from rvc_engine.content.hubert_content import HubertEncoder, pad_for_hubert
from rvc_engine.errors import BadInput
from rvc_engine.machine.device import each_on_a_core
from rvc_engine.registry import CONTENT_ENCODERS
from rvc_engine.workspace import Workspace


def voice(f0: float, seconds: float = 1.2, level: float = 0.3) -> np.ndarray:
    """Harmonics of f0 under a formant that moves, with a pause of a fifth of a second in the middle."""
    t = np.arange(int(16000 * seconds)) / 16000
    formants = (
        500 + 300 * np.sin(2 * np.pi * 2 * t),
        1500 + 700 * np.sin(2 * np.pi * 1.3 * t + 1),
        np.full_like(t, 2700.0),
    )
    wave = np.zeros_like(t)
    for k in range(1, int(7600 // f0)):
        gain = sum(a / (1 + ((k * f0 - f) / 90) ** 2) for a, f in zip((1.0, 0.5, 0.25), formants, strict=True))
        wave += gain * np.sin(2 * np.pi * k * f0 * t + k * k)
    wave[int(0.5 * 16000) : int(0.7 * 16000)] = 0
    return (level * wave / np.abs(wave).max() + 1e-4 * np.random.RandomState(0).randn(len(t))).astype(np.float32)


@pytest.mark.parametrize("name", ["phonetic-256-1", "hubert-random-256", "hubert-random-768"])
def test_every_wave_gets_all_its_frames(name, tmp_path):
    encoder = load_encoder(name, Workspace(tmp_path))
    waves = [voice(120)[:length] for length in (1, 160, 320, 321, 800, 8000, 16001)] + [np.zeros(1600, np.float32)]
    for wave, features in zip(waves, encoder.encode(waves), strict=True):
        assert features.shape == (-(-len(wave) // 320), encoder.dim)
        assert features.dtype == np.float32
        assert np.isfinite(features).all()


@pytest.mark.parametrize("name", ["phonetic-256-1", "hubert-random-768"])
def test_a_wave_does_not_depend_on_its_company(name, tmp_path):
    encoder = load_encoder(name, Workspace(tmp_path))
    a, b = voice(120), voice(200)
    together = encoder.encode([a, b, a[:9000]])
    again = load_encoder(name, Workspace(tmp_path))
    for wave, features in zip((a, b, a[:9000]), together, strict=True):
        np.testing.assert_allclose(again.encode([wave])[0], features, atol=2e-5)


@pytest.mark.parametrize("name", ["phonetic-256-1", "hubert-random-256", "hubert-random-768"])
def test_waves_of_one_length_together_as_on_a_gpu(name, tmp_path):
    alone, together = (load_encoder(name, Workspace(tmp_path)) for _ in range(2))
    together.batch_size = 3
    waves = [voice(100 + 20 * i)[:length] for i, length in enumerate((9000, 9000, 9000, 9000, 8960, 9000, 4001))]
    for wave, features in zip(waves, together.encode(waves), strict=True):
        np.testing.assert_allclose(features, alone.encode([wave])[0], atol=2e-5)


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


def test_the_starters_encoder_hears_words_not_pitch_or_level(tmp_path):
    """Real speech, and the same by WORLD a fifth higher and 20 dB softer: nearer to each other than the sounds
    within."""
    path = Path(__file__).parents[2] / "samples" / "sources"
    wave = decode(sorted(path.glob("*.flac"))[0], 16000)[: 16000 * 4]
    x = wave.astype(np.float64)
    pyworld = pytest.importorskip("pyworld")
    f0, t = pyworld.harvest(x, 16000)
    high = pyworld.synthesize(f0 * 1.5, pyworld.cheaptrick(x, f0, t, 16000), pyworld.d4c(x, f0, t, 16000), 16000)[
        : len(x)
    ]
    encoder = load_encoder("phonetic-256-1", Workspace(tmp_path))
    own, soft, higher = encoder.encode([wave, 0.1 * wave, high.astype(np.float32)])
    assert likeness(own, soft) > 0.98
    assert likeness(own, higher) > likeness(own, np.roll(own, 12, axis=0)) + 0.3


def likeness(a, b):
    """Mean cosine of the frames of two (N, D)."""
    n = min(len(a), len(b))
    a, b = a[:n] - a.mean(0), b[:n] - a.mean(0)
    return float(((a * b).sum(1) / (np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1))).mean())


def test_missing_weights_name_the_fix(tmp_path):
    with pytest.raises(BadInput, match="hubert-768") as caught:
        check_encoder("hubert-768", Workspace(tmp_path))
    assert all(way in caught.value.hint for way in ("rvc assets pull", "hubert_base.pt", "--preset starter"))
    with pytest.raises(BadInput):
        check_encoder("hubert-9000", Workspace(tmp_path))


def test_checking_loads_no_torch(tmp_path):
    code = (
        "import sys; from pathlib import Path; from rvc_engine.workspace import Workspace;"
        "from rvc_engine.content.base import check_encoder; check_encoder('phonetic-256-1', Workspace(Path('.')));"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.fixture
def own_hubert(tmp_path):
    """A workspace with a HuBERT as wide as v1 wants, in our own form, and its network."""
    config = hubert.HubertConfig(
        convolutions=tuple((8, k, s) for _, k, s in hubert.HubertConfig().convolutions),
        width=16,
        layers=2,
        heads=2,
        inner_width=16,
        position_kernel=8,
        position_groups=2,
    )
    torch.manual_seed(1)
    hubert.write_hubert(tmp_path / "pretrained" / "hubert_base.safetensors", hubert.Hubert(config, 2, projected=True))
    return Workspace(tmp_path), hubert.read_hubert(tmp_path / "pretrained" / "hubert_base.safetensors", 256)


def test_weights_are_found_and_read(own_hubert):
    workspace, network = own_hubert
    wave = voice(120)
    check_encoder("hubert-256", workspace)
    (content,) = load_encoder("hubert-256", workspace).encode([wave])
    (wanted,) = HubertEncoder("hubert-256", 256, network, "cpu").encode([wave])
    np.testing.assert_array_equal(content, wanted)
    assert content.shape == (60, 256)


def test_a_folder_of_transformers_is_found(tmp_path):
    for name in ("hubert", "contentvec", "hubert_base"):
        folder = tmp_path / "pretrained" / name
        folder.mkdir(parents=True)
        assert CONTENT_ENCODERS.get("hubert-768").find_weights(Workspace(tmp_path)) != folder / "config.json"
        (folder / "config.json").write_text("{}")
        assert CONTENT_ENCODERS.get("hubert-768").find_weights(Workspace(tmp_path)) == folder / "config.json"
    (tmp_path / "pretrained" / "hubert_base.pt").write_bytes(b"")
    assert CONTENT_ENCODERS.get("hubert-768").find_weights(Workspace(tmp_path)).name == "hubert_base.pt"


def test_damaged_and_other_weights_are_named(own_hubert):
    workspace, _ = own_hubert
    path = CONTENT_ENCODERS.get("hubert-768").find_weights(workspace)
    with pytest.raises(BadInput, match="hubert_base") as caught:
        load_encoder("hubert-768", workspace)
    assert "16 numbers a frame, not 768" in caught.value.message
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(BadInput, match="hubert_base"):
        load_encoder("hubert-256", workspace)


@pytest.mark.parametrize("name", ["hubert-random-256", "hubert-random-768"])
def test_batches_of_other_lengths_give_what_each_wave_alone_gives(name):
    one_by_one = load_encoder(name, None)
    assert one_by_one.batch_size == 1  # on a CPU
    batches = HubertEncoder(name, one_by_one.dim, one_by_one.network, "cpu", batch_size=5)
    waves = [
        voice(100 + 9 * n, level=0.05 * n)[:length]
        for n, length in enumerate((19200, 1, 16000, 800, 16000, 9001, 321, 19199), 1)
    ]
    for alone, together in zip(one_by_one.encode(waves), batches.encode(waves), strict=True):
        assert alone.shape == together.shape
        assert np.abs(alone - together).max() < 1e-4


def test_half_precision_says_the_same():
    """bf16 has 8 bits: each frame's features point the same way within a few degrees."""
    waves = [voice(100 + 30 * n) for n in range(3)]
    whole, half = (
        load_encoder("hubert-random-768", None, precision=precision).encode(waves) for precision in ("fp32", "bf16")
    )
    for a, b in zip(whole, half, strict=True):
        assert b.dtype == np.float32 and not np.array_equal(a, b)
        cosine = (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
        assert cosine.min() > 0.99


def test_each_core_takes_a_wave_and_the_threads_are_as_before():
    """Bit for bit: whatever the company, and also for a last one that is alone."""
    encoder = load_encoder("hubert-random-256", None)
    waves = [voice(90 + 20 * n)[: 9000 + 900 * n] for n in range(6)]
    threads = torch.get_num_threads()

    def encoded(some):
        return each_on_a_core(lambda wave: encoder.encode([wave])[0], some)

    together = encoded(waves)
    assert torch.get_num_threads() == threads
    for wave, features in zip(waves, together, strict=True):
        np.testing.assert_array_equal(encoded([wave])[0], features)
        np.testing.assert_allclose(encoder.encode([wave])[0], features, atol=2e-5)
    for first, second in zip(together, encoded(waves[::-1])[::-1], strict=True):
        np.testing.assert_array_equal(first, second)
    assert encoded([]) == []
