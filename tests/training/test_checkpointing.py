"""Gradient checkpointing computes the same, and keeps less."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from rvc_engine.presets import PRESETS, ModelConfig
from rvc_engine.training.measure import random_batch
from rvc_engine.training.state import TrainingState
from rvc_engine.training.train_config import TrainConfig
from rvc_engine.training.trainer import Trainer

CPU = torch.device("cpu")


def trained(
    config: ModelConfig, precision: str, *, checkpointing: bool, steps: int = 2
) -> tuple[list[dict[str, float]], TrainingState]:
    train_config = TrainConfig(epochs=1, precision=precision, prior_share=0.5, checkpointing=checkpointing)
    state = TrainingState.fresh(config, train_config, CPU)
    trainer = Trainer(state.generator, state.optimizer, state.adversary, state.precision, train_config)
    trainer.frees_gradients = False  # they are compared
    batch = random_batch(config, 2, 100)
    return [trainer.step(batch, state.noise).numbers() for _ in range(steps)], state


@pytest.mark.parametrize(
    ("preset", "pitch", "precision"),
    [
        ("v2-40k-tiny", True, "fp32"),
        ("starter-tiny", True, "fp32"),
        pytest.param("v1-48k-tiny", False, "fp32", marks=pytest.mark.soak),
        pytest.param("v2-40k-tiny", True, "bf16", marks=pytest.mark.soak),
    ],
)
def test_losses_and_gradients_are_the_same(preset: str, pitch: bool, precision: str) -> None:
    config = replace(PRESETS[preset], pitch=pitch)
    (plain, kept), (lean, again) = (trained(config, precision, checkpointing=on) for on in (False, True))
    for before, after in zip(plain, lean, strict=True):
        assert after == pytest.approx(before, rel=1e-6 if precision == "fp32" else 1e-2)
    for one, other in ((kept.generator, again.generator), (kept.adversary.network, again.adversary.network)):
        named = dict(other.named_parameters())
        assert list(named) == [name for name, _ in one.named_parameters()]
        for name, parameter in one.named_parameters():
            assert (parameter.grad is None) == (named[name].grad is None), name
            if parameter.grad is not None and precision == "fp32":
                torch.testing.assert_close(named[name].grad, parameter.grad, rtol=1e-5, atol=1e-8, msg=name)
