"""Training data on a simulated GPU: how much is copied there and put on its queue for a batch."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.gpu.conftest import OnGpu

BATCHES = """
import json, torch
from pathlib import Path
from rvc_engine.machine.memory_table import gpu_batch_bytes
from rvc_engine.settings import for_preset
from rvc_engine.training.dataset import ClipDataset
from rvc_engine.training.device_dataset import DeviceDataset
from rvc_engine.work.training_clips import usable_rows
from rvc_engine.workspace import Workspace
from tests.gpu import counts
from tests.training.conftest import write_clip
device = torch.device("cuda")
experiment, settings = Workspace(Path({home!r})).experiment("voice"), for_preset({preset!r}, pitched={pitched})
for i in range(8):
    write_clip(experiment, settings, experiment.folder, f"0_{{i}}", 3.0 + i / 100)
rows = usable_rows(experiment, settings)[0]
dataset = ClipDataset(rows, settings.model)
frames = [dataset.frames(row) for row in rows]
there = DeviceDataset(dataset, frames, device)

def made(batch, size=0):
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    counts.reset()
    made = batch(range(8), frames, size)
    found = {{**counts.counts(), "operations": counts.operations()}}
    found["held"] = (torch.cuda.max_memory_allocated() - before) / 8 / made.spec.shape[2]
    found["shapes"] = {{name: [list(value.shape), str(value.dtype), list(value.stride())]
                       for name, value in vars(made).items() if isinstance(value, torch.Tensor)}}
    return found

first, second, padded = made(there.batch), made(there.batch), made(there.batch, 400)
copied = made(lambda *asked: dataset.batch(*asked).to(device))
print(json.dumps({{"first": first, "second": second, "padded": padded, "copied": copied,
                  "estimate": gpu_batch_bytes(settings.model, 1)}}))
"""


MARGIN = 4  # operations, for other versions of torch


@pytest.mark.parametrize(
    ("preset", "pitched"),
    [
        ("v2-40k", True),
        *(
            pytest.param(*case, marks=pytest.mark.soak)
            for case in (("v2-48k", False), ("v1-32k", True), ("starter", True))
        ),
    ],
)
def test_a_batch_is_one_small_copy_and_few_operations(
    on_gpu: OnGpu, tmp_path: Path, preset: str, pitched: bool
) -> None:
    found = on_gpu(BATCHES.format(home=str(tmp_path), preset=preset, pitched=pitched))
    print({name: found[name] for name in ("first", "second", "copied", "estimate")})
    copied = found["copied"]
    for made in (found["second"], found["padded"]):
        assert (made["to_gpu"], made["from_pageable"], made["waits"], made["from_gpu"]) == (1, 0, 0, 0), made
        assert made["operations"] <= 16 + MARGIN and made["held"] <= found["estimate"]
    assert found["second"]["bytes_to_gpu"] < 50_000 < copied["bytes_to_gpu"] / 100
    assert found["first"]["to_gpu"] == 1 + 8 * (4 if pitched else 2) and not found["first"]["from_pageable"]
    assert found["second"]["shapes"] == copied["shapes"]


PLACES = """
import json, torch
from pathlib import Path
from rvc_engine.settings import for_preset
from rvc_engine.training.dataset import ClipDataset
from rvc_engine.work.train import train_config_of
from rvc_engine.work.train_memory import data_on_gpu
device = torch.device("cuda")
settings = for_preset("v2-40k")
dataset = ClipDataset([], settings.model)

def place(asked, minutes, batch_size=4):
    settings.train.data_on_gpu, settings.train.batch_size = asked, batch_size
    config, frames = train_config_of(settings, "bf16", "cuda"), [300] * (minutes * 20)
    events = data_on_gpu(settings, config, dataset, frames, device)
    said = []
    while True:
        try:
            said.append(next(events).text.code)
        except StopIteration as end:
            return [*said, end.value is not None]

print(json.dumps([place("auto", 30), place("off", 30), place("auto", 120), place("on", 120), place("on", 600),
                  place("auto", 30, 64)]))
"""


def test_where_the_data_is_kept(on_gpu: OnGpu) -> None:
    """8 GB: half an hour takes 0.6, two hours more than an eighth, ten hours more than there is; a batch of 64 does not
    fit at all."""
    kept, main = ["work.data_on_gpu", True], ["work.data_not_on_gpu", False]
    assert on_gpu(PLACES, gigabytes=8) == [kept, [False], [False], kept, main, [False]]


STEPS = """
import json, torch
from dataclasses import replace
from pathlib import Path
from rvc_engine.events import TrainStepped
from rvc_engine.settings import for_preset
from rvc_engine.training.dataset import ClipDataset
from rvc_engine.training.store import CheckpointStore
from rvc_engine.work.train import train_config_of
from rvc_engine.work.train_attempt import Attempt
from rvc_engine.work.training_clips import usable_rows
from rvc_engine.workspace import Workspace
from tests.gpu import counts
from tests.training.conftest import write_clip
device, found = torch.device("cuda"), {{}}
for asked in ("on", "off"):
    experiment, settings = Workspace(Path({home!r})).experiment(asked), for_preset("starter-tiny")
    settings.train.pretrained_g = settings.train.pretrained_d = "none"
    settings.train.epochs, settings.train.save_every, settings.train.data_on_gpu = 4, 100, asked
    for i in range(8):
        write_clip(experiment, settings, experiment.folder, f"0_{{i}}", 3.0 + i / 100)
    dataset = ClipDataset(usable_rows(experiment, settings)[0], settings.model)
    frames = [dataset.frames(row) for row in dataset.rows]
    attempt = Attempt(experiment, settings, dataset, frames, CheckpointStore(experiment), {{}})
    config = replace(train_config_of(settings, "bf16", "cuda"), batch_size=2, graphs={graphs})
    for event in attempt.run(config, device):
        if isinstance(event, TrainStepped) and event.step == 6:  # all clips were read, the graph is captured
            counts.reset()
        if isinstance(event, TrainStepped) and event.step == 14:
            found[asked] = {{name: count / 8 for name, count in counts.counts().items()}}
print(json.dumps(found))
"""


@pytest.mark.parametrize("graphs", [True, pytest.param(False, marks=pytest.mark.soak)])
def test_a_training_copies_a_few_kilobytes_a_step(on_gpu: OnGpu, tmp_path: Path, graphs: bool) -> None:
    found = on_gpu(STEPS.format(home=str(tmp_path), graphs=graphs))
    print(found)
    on, off = found["on"], found["off"]
    assert on["bytes_to_gpu"] < 50_000 < off["bytes_to_gpu"] / 20
    assert on["to_gpu"] <= off["to_gpu"] - 5 and on["waits"] <= off["waits"] and on["from_gpu"] <= off["from_gpu"]
    assert on["launches"] <= off["launches"] + 14 + MARGIN and not on["from_pageable"]
