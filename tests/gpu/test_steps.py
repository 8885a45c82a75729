"""A training step on a simulated GPU: tensors are on one device and of fitting types, and it has no more operations,
copies and synchronisations than at present. A change that adds a hundred launches fails here."""

from __future__ import annotations

import pytest

from tests.gpu.conftest import OnGpu

STEP = """
import json, torch
from rvc_engine.presets import model_config
from rvc_engine.training.measure import random_batch
from rvc_engine.training.state import TrainingState
from rvc_engine.training.train_config import TrainConfig
from rvc_engine.training.trainer import Trainer
from tests.gpu import counts
device = torch.device("cuda")
config = model_config({preset!r}, pitch={pitch})
state = TrainingState.fresh(config, TrainConfig(epochs=1, precision={precision!r}), device)
trainer = Trainer(state.generator, state.optimizer, state.adversary, state.precision, state.train_config)
batch = random_batch(config, 4).to(device)
trainer.step(batch, state.noise).numbers()
counts.reset()
trainer.step(batch, state.noise).numbers()
found = counts.counts()
reserved = torch.cuda.max_memory_reserved()
print(json.dumps({{"operations": counts.operations(), "reserved": reserved, **found}}))
"""
PRECISIONS = ("fp32", "bf16", "fp16")
OPERATIONS = {
    ("v1-32k", True): (3270, 3505, 3530),
    ("v1-32k", False): (3196, 3419, 3444),
    ("v1-40k", True): (3089, 3322, 3347),
    ("v1-40k", False): (3022, 3245, 3270),
    ("v1-48k", True): (3265, 3500, 3525),
    ("v1-48k", False): (3191, 3414, 3439),
    ("v2-32k", True): (3300, 3537, 3562),
    ("v2-32k", False): (3233, 3460, 3485),
    ("v2-40k", True): (3300, 3537, 3562),
    ("v2-40k", False): (3233, 3460, 3485),
    ("v2-48k", True): (3295, 3532, 3557),
    ("v2-48k", False): (3228, 3455, 3480),
    ("starter", True): (1877, 2046, 2076),
    ("starter", False): (1791, 1957, 1987),
}
"""Preset and pitch: operations of a step in fp32, bf16 and fp16, counted with torch 2.14.1 at a batch of 4."""
NORMS = 3  # lists of tensors whose norm is taken in one operation: from torch 2.15 on each list is copied to the GPU
MARGIN = 40  # for other versions of torch
GIGABYTES = {"v1": 3.75, "v2": 4.8, "starter": 0.25}
"""Reserved at most, in any precision."""
FIRST = (("v2-40k", True, "bf16"), ("starter", False, "fp16"))
EVERY = [(*made, precision) for made in OPERATIONS for precision in PRECISIONS]


@pytest.mark.parametrize(
    ("preset", "pitch", "precision"),
    [pytest.param(*case, marks=[] if case in FIRST else pytest.mark.soak) for case in EVERY],
)
def test_a_step_is_no_longer_than_it_was(on_gpu: OnGpu, preset: str, pitch: bool, precision: str) -> None:
    found = on_gpu(STEP.format(preset=preset, pitch=pitch, precision=precision))
    print(preset, pitch, precision, found)
    assert found["waits"] <= 1 and found["from_gpu"] <= 1
    assert found["to_gpu"] in (0, NORMS) and not found["from_pageable"]
    assert found["operations"] <= OPERATIONS[preset, pitch][PRECISIONS.index(precision)] + MARGIN
    assert found["reserved"] <= GIGABYTES[preset.partition("-")[0]] * 1e9


REPLAYED = (
    STEP.partition("batch = ")[0]
    + """
from rvc_engine.training.graphs import GraphedSteps, padded_length
from rvc_engine.training.precision import set_rate
steps = GraphedSteps(trainer, device, state.noise.generator)
found, before = [], None
for number in range(6):
    batch = random_batch(config, 4, (400, 300)[number == 5]).to(device)
    torch.cuda.synchronize()
    counts.reset()
    set_rate(state.optimizer, 1e-4)
    result = steps.step(batch, state.noise).on_its_way()  # as in the training loop
    if before:
        before.numbers()
    before = result
    found.append(counts.counts())
reserved = torch.cuda.max_memory_reserved()
plain = state.pair()["G"]["optimizer"]["param_groups"][0]
print(json.dumps({{"steps": found, "reserved": reserved, "group": plain}}))
"""
)


@pytest.mark.parametrize(
    ("preset", "precision"),
    [
        ("starter", "bf16"),
        *(pytest.param("v2-40k", precision, marks=pytest.mark.soak) for precision in PRECISIONS),
        pytest.param("starter", "fp16", marks=pytest.mark.soak),
    ],
)
def test_a_replayed_step_is_one_launch(on_gpu: OnGpu, preset: str, precision: str) -> None:
    """Two steps without a graph, one that is captured, from then on replayed; another shape begins again."""
    found = on_gpu(REPLAYED.format(preset=preset, pitch=True, precision=precision))
    print(preset, precision, found)
    assert found["steps"][2]["graphs"] == 1
    for step in found["steps"][3:5]:
        assert (step["graphs"], step["waits"], step["to_gpu"], step["from_gpu"]) == (1, 0, 0, 1), step
        assert step["event_waits"] == 1, step  # for the step before, with this one on the queue
        assert step["launches"] <= 3 and step["inside"] <= 7, step  # learning rate, noise generator; the batch
    assert found["steps"][5]["launches"] > 1000 and not found["steps"][5]["graphs"]
    group = found["group"]
    assert (group["lr"], group["capturable"], group["fused"]) == (pytest.approx(1e-4), False, None)
