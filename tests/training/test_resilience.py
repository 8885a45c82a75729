"""What a training survives: damaged files, a full disk, memory that runs out, numbers that are none."""

from __future__ import annotations

import random
import shutil
import struct
import time
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from rvc_test_kit.faults import Fault, parse

from rvc_engine import disk
from rvc_engine.common import waiting
from rvc_engine.disk import DiskFull, is_full, whole_file
from rvc_engine.errors import RvcError
from rvc_engine.events import (
    CheckpointSaved,
    EpochFinished,
    Event,
    Paused,
    Progressed,
    Resumed,
    RunStarted,
    StepsSuperseded,
    TrainStepped,
    Warned,
)
from rvc_engine.experiment import Experiment
from rvc_engine.messages import verbatim
from rvc_engine.run.journal import Journal, steps_once
from rvc_engine.run.view import RunView
from rvc_engine.settings import ExperimentSettings
from rvc_engine.training import saving
from rvc_engine.training.recovery import MEMORY, NOT_FINITE, Recovery, TrainingFault
from rvc_engine.training.retention import Keeping as Rules
from rvc_engine.training.retention import Pair, read_best, superfluous
from rvc_engine.training.state import UNREADABLE, TrainingState
from rvc_engine.training.store import CheckpointStore, check_whole, read_pair_file
from rvc_engine.training.train_config import TrainConfig
from rvc_engine.work import train
from rvc_engine.workspace import Workspace

Made = tuple[Experiment, ExperimentSettings]
EPOCHS = 4


def weights(experiment: Experiment, step: int | None = None) -> dict[str, Any]:
    """Of both networks, in the pair of a step or in the newest."""
    step = step or CheckpointStore(experiment).steps()[0]
    contents = (torch.load(experiment.checkpoint(kind, step), weights_only=True) for kind in ("G", "D"))
    return {f"{i}.{key}": value for i, content in enumerate(contents) for key, value in content["model"].items()}


def same_weights(a: Experiment, b: Experiment, step: int | None = None) -> bool:
    first, second = weights(a, step), weights(b, step)
    return first.keys() == second.keys() and all(torch.equal(first[key], second[key]) for key in first)


def of(events: list[Event], kind: type) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


def warnings(events: list[Event]) -> str:
    return "\n".join(f"{event.title}: {event.message} ({event.hint})" for event in of(events, Warned))


def everything(made: Made, epochs: int = EPOCHS) -> list[Event]:
    made[1].train.epochs = epochs
    return list(train.run(*made))


@pytest.fixture
def make(make_experiment: Any) -> Callable[[str], Made]:
    def make_one(name: str) -> Made:
        made: Made = make_experiment(name, seconds=(0.9, 0.9, 0.7, 0.7))
        made[1].train.save_every, made[1].train.keep_last = 1, 0
        return made

    return make_one


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Filled by the first test that needs it: an untouched training, and one that is two epochs short."""
    return {"folder": tmp_path_factory.mktemp("once")}


@pytest.fixture
def whole(make: Callable[[str], Made], once: dict[str, Any]) -> Experiment:
    """A training to its end that nothing disturbed."""
    if "whole" not in once:
        made = make("voice")
        everything(made)
        shutil.move(made[0].workspace.home, once["folder"] / "whole")
        once["whole"] = Workspace(once["folder"] / "whole").experiment("voice")
    return once["whole"]  # type: ignore[no-any-return]


@pytest.fixture
def halfway(make: Callable[[str], Made], once: dict[str, Any], whole: Experiment) -> Made:
    """A copy of a training of two epochs, whose states are those of the untouched one."""
    made = make("voice")
    if "half" not in once:
        everything(made, 2)
        shutil.copytree(made[0].folder, once["folder"] / "half")
        once["half"] = once["folder"] / "half"
    shutil.rmtree(made[0].folder)
    shutil.copytree(once["half"], made[0].folder)
    return made


# --- files ------------------------------------------------------------------------------------------------------------
def cut(path: Path, share: float) -> None:
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])


def flip(path: Path, share: float) -> None:
    """A bit inside a tensor: of all records, the one at `share` of them in the order of their sizes."""
    with zipfile.ZipFile(path) as archive:
        records = sorted(archive.infolist(), key=lambda record: record.file_size)
    record = records[int(share * (len(records) - 1))]
    data = bytearray(path.read_bytes())
    # lengths in the record's local header of 30 bytes
    names = struct.unpack_from("<HH", data, record.header_offset + 26)
    data[record.header_offset + 30 + sum(names) + record.file_size // 2] ^= 16
    path.write_bytes(bytes(data))


@pytest.mark.few(3)
@pytest.mark.parametrize("name", ["resume.pt", "resume-previous.pt", "G", "D"])
@pytest.mark.parametrize(
    ("damage", "share"),
    [
        (cut, 0.5),
        (flip, 0.5),
        *(pytest.param(*case, marks=pytest.mark.soak) for case in ((cut, 0.0), (cut, 0.999), (flip, 1.0))),
    ],
)
def test_any_one_damaged_file_changes_nothing(
    halfway: Made, whole: Experiment, name: str, damage: Any, share: float
) -> None:
    """The next epoch's weights are those of a training that nothing disturbed."""
    experiment, _ = halfway
    newest = CheckpointStore(experiment).steps()[0]
    path = experiment.path(name) if "." in name else experiment.checkpoint(name, newest)
    damage(path, share)
    bad = path.read_bytes()
    events = everything(halfway, 3)
    steps = of(events, TrainStepped)
    if name == "resume.pt":
        assert "newer checkpoints are damaged" in warnings(events) and "resume.pt: " in warnings(events)
        assert [p.read_bytes() for p in experiment.path("aside").rglob(name)] == [bad]
    assert (steps[0].step <= newest) == (name == "resume.pt") and of(events, StepsSuperseded)[0].after_step == steps[
        0
    ].step - 1
    assert ("written again" in warnings(events)) == (name in "GD")
    assert same_weights(experiment, whole, steps[-1].step)


def test_a_flipped_bit_anywhere_is_seen_or_harmless(halfway: Made) -> None:
    """Padding and dates inside the file have no checksum, and no meaning."""
    path, draw = halfway[0].checkpoint("D", CheckpointStore(halfway[0]).steps()[0]), random.Random(1)
    whole, good = path.read_bytes(), torch.load(path, weights_only=True)["model"]
    seen = 0
    for _ in range(60):
        data = bytearray(whole)
        data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
        path.write_bytes(bytes(data))
        try:
            found = read_pair_file(path)["model"]
        except UNREADABLE:
            seen += 1
            continue
        assert list(found) == list(good) and all(torch.equal(found[key], good[key]) for key in good)
    assert seen > 30


def test_both_resume_files_damaged_leave_the_pair(halfway: Made) -> None:
    experiment, _ = halfway
    newest = CheckpointStore(experiment).steps()[0]
    flip(experiment.resume_state, 0.5)
    cut(experiment.resume_previous, 0.5)
    events = everything(halfway, 3)
    warned = warnings(events)
    assert "resume.pt" in warned and "resume-previous.pt" in warned and "no resume state" in warned
    assert of(events, TrainStepped)[0].step == newest + 1


def test_torch_does_not_see_a_flipped_bit_but_we_do(halfway: Made) -> None:
    path = halfway[0].resume_state
    flip(path, 0.5)
    torch.load(path, weights_only=True)
    with pytest.raises(ValueError, match="checksum"):
        check_whole(path)


def test_all_damaged_is_a_failure_again_and_again(halfway: Made) -> None:
    experiment, _ = halfway
    for pattern in ("G_*.pth", "D_*.pth", "resume*.pt"):
        for path in experiment.folder.glob(pattern):
            flip(path, 0.5)
    for _ in range(2):
        with pytest.raises(RvcError, match="No checkpoint can be read") as caught:
            everything(halfway)
        assert caught.value.exit_code == 1 and "--fresh" in caught.value.hint


# --- resuming ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("after", [*(pytest.param(n, marks=pytest.mark.soak) for n in (1, 3)), 5])
@pytest.mark.soak
def test_what_a_kill_leaves_resumes_exactly(
    make: Callable[[str], Made], whole: Experiment, monkeypatch: Any, after: int
) -> None:
    """The process is gone after a step, without a word: the folder is taken as it stands on the disk."""
    monkeypatch.setattr(saving, "INSIDE_EPOCH_S", 0.0)  # a state after every step
    made = make("voice")
    left, history = made[0].folder.with_name("left"), []
    made[1].train.epochs = EPOCHS
    stage = train.run(*made)
    for event in stage:
        history.append(event)
        if isinstance(event, TrainStepped) and event.step == after:
            break
    shutil.copytree(made[0].folder, left)
    stage.close()  # type: ignore[attr-defined]
    shutil.rmtree(made[0].folder)
    left.rename(made[0].folder)
    (made[0].folder / ".resume.pt.1.part").write_bytes(b"half")
    made[0].runs.mkdir()
    for number in (1, 2):
        (made[0].runs / f"000{number}.jsonl").touch()  # as the runner leaves it: this is not the first run
    history += everything(made)
    assert same_weights(made[0], whole) and not list(made[0].folder.glob(".*.part"))
    steps = [event.step for event in of(steps_once(history), TrainStepped)]
    assert steps == list(range(1, steps[-1] + 1))
    assert [event.epoch for event in of(steps_once(history), EpochFinished)] == list(range(1, EPOCHS + 1))


def stepped(step: int, epoch: int) -> TrainStepped:
    return TrainStepped(
        step=step, epoch=epoch, epochs=9, losses={"mel": 1.0}, learning_rate=1, grad_norms={}, seconds=1
    )


def finished(step: int, epoch: int) -> EpochFinished:
    return EpochFinished(epoch=epoch, epochs=9, step=step, losses={}, seconds=1)


def saved(step: int, epoch: int) -> CheckpointSaved:
    return CheckpointSaved(path="", kind="resume", epoch=epoch, step=step)


def test_steps_once() -> None:
    run = RunStarted(run=1, name="", folder="", pid=1, host="", version="", preset="", stages=[])
    first = [run, *(stepped(n, 1 + (n > 2)) for n in range(1, 6)), finished(2, 1), saved(2, 1), saved(4, 1)]
    second = [StepsSuperseded(after_step=2, epoch=0), finished(2, 1), stepped(3, 2), stepped(4, 2), finished(4, 2)]
    third = [StepsSuperseded(after_step=3, epoch=1), stepped(4, 2), finished(4, 2), saved(4, 2)]
    kept = steps_once([*first, *second, *third])
    assert [event.step for event in of(kept, TrainStepped)] == [1, 2, 3, 4]
    assert [(event.step, event.epoch) for event in of(kept, EpochFinished)] == [(2, 1), (4, 2)]
    assert [(event.step, event.epoch) for event in of(kept, CheckpointSaved)] == [(4, 2)]
    assert kept[0] is run and len(of(kept, StepsSuperseded)) == 2

    view = RunView()
    for event in [*first, *second, *third]:
        view.fold(event)
    assert [row.step for row in view.curves.recent] == [1, 2, 3, 4] and (view.step, view.epoch) == (4, 2)


# --- faults in a step -----------------------------------------------------------------------------
def test_one_break_down_is_rolled_back(make: Callable[[str], Made], whole: Experiment, monkeypatch: Any) -> None:
    monkeypatch.setenv("RVC_FAULTS", "nan@6")
    made = make("voice")
    events = everything(made)
    found = next(event for event in of(events, Warned) if "diverged" in event.title)
    assert found.title.endswith("step 6") and "the clips were 0_" in found.message and "are repeated" in found.message
    assert len(of(events, StepsSuperseded)) == 1 and 6 not in [
        event.step for event in events[: events.index(found)] if hasattr(event, "step")
    ]
    assert same_weights(made[0], whole)


@pytest.mark.soak
def test_two_break_downs_end_it(make: Callable[[str], Made], monkeypatch: Any) -> None:
    monkeypatch.setenv("RVC_FAULTS", "nan@3,nan@4")
    made = make("voice")
    with pytest.raises(RvcError, match="the clips were") as caught:
        everything(made)
    assert "step 4" in caught.value.title and "step 3 too" in caught.value.message and caught.value.exit_code == 1
    check_whole(made[0].resume_state)
    monkeypatch.delenv("RVC_FAULTS")
    assert of(everything(made), EpochFinished)[-1].epoch == EPOCHS


def test_recovery_knows_when_to_give_up() -> None:
    recovery = Recovery(TrainConfig(epochs=1, batch_size=3, precision="bf16"), torch.device("cpu"))
    fault = TrainingFault(NOT_FINITE, 10, verbatim("loss"), ["a", "b", "a"])
    assert "a, b" in recovery.after(fault).message and recovery.train_config.precision == "fp32"
    assert "are repeated" in recovery.after(replace(fault, step=211)).message
    with pytest.raises(RvcError, match="step 411"):
        recovery.after(replace(fault, step=411))
    assert "now 1 instead of 3" in recovery.after(replace(fault, kind=MEMORY)).message
    with pytest.raises(RvcError, match="with one clip") as caught:
        recovery.after(replace(fault, kind=MEMORY))
    assert "smaller preset" in caught.value.hint


def test_checkpointing_comes_before_a_smaller_batch_and_that_before_giving_up_graphs() -> None:
    config = TrainConfig(epochs=1, batch_size=2, graphs=True)
    recovery = Recovery(config, torch.device("cuda"), may_checkpoint=True)
    fault, seen = TrainingFault(MEMORY, 10, verbatim("CUDA out of memory"), ["a"]), []
    for _ in range(3):
        warned = recovery.after(fault)
        now = recovery.train_config
        seen.append((now.checkpointing, now.batch_size, now.graphs))
        assert warned.hint or warned.message
    assert seen == [(True, 2, True), (True, 1, True), (True, 1, False)]
    with pytest.raises(RvcError, match="with one clip"):
        recovery.after(fault)
    never = Recovery(config, torch.device("cuda"))
    never.after(fault)
    assert (never.train_config.checkpointing, never.train_config.batch_size) == (False, 1)


def test_data_leaves_the_gpu_first_or_where_it_is_wanted_there_last() -> None:
    fault = TrainingFault(MEMORY, 10, verbatim("CUDA out of memory"), ["a"], data_on_gpu=True)
    for asked, order in (
        ("auto", [("off", False, 2), ("off", True, 2), ("off", True, 1)]),
        ("on", [("on", True, 2), ("on", True, 1), ("off", True, 1)]),
    ):
        config = TrainConfig(epochs=1, batch_size=2, data_on_gpu=asked)
        recovery, seen = Recovery(config, torch.device("cuda"), may_checkpoint=True), []
        for _ in range(3):
            now = recovery.train_config
            recovery.after(replace(fault, data_on_gpu=now.data_on_gpu != "off"))
            now = recovery.train_config
            seen.append((now.data_on_gpu, now.checkpointing, now.batch_size))
        assert seen == order
        with pytest.raises(RvcError, match="with one clip"):
            recovery.after(replace(fault, data_on_gpu=False))


@pytest.mark.soak
def test_out_of_memory_halves_the_batch(make: Callable[[str], Made], monkeypatch: Any) -> None:
    monkeypatch.setenv("RVC_FAULTS", "oom@5")
    made = make("voice")
    events = everything(made)
    assert "now 1 instead of 2" in warnings(events) and made[0].load_settings().train.batch_size == 1
    steps = [event.step for event in of(steps_once(events), TrainStepped)]
    assert steps == list(range(1, len(steps) + 1)) and of(events, EpochFinished)[-1].epoch == EPOCHS
    assert of(events, Progressed)[-1].done == of(events, Progressed)[-1].total == steps[-1]
    monkeypatch.setenv("RVC_FAULTS", "oom@13")
    with pytest.raises(RvcError, match="Out of memory at step 13 with one clip"):
        everything(made, EPOCHS + 1)


def test_spoilt_weights_are_never_saved(make: Callable[[str], Made]) -> None:
    made = make("voice")
    made[1].train.save_every, made[1].train.epochs = 9, 9
    stage, spoilt, events = train.run(*made), False, []
    monkey = pytest.MonkeyPatch()
    held: list[TrainingState] = []
    fresh = TrainingState.fresh.__func__  # type: ignore[attr-defined]
    monkey.setattr(TrainingState, "fresh", classmethod(lambda cls, *a: held.append(fresh(cls, *a)) or held[-1]))  # type: ignore[func-returns-value]
    for event in stage:
        events.append(event)
        if isinstance(event, EpochFinished) and not spoilt:
            next(held[-1].generator.parameters()).data.view(-1)[0] = float("inf")
            spoilt = True
        if isinstance(event, EpochFinished) and event.epoch == 2:
            break
    monkey.undo()
    assert "not finite: a weight" in warnings(events) and of(events, StepsSuperseded)[0].after_step == 0
    next(held[-1].generator.parameters()).data.view(-1)[0] = float("nan")
    with pytest.raises(RvcError, match="stopped and not saved"):
        stage.close()  # type: ignore[attr-defined]
    content = torch.load(made[0].resume_state, weights_only=True)
    assert all(value.isfinite().all() for value in content["pair"]["G"]["model"].values())


@pytest.mark.soak
# --- a full disk -----------------------------------------------------------------------------------
def test_a_full_disk_is_waited_for(make: Callable[[str], Made], whole: Experiment, monkeypatch: Any) -> None:
    monkeypatch.setenv("RVC_FAULTS", "enospc@5:0.5")
    monkeypatch.setattr(waiting, "LOOK_S", 0.2)
    made = make("voice")
    events = everything(made)
    paused, resumed = of(events, Paused), of(events, Resumed)
    assert (
        len(paused) == len(resumed) == 1
        and paused[0].needed_bytes > 0
        and paused[0].stage == "train"
        and resumed[0].waited_s > 0.4
    )
    assert same_weights(made[0], whole) and not list(made[0].folder.glob(".*.part"))


@pytest.mark.soak
def test_too_little_room_is_seen_before_a_save(make: Callable[[str], Made], monkeypatch: Any) -> None:
    """After the wait it ends, with the last checkpoint in place; a stop while it waits works."""
    monkeypatch.setattr(waiting, "LOOK_S", 0.05)
    made = make("voice")
    everything(made, 1)
    before = made[0].resume_state.read_bytes()
    monkeypatch.setattr(saving, "free_bytes", lambda folder: 1000)
    made[1].train.disk_wait_s = 0
    with pytest.raises(DiskFull, match="The disk is full") as caught:
        everything(made)
    assert caught.value.exit_code == 1 and "training resumes from step" in caught.value.hint
    assert made[0].resume_state.read_bytes() == before

    made[1].train.disk_wait_s = 600
    stage = train.run(*made)
    assert any(isinstance(event, Paused) for event in stage)
    started = time.monotonic()
    stage.close()  # type: ignore[attr-defined]
    assert time.monotonic() - started < 5
    monkeypatch.undo()
    assert of(everything(made), TrainStepped)[0].epoch == 3  # the second epoch was saved at the end


def test_a_stop_on_a_full_disk_says_what_is_lost(make: Callable[[str], Made], monkeypatch: Any) -> None:
    monkeypatch.setenv("RVC_FAULTS", "enospc@1:60")
    made = make("voice")
    stage = train.run(*made)
    assert any(isinstance(event, TrainStepped) for event in stage)
    with pytest.raises(DiskFull, match="1 step is not saved"):
        stage.close()  # type: ignore[attr-defined]
    assert not list(made[0].folder.glob("*resume*"))


def test_errors_of_a_full_disk(tmp_path: Path) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("no /dev/full here")
    with pytest.raises((OSError, RuntimeError)) as caught:
        torch.save({"x": torch.zeros(1 << 20)}, full)
    assert is_full(caught.value)
    with pytest.raises(DiskFull), whole_file(tmp_path / "x", durable=False):
        full.write_bytes(b"x")
    assert not is_full(RuntimeError("something else")) and not is_full(OSError(13, "no"))


def test_the_journal_waits_for_room(tmp_path: Path, monkeypatch: Any) -> None:
    write, failures = disk.os.write, [OSError(28, "full"), OSError(28, "full")]

    def failing(descriptor: int, data: bytes) -> int:
        if failures:
            raise failures.pop()
        return write(descriptor, data)

    monkeypatch.setattr("rvc_engine.run.journal.os.write", failing)
    monkeypatch.setattr("rvc_engine.run.journal.time.sleep", lambda s: None)
    with Journal(tmp_path / "0001.jsonl") as journal:
        journal.append(saved(1, 1))
    assert (tmp_path / "0001.jsonl").read_bytes().count(b"\n") == 1


# --- which pairs stay ------------------------------------------------------------------------------
def test_rules() -> None:
    pairs = [Pair(step=10 * n, epoch=n, bytes=100) for n in range(1, 8)]
    assert superfluous(pairs, Rules(last=0), set()) == []
    assert superfluous(pairs, Rules(last=2), set()) == [10, 20, 30, 40, 50]
    assert superfluous(pairs, Rules(last=2, every=3), {10}) == [20, 40, 50]
    assert superfluous(pairs, Rules(last=0, budget_bytes=250), set(), other_bytes=50) == [10, 20, 30, 40, 50]
    assert superfluous(pairs, Rules(last=0, budget_bytes=1), {30}) == [10, 20, 40, 50, 60]
    assert superfluous([Pair(5, None, 9)], Rules(last=1, every=1, budget_bytes=1), set()) == []


@pytest.mark.soak
def test_best_and_pinned_pairs_stay(make: Callable[[str], Made]) -> None:
    experiment, settings = made = make("voice")
    settings.train.keep_last, settings.train.keep_every, settings.train.keep_best = 1, 2, True
    everything(made, 1)
    store = CheckpointStore(experiment)
    first = store.steps()[0]
    experiment.pins.write_text(f"# mine\n{first}\n")
    events = everything(made, 5)
    means = {event.step: event.losses["mel"] for event in of(events, EpochFinished)}
    best, mel = read_best(experiment.best)
    epochs = {store.epoch_of(step) for step in store.steps()}
    assert {1, 2, 4, 5} <= epochs and best in store.steps() and mel == min([*means.values(), mel])
    experiment.pins.unlink()
    settings.train.disk_budget_gb = 1e-6
    everything(made, 6)
    assert set(store.steps()) == {max(store.steps()), read_best(experiment.best)[0]}


# --- faults themselves -----------------------------------------------------------------------------
def test_words_of_faults() -> None:
    assert parse("") == [] and parse("nan@7, slow-save") == [Fault("nan", 7, 0.0), Fault("slow-save", 0, 2.0)]
    assert parse("enospc@2:1.5,slow-save@3:9") == [Fault("enospc", 2, 1.5), Fault("slow-save", 3, 9.0)]
    for wrong in ("nan", "oops@3", "oom@x", "enospc@2:"):
        with pytest.raises(ValueError, match="not understood"):
            parse(wrong)
