"""Saves that a thread writes while the training continues, as on a GPU; here on a CPU."""

from __future__ import annotations

import errno
import math
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from rvc_engine.common import waiting
from rvc_engine.disk import DiskFull
from rvc_engine.errors import RvcError
from rvc_engine.events import CheckpointSaved, Event, Paused, Resumed, StepsSuperseded, TrainStepped, Warned
from rvc_engine.experiment import Experiment
from rvc_engine.presets import model_config
from rvc_engine.settings import ExperimentSettings
from rvc_engine.training import saving
from rvc_engine.training.dataset import Batch
from rvc_engine.training.hooks import Hooks, TrainingHook, Writable
from rvc_engine.training.recovery import StepFailed
from rvc_engine.training.retention import Keeping
from rvc_engine.training.saving import Saver
from rvc_engine.training.snapshot import HostMemory
from rvc_engine.training.state import TrainingState
from rvc_engine.training.store import CheckpointStore, check_whole, read_state
from rvc_engine.training.train_config import TrainConfig
from rvc_engine.work import train
from rvc_engine.workspace import Workspace

Made = tuple[Experiment, ExperimentSettings]
EPOCHS = 2  # of two steps each
LONG_S = 20.0


def of(events: list[Event], kind: type) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


def saves_under_way() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "save"]


def same(a: Any, b: Any) -> bool:
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    return a is b or bool(a == b)


def same_end(a: Experiment, b: Experiment) -> bool:
    """The last training state, but for times."""
    one, other = (read_state(experiment.resume_state) for experiment in (a, b))
    for content in (one, other):
        content["rest"].pop("seconds")
    return same(one, other)


class Gate(TrainingHook):
    """Each checkpoint file stops in the middle until the gate is open: from a step on, or when a test opens it.
    `wrong`: what is raised then, or what becomes of the bytes."""

    def __init__(self, opens_at: int = 0, wrong: OSError | bytes | None = None) -> None:
        super().__init__("gate")
        self.opens_at, self.wrong, self.files = opens_at, wrong, 0
        self.half, self.open = threading.Event(), threading.Event()

    def batch(self, step: int, batch: Batch) -> Batch:
        if step == self.opens_at:
            self.open.set()
        return batch

    def stream(self, file: Writable, size: int) -> Writable:
        self.files += 1
        return GatedFile(self, file)


class GatedFile:
    def __init__(self, gate: Gate, file: Writable) -> None:
        self.gate, self.file, self.passed = gate, file, False

    def write(self, data: bytes) -> int:
        if not self.passed:
            self.passed = True
            self.file.write(data[:1])
            self.file.flush()
            self.gate.half.set()
            assert self.gate.open.wait(LONG_S), "no step was made while a save was written"
            if isinstance(self.gate.wrong, OSError):
                raise self.gate.wrong
            self.file.write(self.gate.wrong or data[1:])
            return len(data)
        return self.file.write(data)

    def flush(self) -> None:
        self.file.flush()


@pytest.fixture(autouse=True)
def background(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(saving, "IN_BACKGROUND", ("cpu",))
    yield
    assert not saves_under_way()


@pytest.fixture
def make(make_experiment: Any) -> Callable[[str], Made]:
    def make_one(name: str) -> Made:
        made: Made = make_experiment(name, seconds=(0.9, 0.9, 0.7, 0.7))
        made[1].train.save_every, made[1].train.keep_last, made[1].train.epochs = 1, 0, EPOCHS
        made[1].train.audition = False
        return made

    return make_one


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("once")


@pytest.fixture
def whole(make: Callable[[str], Made], once: Path, monkeypatch: pytest.MonkeyPatch) -> Experiment:
    """A training that stops for each save, and that nothing disturbs."""
    kept = Workspace(once / "home").experiment("voice")
    if not kept.resume_state.is_file():
        made = make("voice")
        with monkeypatch.context() as patch:
            patch.setattr(saving, "IN_BACKGROUND", ())
            list(train.run(*made))
        shutil.copytree(made[0].folder, kept.folder)
        shutil.rmtree(made[0].folder)
    return kept


@pytest.fixture
def hooked(monkeypatch: pytest.MonkeyPatch) -> Callable[[TrainingHook], None]:
    def use(hook: TrainingHook) -> None:
        monkeypatch.setattr(train, "begin_hooks", lambda *, again: (hook,))

    return use


def always(monkeypatch: pytest.MonkeyPatch) -> None:
    """A save after every step, as far as there is none in flight."""
    monkeypatch.setattr(saving, "INSIDE_EPOCH_S", 0.0)


# --- trainings --------------------------------------------------------------------------------------------------------
def test_steps_are_made_while_a_save_is_written_and_it_is_reported_when_it_is_whole(
    make: Callable[[str], Made], whole: Experiment, hooked: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    always(monkeypatch)
    hooked(Gate(opens_at=2))
    made, events = make("voice"), []
    made[1].train.audition = True
    for event in train.run(*made):
        events.append(event)
        if isinstance(event, CheckpointSaved):
            if event.kind == "resume":
                assert read_state(Path(event.path))["rest"]["step"] == event.step
            else:
                check_whole(Path(event.path))
    first = of(events, CheckpointSaved)[0]
    before = [event.step for event in of(events[: events.index(first)], TrainStepped)]
    assert first.step == 1 and before[-1] >= 2
    assert same_end(made[0], whole)
    pairs = [(event.step, event.epoch) for event in of(events, CheckpointSaved) if event.kind == "checkpoint"]
    assert pairs == [(2, 1), (4, 2)] and len(list(made[0].auditions.glob("*_s*.wav"))) == EPOCHS


def test_a_kill_in_the_middle_of_a_save_resumes_exactly(
    make: Callable[[str], Made], whole: Experiment, hooked: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder is taken as it stands on the disk: the state of step 1, half of that of step 2, and a journal with
    step 3."""
    always(monkeypatch)
    made = make("voice")
    first, left = Gate(opens_at=1), made[0].folder.with_name("left")
    hooked(first)
    stage = train.run(*made)
    for event in stage:
        if isinstance(event, CheckpointSaved) and event.step == 1:
            first.half.clear()
            first.open.clear()
        if isinstance(event, TrainStepped) and event.step == 3:
            break
    assert first.half.wait(LONG_S)
    shutil.copytree(made[0].folder, left)
    first.open.set()
    stage.close()  # type: ignore[attr-defined]
    shutil.rmtree(made[0].folder)
    left.rename(made[0].folder)
    assert list(made[0].folder.glob(".*.part"))
    hooked(TrainingHook("none"))
    steps = [event.step for event in of(list(train.run(*made)), TrainStepped)]
    assert steps == [2, 3, 4] and same_end(made[0], whole) and not list(made[0].folder.glob(".*.part"))


def test_a_stop_in_the_middle_of_a_save_leaves_the_newest_state(
    make: Callable[[str], Made], whole: Experiment, hooked: Any
) -> None:
    made, gate = make("voice"), Gate()
    hooked(gate)
    stage = train.run(*made)
    for event in stage:
        if isinstance(event, TrainStepped) and event.step == 3:
            break
    assert gate.half.is_set() and not made[0].resume_state.is_file()
    threading.Timer(0.2, gate.open.set).start()
    stage.close()  # type: ignore[attr-defined]
    assert not saves_under_way() and not list(made[0].folder.glob(".*.part"))
    assert read_state(made[0].resume_state)["rest"]["step"] == 3
    assert CheckpointStore(made[0]).steps() == [2]  # the pair that was in flight
    hooked(TrainingHook("none"))
    assert [event.step for event in of(list(train.run(*made)), TrainStepped)] == [4]
    assert same_end(made[0], whole)


def test_what_goes_wrong_in_the_thread_ends_the_training(make: Callable[[str], Made], hooked: Any) -> None:
    made = make("voice")
    hooked(Gate(opens_at=3, wrong=OSError(errno.EIO, "no such luck")))
    with pytest.raises(OSError, match="no such luck") as caught:
        list(train.run(*made))
    assert caught.value.errno == errno.EIO and not made[0].resume_state.is_file()
    assert not saves_under_way()
    hooked(Gate(opens_at=3, wrong=b"nonsense"))
    with pytest.raises(RvcError, match=r"resume\.pt"):
        list(train.run(*made))
    assert not made[0].resume_state.is_file() and not list(made[0].folder.glob(".*.part"))


class Breaks(Gate):
    """Step 4 has an error; the save in flight is half written then."""

    def batch(self, step: int, batch: Batch) -> Batch:
        if step == 4:
            threading.Timer(0.2, self.open.set).start()
            raise RuntimeError("a hook of somebody")
        return batch


def test_what_goes_wrong_elsewhere_is_reported_and_the_save_in_flight_is_whole(
    make: Callable[[str], Made], hooked: Any
) -> None:
    made = make("voice")
    hooked(Breaks())
    with pytest.raises(RuntimeError, match="a hook of somebody"):
        list(train.run(*made))
    assert not saves_under_way() and read_state(made[0].resume_state)["rest"]["step"] == 2


class Spoils(Gate):
    """The first time, step 4 has a batch that is not finite; the save in flight is half written then."""

    def batch(self, step: int, batch: Batch) -> Batch:
        batch = super().batch(step, batch)
        if step != 4 or self.wrong == b"":
            return batch
        self.wrong = b""
        threading.Timer(0.2, self.open.set).start()
        return replace(batch, wave=batch.wave * float("nan"))


def test_after_a_broken_step_training_resumes_from_the_save_in_flight(
    make: Callable[[str], Made], whole: Experiment, hooked: Any
) -> None:
    made = make("voice")
    hooked(Spoils())
    events = list(train.run(*made))
    saved = [event.step for event in of(events, CheckpointSaved) if event.kind == "checkpoint"]
    kinds = [type(event) for event in events]
    assert saved == [2, 4] and kinds.index(CheckpointSaved) < kinds.index(StepsSuperseded)
    assert any("diverged" in event.title for event in of(events, Warned))
    assert of(events, StepsSuperseded)[0].after_step == 2 and same_end(made[0], whole)


def test_a_full_disk_pauses_the_training(
    make: Callable[[str], Made], whole: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RVC_FAULTS", "enospc@1:0.3")
    monkeypatch.setattr(waiting, "LOOK_S", 0.1)
    made = make("voice")
    events = list(train.run(*made))
    (paused,), (resumed,) = of(events, Paused), of(events, Resumed)
    assert paused.needed_bytes > 0 and resumed.waited_s > 0.2
    assert events.index(resumed) == events.index(paused) + 1  # no step is made between
    assert same_end(made[0], whole) and not list(made[0].folder.glob(".*.part"))


def test_a_disk_that_stays_full_ends_the_training(make: Callable[[str], Made], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saving, "free_bytes", lambda folder: 1000)
    made = make("voice")
    made[1].train.disk_wait_s = 0
    with pytest.raises(DiskFull, match="The disk is full") as caught:
        list(train.run(*made))
    assert "step 0" in caught.value.hint and not made[0].resume_state.is_file() and not saves_under_way()


def test_a_stop_while_it_waits_for_room_is_quick(make: Callable[[str], Made], monkeypatch: pytest.MonkeyPatch) -> None:
    """What there is no room for by then is lost, and the error says so; where there is, the newest state is saved."""
    monkeypatch.setattr(waiting, "LOOK_S", LONG_S)
    for fault in ("enospc@1:60", ""):
        made = make("voice")
        monkeypatch.setenv("RVC_FAULTS", fault)
        monkeypatch.setattr(saving, "free_bytes", lambda folder, free=1 << 40 if fault else 1000: free)
        stage = train.run(*made)
        assert any(isinstance(event, Paused) for event in stage)
        started = time.monotonic()
        if fault:
            with pytest.raises(DiskFull, match="steps are not saved"):
                stage.close()  # type: ignore[attr-defined]
        else:
            stage.close()  # type: ignore[attr-defined]
            assert read_state(made[0].resume_state)["rest"]["step"] >= 2
        assert time.monotonic() - started < LONG_S / 2 and not saves_under_way()


# --- the saver alone --------------------------------------------------------------------------------------------------
@pytest.fixture
def state() -> TrainingState:
    config = model_config("starter-tiny", pitch=True)
    made = TrainingState.fresh(config, TrainConfig(epochs=9, save_every=3), torch.device("cpu"))
    made.step, made.sums = 5, {"loss/g/mel": 1.0}
    return made


def saver_of(state: TrainingState, folder: Path, hooks: Hooks = ()) -> Saver:
    state.step -= 1
    store = CheckpointStore(Workspace(folder).experiment("voice"), hooks)
    saver = Saver(state, store, Keeping(), lambda state: lambda held, anew: [], 0.0)
    state.step += 1
    return saver


def test_a_snapshot_is_of_its_moment(state: TrainingState) -> None:
    held = HostMemory().snapshot(state)
    expected = torch.Generator().set_state(held.rest()["noise"]).initial_seed()
    before = {key: value.clone() for key, value in state.generator.state_dict().items()}
    with torch.no_grad():
        for parameter in state.generator.parameters():
            parameter.add_(1.0)
    draws = state.noise.normal((4,))
    state.sums["loss/g/mel"] += 1.0
    state.step, state.mel = 6, 0.5
    assert same(dict(held.weights()), before) and same(dict(held.pair()["G"]["model"]), before)
    assert (held.step, held.rest()["step"], held.rest()["sums"], held.mel) == (5, 5, {"loss/g/mel": 1.0}, math.inf)
    again = torch.Generator().set_state(held.rest()["noise"])
    assert again.initial_seed() == expected and torch.equal(torch.randn((4,), generator=again), draws)


def test_a_snapshot_takes_the_memory_of_the_one_before(state: TrainingState) -> None:
    memory = HostMemory()
    first = memory.snapshot(state).weights()
    for network, optimizer in (
        (state.generator, state.optimizer),
        (state.adversary.network, state.adversary.optimizer),
    ):
        for parameter in network.parameters():
            parameter.grad = torch.ones_like(parameter)
        optimizer.step()  # now there are moments, before the weights of the discriminators
    with torch.no_grad():
        for _ in range(2):
            held = memory.snapshot(state)
            assert same(held.pair(), state.pair())
            assert all(value.data_ptr() == first[key].data_ptr() for key, value in held.weights().items())
            next(state.generator.parameters()).add_(1.0)
    tensors = [value for side in held.pair().values() for value in side["model"].values()]
    tensors += [v for s in held.pair().values() for moment in s["optimizer"]["state"].values() for v in moment.values()]
    assert sum(value.nbytes for value in tensors) == held.bytes


def test_one_save_at_a_time_and_a_pair_waits_for_it(
    state: TrainingState, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    always(monkeypatch)
    gate = Gate()
    saver = saver_of(state, tmp_path, (gate,))
    assert list(saver.inside_epoch()) == [] and gate.half.wait(LONG_S)
    state.step = 6
    assert list(saver.inside_epoch()) == list(saver.end_of_epoch()) == [] and gate.files == 1
    state.epoch = 3
    threading.Timer(0.2, gate.open.set).start()
    found = [*saver.end_of_epoch(), *saver.finish()]
    assert [(event.kind, event.step) for event in of(found, CheckpointSaved)] == [
        ("resume", 5),
        ("resume", 6),
        ("checkpoint", 6),
    ]
    assert saver.saved_step == 6 and list(saver.finish()) == []


def test_weights_that_are_not_finite_are_not_written(state: TrainingState, tmp_path: Path) -> None:
    saver = saver_of(state, tmp_path)
    state.epoch = 3
    next(state.generator.parameters()).data.view(-1)[0] = float("nan")
    with pytest.raises(StepFailed):
        list(saver.end_of_epoch())
    assert not saves_under_way() and not list(tmp_path.rglob("*.p*"))


def test_a_stop_at_the_step_that_is_saved_leaves_the_pair_to_the_next_run(state: TrainingState, tmp_path: Path) -> None:
    gate = Gate()
    saver = saver_of(state, tmp_path, (gate,))
    state.epoch = 3
    assert list(saver.end_of_epoch()) == []
    threading.Timer(0.2, gate.open.set).start()
    assert saver.save_now() and gate.files == 1 and saver.store.steps() == []
    assert [event.kind for event in of(list(saver.repair()), CheckpointSaved)] == ["checkpoint"]
    assert saver.store.steps() == [5]
