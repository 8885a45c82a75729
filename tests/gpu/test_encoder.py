"""A step of `rvc pretrain`'s content encoder on a simulated GPU: it waits once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.gpu.conftest import OnGpu

STEPS = """
import json, time
from pathlib import Path
from rvc_engine.content.phonetic import PhoneticConfig
from rvc_engine.machine.device import use_device
from rvc_engine.pretrain.encoder_data import EncoderData
from rvc_engine.pretrain.encoder_network import LossWeights
from rvc_engine.pretrain.encoder_training import EncoderLoop, EncoderState, EncoderTrainConfig
from tests.gpu import counts
from tests.pretrain.conftest import write_source
device = use_device("auto")
folder = Path({folder!r})
data = EncoderData([write_source(folder, f"s{{i}}", f"speaker {{i}}") for i in range(3)], [])
data.load_to(device)
state = EncoderState.fresh(PhoneticConfig(width=32, blocks=2, dim=16), data.phones, data.speakers, 0, device)
config = EncoderTrainConfig(steps=2, batch=8, crop=64, learning_rate=1e-3, weights=LossWeights(1, 1, 1, 1), seed=0,
                            bf16={bf16}, dropout=0.1, save_every=10)
loop = EncoderLoop(state, data, config, folder / "state.safetensors")
loop._step()
counts.reset()
loop._step()
print(json.dumps({{"operations": counts.operations(), **counts.counts()}}))
"""


@pytest.mark.parametrize("bf16", [True, pytest.param(False, marks=pytest.mark.soak)])
def test_a_step_waits_once(on_gpu: OnGpu, tmp_path: Path, bf16: bool) -> None:
    found = on_gpu(STEPS.format(folder=str(tmp_path), bf16=bf16))
    print(found)
    assert found["waits"] <= 1 and found["from_gpu"] <= 1
