"""A training step on a pretended GPU: tensors on one device and of fitting types, and no more operations, copies and
waits than now. A change that adds a hundred launches fails here."""

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
PRESETS = ("v1-32k", "v1-40k", "v1-48k", "v2-32k", "v2-40k", "v2-48k", "starter")
PRECISIONS = ("fp32", "bf16", "fp16")
FIRST = (("v2-40k", True, "bf16"), ("v1-48k", False, "fp16"), ("starter", True, "fp32"))
EVERY = [
    (preset, pitch, precision)
    for preset in PRESETS
    for pitch in (True, False)
    for precision in ("fp32", "bf16", "fp16")
]


@pytest.mark.parametrize(
    ("preset", "pitch", "precision"),
    [pytest.param(*case, marks=[] if case in FIRST else pytest.mark.soak) for case in EVERY],
)
def test_a_step_is_no_longer_than_it_was(on_gpu: OnGpu, preset: str, pitch: bool, precision: str) -> None:
    found = on_gpu(STEP.format(preset=preset, pitch=pitch, precision=precision))
    print(preset, pitch, precision, found)
    assert found["waits"] <= 1 and found["from_gpu"] <= 1 and found["to_gpu"] == 0
    assert found["operations"] <= 6100
