"""Other ways of computing a step (rvc_engine/models/tuning.py) on the simulated GPU: each runs, as a graph and with
gradient checkpointing; and a training uses those that were found faster."""

from __future__ import annotations

import pytest

from rvc_engine.models.tuning import TUNINGS
from tests.gpu.conftest import OnGpu

TRIED = """
import json, torch
from rvc_engine.presets import PRESETS
from rvc_engine.training import numerics
from rvc_engine.machine.device import use_device
numerics.judged = lambda mode, reference, found: ({{}}, "" if found.gradients else "no gradients")
numerics.FASTER = 1e9
config = PRESETS["v2-40k-tiny"]
reference = numerics.TrialStep(config, "fp32", torch.device("cpu")).alone()
first, second = numerics.compare({precision!r}, reference, config, use_device("cuda"))
assert not first.step_seconds and not torch.backends.cudnn.benchmark
print(json.dumps([second.ok, [name for name in second.step_seconds if name]]))
"""


@pytest.mark.parametrize("precision", ["bf16", pytest.param("fp16", marks=pytest.mark.soak)])
def test_each_way_is_tried_and_kept_where_it_is_faster(on_gpu: OnGpu, precision: str) -> None:
    assert on_gpu(TRIED.format(precision=precision)) == [True, list(TUNINGS)]
