"""A save on a pretended GPU: steps are made while it is written, and wait for the GPU no more than without it."""

from __future__ import annotations

from pathlib import Path

from tests.gpu.conftest import OnGpu

SAVE = """
import json, threading, torch
from pathlib import Path
from rvc_engine.presets import model_config
from rvc_engine.training import saving
from rvc_engine.training.graphs import GraphedSteps
from rvc_engine.training.hooks import TrainingHook
from rvc_engine.training.measure import random_batch
from rvc_engine.training.retention import Keeping
from rvc_engine.training.state import TrainingState
from rvc_engine.training.store import CheckpointStore, read_state
from rvc_engine.training.train_config import TrainConfig
from rvc_engine.training.trainer import Trainer
from rvc_engine.workspace import Workspace
from tests.gpu import counts

half, room = threading.Event(), threading.Event()

class Slow(TrainingHook):
    def stream(self, file, size):
        half.set()
        assert room.wait(60)
        return file

saving.INSIDE_EPOCH_S = 0.0
device = torch.device("cuda")
config = model_config("starter-tiny", pitch=True)
state = TrainingState.fresh(config, TrainConfig(epochs=1, precision="bf16"), device)
trainer = Trainer(state.generator, state.optimizer, state.adversary, state.precision, state.train_config)
steps = GraphedSteps(trainer, device, state.noise.generator)
store = CheckpointStore(Workspace(Path({home!r})).experiment("voice"), (Slow("slow"),))
saver = saving.Saver(state, store, Keeping(), lambda state: lambda held, anew: [], 60.0)
batches = [random_batch(config, 2, frames).to(device) for frames in (400, 300)]

def step(shape):
    torch.cuda.synchronize()
    counts.reset()
    steps.step(batches[shape], state.noise).numbers()
    found = counts.counts()
    state.step += 1
    return found

alone = [step(0) for _ in range(5)][-1]
state.position = 1
counts.reset()
events = list(saver.inside_epoch())
snapshot = counts.counts()
assert half.wait(60)
meanwhile = step(0)
captured = [step(1) for _ in range(4)][-1]
events += saver.inside_epoch()
room.set()
saved = [[event.kind, event.step] for event in saver.finish()]
written = read_state(store.files.resume_state)
print(json.dumps({{
    "alone": alone, "meanwhile": meanwhile, "captured": captured, "snapshot": snapshot, "early": len(events),
    "saved": saved, "step": written["rest"]["step"], "lr": written["pair"]["G"]["optimizer"]["param_groups"][0]["lr"],
    "devices": sorted({{str(value.device) for value in written["pair"]["D"]["model"].values()}}),
    "threads": [thread.name for thread in threading.enumerate()],
}}))
"""


def test_steps_are_made_while_a_save_is_written(on_gpu: OnGpu, tmp_path: Path) -> None:
    """Graphs are captured meanwhile too. The copies of the state are what the training stops for."""
    found = on_gpu(SAVE.format(home=str(tmp_path)))
    print(found["alone"], found["snapshot"])
    assert found["meanwhile"] == found["alone"] and found["alone"]["waits"] == 1
    assert found["captured"]["graphs"] == 1 and found["captured"]["waits"] == 1
    assert found["snapshot"]["waits"] <= 3 and found["snapshot"]["from_gpu"] > 100
    assert found["snapshot"]["to_gpu"] == found["snapshot"]["launches"] == 0
    assert found["early"] == 0 and found["saved"] == [["resume", 5]] and found["step"] == 5
    assert found["devices"] == ["cpu"] and found["lr"] > 0 and "save" not in found["threads"]
