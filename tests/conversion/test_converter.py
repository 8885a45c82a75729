"""A conversion keeps time, repeats itself, and protects what is unvoiced. With a tiny network of random weights."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from rvc_engine.content.base import load_encoder
from rvc_engine.conversion import converter as module
from rvc_engine.conversion.chunking import ChunkPlan
from rvc_engine.conversion.converter import Converter, cleaned
from rvc_engine.conversion.retrieval import Retrieval, build_index
from rvc_engine.errors import BadInput, UnusableRecording
from rvc_engine.models.noise import Noise
from rvc_engine.models.synthesizer import Synthesizer
from rvc_engine.presets import model_config
from rvc_engine.settings import ConvertSettings

SMALL = ChunkPlan(0.2, 0.5, 2, 3)


@dataclass
class RandomVoice:
    config: object
    unvoiced: str | None = None

    def network(self, device):
        torch.manual_seed(3)
        return Synthesizer(self.config, posterior=False).eval().to(device)


def converter(preset="v2-40k-tiny", *, pitch=True, index=None, unvoiced=None, plan=SMALL, **settings):
    config = model_config(preset, pitch=pitch)
    chosen = ConvertSettings(pitch_method="praat", **settings)
    return Converter(RandomVoice(config, unvoiced), load_encoder(config.encoder, None), index, chosen, plan=plan)


def speech(seconds, f0=140.0):
    """A buzz with noise for its second third of each second."""
    t = np.arange(round(16000 * seconds)) / 16000
    buzz = sum(np.sin(2 * np.pi * f0 * k * t) / k for k in range(1, 20))
    noise = np.random.RandomState(0).randn(len(t))
    return (0.1 * np.where((t % 1 > 0.33) & (t % 1 < 0.66), noise, buzz)).astype(np.float32)


RATES = {"v2-40k-tiny": 40000, "v1-48k-tiny": 48000, "v2-32k-tiny": 32000, "starter-tiny": 16000}


LONGER = [
    pytest.param(9.7, *pair, marks=[] if pair[0] == "starter-tiny" else pytest.mark.soak) for pair in RATES.items()
]


@pytest.mark.parametrize(
    ("seconds", "preset", "rate"), [*((s, *pair) for s in (0.05, 1.0) for pair in RATES.items()), *LONGER]
)
def test_no_time_is_lost(preset, rate, seconds):
    wave = speech(seconds)
    made = converter(preset).convert(wave)
    assert made.dtype == np.int16
    assert abs(len(made) / rate - seconds) < 1 / 16000
    assert made.any()


@pytest.mark.parametrize("rate", [8000, 44100, 48000])
def test_asked_rate_and_no_pitch(rate):
    engine = converter("v2-40k-tiny", pitch=False, sample_rate=rate)
    made = engine.convert(speech(1.23))
    assert engine.sample_rate == rate
    assert abs(len(made) / rate - 1.23) < 0.001


@pytest.mark.parametrize("length", [1, 100, 161, 4001])
def test_any_length(length):
    assert len(converter().convert(speech(1)[:length])) == round(length * 2.5)


def test_silence_stays_silent():
    made = converter().convert(np.zeros(16000, np.float32))
    assert made.shape == (40000,)
    assert not made.any()
    assert len(converter(rms_mix_rate=1.0).convert(np.zeros(16000, np.float32))) == 40000


def test_seed_decides():
    wave = speech(1.0)
    first, again, other = (converter(seed=seed).convert(wave) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_chunks_have_noise_of_their_own_and_progress():
    steps = list(converter().steps(speech(5.5)))
    assert steps[-1] == 5.5
    assert steps == sorted(steps)
    assert module.chunk_seed(1, 0) != module.chunk_seed(0, 1)


def far_index(dim=768):
    return Retrieval(build_index(np.random.RandomState(1).randn(60, dim).astype(np.float32) * 3, 1))


def test_protection_acts_on_unvoiced_frames_alone():
    engine = converter(index=far_index(), protect=0.0, index_rate=1.0)
    features = np.random.RandomState(0).randn(20, 768).astype(np.float32)
    hz = np.where(np.arange(40) < 25, 200.0, 0.0)
    pitch = engine.pitch_of(hz)
    assert (pitch.hz > 0).all()  # gaps are filled, and yet
    given = []
    engine.network.infer = lambda phone, *rest, **more: given.append(phone) or Made(torch.zeros(1, 1, 16000))
    engine.synthesize(features, pitch, 40, Noise())
    phone, own = given[0][0].numpy(), np.repeat(features, 2, axis=0)
    np.testing.assert_allclose(phone[25:], own[25:], atol=1e-6)
    assert np.abs(phone[:25] - own[:25]).max() > 1


@dataclass
class Made:
    wave: torch.Tensor


def test_protection_is_audible():
    wave = speech(1.0)
    made = [converter(index=far_index(), index_rate=1.0, protect=protect).convert(wave) for protect in (0.0, 0.5)]
    unlike = np.abs(made[0].astype(float) - made[1])
    assert unlike[16000:24000].mean() > 1.5 * unlike[2000:8000].mean()  # 0.4 s .. 0.6 s is noise


@pytest.mark.parametrize(("unvoiced", "filled"), [(None, True), ("interpolate", True), ("zero", False)])
def test_gaps_are_filled_as_the_voice_was_trained(unvoiced, filled):
    pitch = converter(unvoiced=unvoiced, transpose=12).pitch_of(np.array([0, 100.0, 0, 200.0, 0]))
    np.testing.assert_allclose(pitch.hz, [200, 200, 300, 400, 400] if filled else [0, 200, 0, 400, 0])
    np.testing.assert_array_equal(pitch.voiced, [False, True, False, True, False])


def test_long_recordings_are_worked_on_in_blocks(monkeypatch):
    wave = 2 * speech(12.3)
    whole = cleaned(wave)
    tracked = np.concatenate(list(converter()._track(whole)))
    monkeypatch.setattr(module, "LONG_S", 5)
    monkeypatch.setattr(module, "BLOCK_S", 3)
    blocks = cleaned(wave)
    assert blocks.dtype == np.float32
    np.testing.assert_allclose(blocks, whole, atol=1e-6)
    again = np.concatenate(list(converter()._track(blocks)))
    assert len(again) == len(tracked) == 1230 + 40
    assert np.mean(np.abs(again - tracked) > 1) < 0.02


def test_unusable_recordings():
    with pytest.raises(UnusableRecording):
        converter().convert(np.zeros(0, np.float32))
    with pytest.raises(UnusableRecording, match="finite"):
        converter().convert(np.full(1000, np.nan, np.float32))


@pytest.mark.parametrize("preset", ["v2-40k-tiny", "starter-tiny"])
def test_half_precision_speaks_the_same(preset):
    wave = speech(1.5)
    whole, half = (converter(preset, precision=precision).convert(wave).astype(float) for precision in ("fp32", "bf16"))
    assert (whole != half).any()
    assert np.corrcoef(whole, half)[0, 1] > 0.98


def test_half_precision_that_is_no_use_is_refused():
    with pytest.raises(BadInput, match="fp16 is not useful on a CPU"):
        converter(precision="fp16")


def test_a_voice_that_half_precision_breaks_speaks_in_float32(monkeypatch):
    """As fp16 on a GTX 16: samples that are not finite, and no error."""
    engine, wave = converter(precision="bf16"), speech(0.5)
    wanted = converter().convert(wave)
    right = engine.network.infer

    def broken(*inputs, **named):
        made = right(*inputs, **named)
        return made._replace(wave=torch.full_like(made.wave, torch.nan))

    monkeypatch.setattr(engine.network, "infer", broken)
    assert np.array_equal(engine.convert(wave), wanted) and engine.precision == "fp32"
    (note,) = engine.notes()
    assert note == "The conversion continues in fp32" and not list(engine.notes())
