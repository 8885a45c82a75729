"""One step: losses fall, and only what should learn learns."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import pytest
import torch

from rvc_engine.audio.spectrogram import MelScale, mel_filterbank, spectrogram
from rvc_engine.models.noise import Noise
from rvc_engine.presets import PRESETS
from rvc_engine.training.adversary import DiscriminatorLosses
from rvc_engine.training.measure import random_batch
from rvc_engine.training.state import TrainingState
from rvc_engine.training.train_config import TrainConfig
from rvc_engine.training.trainer import Trainer


def start(preset: str = "starter-tiny", precision: str = "fp32") -> tuple[TrainingState, Trainer]:
    state = TrainingState.fresh(
        PRESETS[preset], TrainConfig(epochs=1, learning_rate=1e-3, precision=precision), torch.device("cpu")
    )
    return state, Trainer(state.generator, state.optimizer, state.adversary, state.precision, state.train_config)


@pytest.mark.parametrize("precision", ["fp32", pytest.param("bf16", marks=pytest.mark.soak)])
def test_a_few_steps_lower_the_mel_loss(precision: str) -> None:
    state, trainer = start(precision=precision)
    batch = random_batch(state.generator.config, 2, frames=80)
    losses = [trainer.step(batch, state.noise).numbers()["loss/g/mel"] for _ in range(15)]
    assert losses[-1] < 0.9 * losses[0]


class CountedNoise(Noise):
    """Keeps the shapes that were asked for."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__("cpu", seed)
        self.asked: list[tuple[str, tuple[int, ...]]] = []

    def normal(self, shape: tuple[int, ...]) -> torch.Tensor:
        self.asked.append(("normal", shape))
        return super().normal(shape)

    def uniform(self, shape: tuple[int, ...]) -> torch.Tensor:
        self.asked.append(("uniform", shape))
        return super().uniform(shape)


def test_a_slice_of_the_prior_is_spoken_without_the_recording() -> None:
    """Share 1: the recording's spectrum is not used. Share 0: it is, and no random number is drawn for the other
    way."""
    state, _ = start()
    network = state.generator.eval()
    torch.nn.init.normal_(network.flow.flows[0].post.weight)
    batch = random_batch(network.config, 2, frames=80)

    def spoken(share: float, spec: torch.Tensor) -> tuple[torch.Tensor, CountedNoise]:
        noise = CountedNoise()
        with torch.no_grad():
            made = network(batch.phone, batch.lengths, batch.pitch, batch.pitch_hz, spec, batch.speaker, noise, share)
        return made.wave, noise

    other = torch.rand_like(batch.spec)
    assert torch.equal(spoken(1.0, batch.spec)[0], spoken(1.0, other)[0])
    assert not torch.equal(spoken(0.0, batch.spec)[0], spoken(0.0, other)[0])
    plain, mixed = (spoken(share, batch.spec)[1].asked for share in (0.0, 0.5))
    assert [kind for kind, _ in mixed].count("uniform") == [kind for kind, _ in plain].count("uniform") + 1
    assert len(mixed) == len(plain) + 2


def test_a_slice_of_the_prior_is_what_infer_speaks() -> None:
    """The same latent as a conversion of the whole clip, where both draw no noise."""
    state, _ = start()
    network = state.generator.eval()
    for layer in network.flow.flows[::2]:
        torch.nn.init.normal_(layer.post.weight, std=0.1)
    batch = random_batch(network.config, 2, frames=150)

    class Silent(Noise):
        def normal(self, shape: tuple[int, ...]) -> torch.Tensor:
            return torch.zeros(shape)

    with torch.no_grad():
        g = network.emb_g(batch.speaker).unsqueeze(2)
        mask = torch.ones(2, 1, 150)
        mean, logs = network.enc_p(batch.phone, batch.pitch, mask)
        starts = torch.tensor([0, 150 - network.config.segment_frames])
        found = network.latent_of_prior(mean, logs, mask, g, starts, Silent())
        whole = network.infer(batch.phone, batch.lengths, batch.pitch, batch.pitch_hz, batch.speaker, noise=Silent()).z
    size = network.config.segment_frames
    for row, start_frame in enumerate(starts.tolist()):
        wanted = whole[row, :, start_frame : start_frame + size]
        assert torch.allclose(found[row], wanted, atol=1e-4)


def test_the_discriminators_hear_the_middle_of_the_slice() -> None:
    state, trainer = start()
    config = state.generator.config
    inputs: list[torch.Tensor] = []
    learn = state.adversary.learn

    def listening(
        real: torch.Tensor, fake: torch.Tensor, network: torch.nn.Module | None = None
    ) -> DiscriminatorLosses:
        inputs.extend((real, fake))
        return learn(real, fake, network)

    state.adversary.learn = listening  # type: ignore[method-assign]
    trainer.step(random_batch(config, 2, frames=150), state.noise)
    assert [tuple(wave.shape) for wave in inputs] == [(2, 1, config.judged_frames * config.hop_samples)] * 2
    assert 0 < config.judged_frames < config.segment_frames


@pytest.mark.soak
def test_the_prior_alone_learns_too() -> None:
    state, _ = start()
    train_config = replace(state.train_config, prior_share=1.0)
    trainer = Trainer(state.generator, state.optimizer, state.adversary, state.precision, train_config)
    batch = random_batch(state.generator.config, 2, frames=80)
    losses = [trainer.step(batch, state.noise).numbers()["loss/g/mel"] for _ in range(15)]
    assert losses[-1] < 0.9 * losses[0]


def test_the_losses_of_fake_train_the_generator_alone() -> None:
    state, _ = start()
    wave = torch.randn(2, 1, 1600, requires_grad=True)
    g_losses = state.adversary.losses_of_fake(torch.randn(2, 1, 1600), wave)
    (torch.stack(g_losses.adversarial).sum() + g_losses.features).backward()
    assert wave.grad is not None and wave.grad.abs().sum() > 0
    assert all(p.grad is None and p.requires_grad for p in state.adversary.network.parameters())


def test_the_adversary_learns_to_tell() -> None:
    state, _ = start()
    real, fake = torch.sin(torch.arange(1600) * 0.1).repeat(2, 1, 1), torch.randn(2, 1, 1600)
    totals = [float(state.adversary.learn(real, fake).total.detach()) for _ in range(20)]
    assert totals[-1] < totals[0]


def test_the_same_seed_gives_the_same_weights() -> None:
    first, second = (
        TrainingState.fresh(PRESETS["starter-tiny"], TrainConfig(epochs=1, seed=5), torch.device("cpu"))
        for _ in range(2)
    )
    pairs = zip(first.generator.state_dict().values(), second.generator.state_dict().values(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


def test_filters_of_two_rates_differ() -> None:
    """RVC keys its cache by fmax, type and device only, so that the second rate of a process gets the first one's
    filters."""
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


@pytest.mark.soak
def test_measuring_prints_a_line_a_batch_size() -> None:
    command = [
        sys.executable,
        "-m",
        "rvc_engine.training.measure",
        "starter-tiny",
        "fp32",
        "cpu",
        "1",
        "2",
        "--no-pitch",
    ]
    out = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout
    rows = [json.loads(line) for line in out.splitlines()]
    assert [row["batch_size"] for row in rows] == [1, 2]
    assert all(row["memory_bytes"] > 0 and row["samples_per_s"] > 0 for row in rows)
