"""Small truths about the networks, at a sixteenth of their size."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from rvc_engine.models import nsf_decoder
from rvc_engine.models.conv import Conv1d, conv_transpose1d
from rvc_engine.models.discriminators import Discriminators
from rvc_engine.models.noise import Noise
from rvc_engine.models.nsf_decoder import SineSource, sine_wave
from rvc_engine.models.prior_encoder import band_to_square, square_to_band
from rvc_engine.models.synthesizer import Inferred, Synthesizer
from rvc_engine.models.weight_norm import NormedConv1d, fold
from rvc_engine.presets import PRESETS, ModelConfig

TINY = [name for name in PRESETS if name.endswith("-tiny")]


def voice(name: str, pitch: bool = True) -> Synthesizer:
    torch.manual_seed(0)
    return Synthesizer(replace(PRESETS[name], pitch=pitch)).eval()


def infer(
    network: Synthesizer, frames: int = 60, batch: int = 2, lengths: list[int] | None = None, **cuts: int
) -> Inferred:
    config = network.config
    draw = torch.Generator().manual_seed(1)
    phone = torch.randn(batch, frames, config.feature_dim, generator=draw)
    hz = torch.full((batch, frames), 150.0) if config.pitch else None
    pitch = torch.full((batch, frames), 60) if config.pitch else None
    sizes, speaker = torch.tensor(lengths or [frames] * batch), torch.zeros(batch, dtype=torch.long)
    with torch.no_grad():
        return network.infer(phone, sizes, pitch, hz, speaker, noise=Noise(seed=3), **cuts)


@pytest.mark.few(2)
@pytest.mark.parametrize("pitch", [True, False])
@pytest.mark.parametrize("name", TINY)
def test_shapes(name: str, pitch: bool) -> None:
    network = voice(name, pitch)
    hop = network.config.hop_samples
    assert infer(network).wave.shape == (2, 1, 60 * hop)
    assert infer(network, skip_head=30, return_length=20, return_length2=23).wave.shape == (2, 1, 23 * hop)
    frames, c = 80, network.config
    phone, spec = torch.randn(2, frames, c.feature_dim), torch.rand(2, c.spec_bins, frames)
    pitched = (torch.full((2, frames), 9), torch.full((2, frames), 100.0)) if pitch else (None, None)
    with torch.no_grad():
        made = network(phone, torch.tensor([frames, 70]), *pitched, spec, torch.zeros(2, dtype=torch.long), Noise())
    assert made.wave.shape == (2, 1, c.segment_samples)
    assert (made.start_frames + c.segment_frames <= torch.tensor([frames, 70])).all()
    scores = Discriminators(c.discriminator)(made.wave)
    assert len(scores) == 1 + len(c.discriminator.periods) and all(score.shape[0] == 2 for score, _ in scores)


def test_training_reads_a_window_of_each_clip() -> None:
    network = voice("starter-tiny")
    c, frames = network.config, 300
    assert 0 < c.window_frames < frames
    lengths = torch.tensor([frames, 100])
    phone, spec = torch.randn(2, frames, c.feature_dim), torch.rand(2, c.spec_bins, frames)
    pitch, hz, noise = torch.full((2, frames), 9), torch.full((2, frames), 100.0), Noise(seed=1)
    starts = []
    for _ in range(20):
        with torch.no_grad():
            made = network(phone, lengths, pitch, hz, spec, torch.zeros(2, dtype=torch.long), noise)
        assert made.mask.shape[2] == c.window_frames
        assert made.mask.sum(2).flatten().tolist() == [c.window_frames, 100]
        starts.append(made.start_frames)
    first, last = torch.stack(starts).min(0).values, torch.stack(starts).max(0).values
    assert (last + c.segment_frames <= lengths).all() and (first >= 0).all()
    assert last[0] > c.window_frames > first[0]  # from all over the clip


def test_the_starter_decoder_hears_the_content() -> None:
    """Two contents through one latent sound different."""
    network = voice("starter-tiny")
    c = network.config
    z, g, hz = torch.randn(1, c.inter_channels, 20), torch.randn(1, c.gin_channels, 1), torch.full((1, 20), 100.0)
    torch.nn.init.normal_(network.dec.head.weight, std=0.5)
    with torch.no_grad():
        one, other = (network.dec(z, torch.full((1, c.feature_dim, 20), x), g, hz, Noise(seed=1)) for x in (0.0, 1.0))
    assert (one - other).abs().mean() > 0.01 * one.abs().mean()


def test_flow_is_invertible() -> None:
    network = voice("v2-40k-tiny")
    for coupling in network.flow.flows[::2]:
        torch.nn.init.normal_(coupling.post.weight)
    z, mask, g = torch.randn(2, 16, 30), torch.ones(2, 1, 30), torch.randn(2, 16, 1)
    there = network.flow(z, mask, g)
    assert not torch.allclose(there, z, atol=1e-2)
    assert torch.allclose(network.flow(there, mask, g, reverse=True), z, atol=1e-5)


@pytest.mark.soak
def test_padding_does_not_reach_a_shorter_row() -> None:
    network = voice("v1-40k-tiny", pitch=False)
    together, alone = infer(network, lengths=[60, 40]).m_p, infer(network, lengths=[60, 60]).m_p
    assert torch.allclose(together[0], alone[0], atol=1e-5) and together[1, :, 40:].abs().sum() == 0


def test_relative_positions_are_bands() -> None:
    band = torch.randn(2, 5, 7)
    square = band_to_square(band)
    for i in range(5):
        for j in range(5):
            expected = band[:, i, j - i + 3] if abs(j - i) <= 3 else torch.zeros(2)
            assert torch.equal(square[:, i, j], expected)
    inside = square_to_band(torch.ones(1, 5, 5), 7)
    assert torch.equal(band_to_square(square_to_band(square, 7)), square) and inside[0, 0].tolist() == [
        0,
        0,
        0,
        1,
        1,
        1,
        1,
    ]


@pytest.mark.parametrize("rate", [16000, 40000, 48000])
def test_the_phase_stays_right_over_a_minute(rate: int) -> None:
    hop = rate // 100
    hz = np.clip(np.cumsum(np.random.default_rng(0).normal(0, 5, 6000)) + 400, 0, 1100)
    hz[1000:1200] = 0
    hz = hz.astype(np.float32)
    exact = np.sin(2 * np.pi * np.cumsum(np.repeat(hz.astype(np.float64), hop) / rate))
    mine = sine_wave(torch.from_numpy(hz)[None], hop, rate)[0].numpy()
    assert np.abs(mine - exact).max() < 2e-5  # a tenth of it, 2e-6, is what reaches the decoder


def test_half_precision_leaves_the_source_alone() -> None:
    config: ModelConfig = PRESETS["v2-40k-tiny"]
    source, hz = SineSource(config), torch.full((1, 50), 333.3)
    with torch.no_grad():
        exact = source(hz, Noise(seed=1))
        with torch.autocast("cpu", dtype=torch.bfloat16):
            half = source(hz, Noise(seed=1))
    assert half.dtype == torch.float32 and torch.equal(exact, half)


def test_folded_weights_are_never_stale() -> None:
    conv = NormedConv1d(3, 4, 5).eval()
    x = torch.randn(1, 3, 20)
    expected = conv(x)
    fold(conv)
    assert torch.allclose(conv(x), expected, atol=1e-6) and conv.weight.grad_fn is None
    conv.load_state_dict({key: 2 * value for key, value in conv.state_dict().items()})
    assert torch.allclose(conv(x), 2 * expected, atol=1e-5)
    fold(conv)
    assert conv.train().folded is None and list(conv.state_dict()) == ["bias", "weight_g", "weight_v"]


def test_a_seed_decides_every_draw() -> None:
    network = voice("starter-tiny")
    assert torch.equal(infer(network).wave, infer(network).wave)


@pytest.mark.parametrize(
    "preset", ["starter", *(pytest.param(name, marks=pytest.mark.soak) for name in ("v2-40k", "v2-32k", "v1-48k"))]
)
def test_a_part_of_the_wave_and_windows_are_the_whole(preset: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Made of its own frames and those that the convolutions reach, a part has the numbers of the whole."""
    torch.manual_seed(0)
    network = Synthesizer(PRESETS[preset], posterior=False).eval()
    c, frames = PRESETS[preset], 70
    phone, hz = (
        torch.randn(1, frames, c.feature_dim),
        torch.linspace(0, 300, frames)[None].clamp(min=60) * (torch.arange(frames) % 20 > 4),
    )
    words = phone, torch.tensor([frames]), torch.randint(1, 255, (1, frames)), hz, torch.tensor([0])

    def wave(window: int, part: tuple[int, int] | None = None) -> torch.Tensor:
        monkeypatch.setattr(nsf_decoder, "WINDOW", window)
        with torch.inference_mode():
            return network.infer(*words, noise=Noise(seed=2), part=part).wave

    whole = wave(1000)
    assert whole.abs().max() > 1e-3
    for window, (first, stop) in ((20, (0, frames)), (1000, (25, 45)), (9, (5, 68))):
        assert (
            wave(window, (first, stop)) - whole[:, :, first * c.hop_samples : stop * c.hop_samples]
        ).abs().max() < 1e-6


@pytest.mark.parametrize(("kernel", "stride", "dilation", "groups"), [(7, 1, 3, 1), (5, 4, 1, 2), (1, 1, 1, 1)])
def test_a_convolution_is_torchs_in_either_layout(kernel: int, stride: int, dilation: int, groups: int) -> None:
    """Without a gradient it is computed in another order of the axes."""
    torch.manual_seed(1)
    layer = Conv1d(8, 6, kernel, stride, padding=2, dilation=dilation, groups=groups)
    x = torch.randn(3, 8, 90)
    wanted = torch.nn.functional.conv1d(x, layer.weight, layer.bias, stride, 2, dilation, groups)
    upwards = torch.randn(8, 4, 10)
    with torch.no_grad():
        quick = layer(x)
        wider = conv_transpose1d(x, upwards, None, 5, 2)
    assert quick.stride(1) == wider.stride(1) == 1 and layer(x).stride(1) > 1
    torch.testing.assert_close(layer(x), wanted, rtol=0, atol=0)
    torch.testing.assert_close(quick, wanted, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(
        wider, torch.nn.functional.conv_transpose1d(x, upwards, None, 5, 2), rtol=1e-5, atol=1e-5
    )


@pytest.mark.parametrize("preset", ["v2-40k", pytest.param("v1-48k", marks=pytest.mark.soak)])
@pytest.mark.soak
def test_a_voice_sounds_the_same_in_either_layout(preset: str) -> None:
    torch.manual_seed(0)
    network = Synthesizer(PRESETS[preset], posterior=False).eval()
    words = (
        torch.randn(1, 30, PRESETS[preset].feature_dim),
        torch.tensor([30]),
        torch.randint(1, 255, (1, 30)),
        torch.full((1, 30), 200.0),
    )
    plain = network.infer(*words, torch.tensor([0]), noise=Noise(seed=2)).wave.detach()
    with torch.inference_mode():
        quick = network.infer(*words, torch.tensor([0]), noise=Noise(seed=2)).wave
    assert plain.abs().max() > 1e-3
    assert (quick - plain).abs().max() < 1e-5
