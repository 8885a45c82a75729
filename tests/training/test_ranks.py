"""Several processes that train one voice: two with gloo on the CPU, started by torchrun as on GPUs."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from rvc_engine.errors import BadInput, RvcError
from rvc_engine.events import CheckpointSaved, EpochFinished, Event, TrainStepped, Warned
from rvc_engine.experiment import Experiment
from rvc_engine.models.noise import Noise
from rvc_engine.training.ranks import PartOfNoise
from rvc_engine.training.store import CheckpointStore
from rvc_engine.work import train
from rvc_engine.work import train_parallel as parallel

TWO = "cpu,cpu"


def of(events: list[Event], kind: type) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


def weights(experiment: Experiment) -> dict[str, torch.Tensor]:
    store = CheckpointStore(experiment)
    pair = [torch.load(path, weights_only=True)["model"] for path in store.pair_paths(store.steps()[0])]
    return {f"{kind}.{key}": value for kind, model in zip("GD", pair, strict=True) for key, value in model.items()}


NO_GRADIENT = "conv_k.bias"
"""It adds the same to every score of a softmax, so its gradient is zero but for rounding, which Adam takes for a
direction."""


def furthest(a: Experiment, b: Experiment, without: str = "") -> float:
    one, other = weights(a), weights(b)
    assert one.keys() == other.keys()
    return max(float((one[key] - other[key]).abs().max()) for key in one if not without or not key.endswith(without))


@pytest.fixture
def make(make_experiment: Any) -> Any:
    def make(name: str, gpus: str, batch: int, seconds: tuple[float, ...] = (1.9, 1.6, 1.2, 0.9, 0.8, 1.0)) -> Any:
        experiment, settings = make_experiment(name, seconds=seconds)
        settings.train.gpus, settings.train.batch_size, settings.train.epochs = gpus, batch, 2
        settings.train.save_every, settings.train.audition = 1, False
        return experiment, settings

    return make


@pytest.mark.soak
@pytest.mark.parametrize("checkpointing", ["off", "on"])
def test_two_processes_learn_as_one_with_twice_the_batch(make: Any, checkpointing: str) -> None:
    """Clips shorter and longer than the window that is used: losses of every step, and every weight after the last."""
    two, one = make("two", TWO, 2), make("one", "", 4)
    two[1].train.checkpointing = checkpointing
    events, wanted = (list(train.run(*made)) for made in (two, one))
    steps, expected = of(events, TrainStepped), of(wanted, TrainStepped)
    assert [(s.step, s.epoch) for s in steps] == [(s.step, s.epoch) for s in expected] and len(steps) >= 4
    for step, other in zip(steps, expected, strict=True):
        assert step.losses == pytest.approx(other.losses, rel=1e-4)
    assert furthest(two[0], one[0], without=NO_GRADIENT) < 1e-5
    kinds = [event.kind for event in of(events, CheckpointSaved)]
    assert kinds == [event.kind for event in of(wanted, CheckpointSaved)] and len(of(events, EpochFinished)) == 2
    assert train.artefacts(*two)


@pytest.mark.soak
def test_a_stop_saves_and_the_next_run_resumes_exactly(make: Any) -> None:
    stopped, whole = make("stopped", TWO, 1), make("whole", TWO, 1)
    list(train.run(*whole))
    run = train.run(*stopped)
    for event in run:
        if isinstance(event, TrainStepped) and event.step == 2:
            break
    run.close()
    assert stopped[0].resume_state.is_file()
    steps = of(list(train.run(*stopped)), TrainStepped)
    assert steps[0].step == 3
    assert furthest(stopped[0], whole[0]) == 0


@pytest.mark.soak
def test_memory_that_runs_out_in_one_process_halves_the_batch_of_all(
    make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RVC_FAULTS", "oom@2")
    experiment, settings = make("voice", TWO, 2)
    events = list(train.run(experiment, settings))
    (warned,) = [event for event in of(events, Warned) if "now 1 instead of 2" in event.message]
    assert warned.hint.code == "machine.out_of_memory.cause"  # it came from another process
    assert settings.train.batch_size == experiment.load_settings().train.batch_size == 1
    assert of(events, EpochFinished)[-1].epoch == 2 and train.artefacts(experiment, settings)


@pytest.mark.soak
def test_a_process_that_dies_is_an_error_with_a_fix(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    experiment, settings = make("voice", TWO, 1)
    started = []
    begin = parallel._start
    monkeypatch.setattr(parallel, "_start", lambda *words: started.append(begin(*words)) or started[-1])
    with pytest.raises(RvcError, match="A training process ended") as caught:
        for event in train.run(experiment, settings):
            if isinstance(event, TrainStepped):
                started[0].process.kill()
    assert "resumes" in caught.value.hint
    assert started[0].process.poll() is not None


@pytest.mark.parametrize("gpus", ["all", "0,1", "cpu,0", "7", "x"])
def test_devices_that_are_not_there_are_refused(make: Any, gpus: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    experiment, settings = make("voice", gpus, 1)
    with pytest.raises(BadInput):
        list(train.run(experiment, settings))


def test_parts_of_noise_are_the_whole() -> None:
    whole = Noise("cpu", 5).normal((6, 2, 3))
    parts = [PartOfNoise(Noise("cpu", 5), rank, 3).normal((2, 2, 3)) for rank in range(3)]
    assert torch.equal(torch.cat(parts), whole)
