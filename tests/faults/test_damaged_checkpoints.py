"""Every checkpoint file truncated or bit-flipped: a warning, and on from the one before; never a silent start over."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from rvc_engine.events import MovedAside, StageFailed, TrainStepped, Warned
from tests.faults.conftest import Row
from tests.faults.harness import EPOCHS, Voice, copy_whole, events_in, flip_bit, truncate, weight_differences

PROMISE = "A damaged newest checkpoint is moved to a backup with a warning and the one before it is used"
NEVER = (
    "If none loads the run fails with exit 1 and says so: it never starts over unless --fresh is given, which "
    "moves the old work to a backup"
)
MORE = ("--set", f"train.epochs={EPOCHS}")
Damage = Callable[[Path, int], str]


def groups(voice: Voice) -> list[list[Path]]:
    """What training can resume from, newest first: resume.pt, resume-previous.pt, then each pair of G_ and D_."""
    files = voice.checkpoints()
    singles = [[path] for path in files if path.name.startswith("resume")]
    steps = list(dict.fromkeys(int(path.stem[2:]) for path in files if path.stem[:2] == "G_"))
    return singles + [[path for path in files if path.stem[2:] == str(step)] for step in steps]


def small(names: list[str], damage: list[Damage]) -> list[object]:
    marked = []
    for number, name in enumerate(names):
        for way in damage:
            first = number == 0 and way is flip_bit
            marked.append(pytest.param(name, way, id=f"{name}-{way.__name__}", marks=[] if first else pytest.mark.soak))
    return marked


@pytest.mark.parametrize(
    ("name", "damage"),
    small(["resume.pt", "resume-previous.pt", "G newest", "D newest", "G older", "D older"], [truncate, flip_bit]),
)
def test_a_damaged_checkpoint_moves_to_a_backup(
    row: Row, tmp_path: Path, trained: Voice, reference: Voice, name: str, damage: Damage
) -> None:
    row.of("Each checkpoint file truncated and bit-flipped in turn, as the newest there is", PROMISE)
    voice = copy_whole(trained, tmp_path)
    order = groups(voice)
    kinds = ["resume.pt", "resume-previous.pt", "newest", "older"]
    place = kinds.index(name if name.startswith("resume") else name.split()[1])
    assert len(order) > place + 1, f"there is nothing older than {name}: {order}"
    for newer in order[:place]:
        for path in newer:
            path.unlink()
    target = order[place][0 if len(order[place]) == 1 or name.startswith("G") else 1]
    harm = damage(target, place)
    events = voice.finish(*MORE, command="train")
    warned = [event for event in events if isinstance(event, Warned) and target.name in event.title + event.message]
    assert warned, [event for event in events if isinstance(event, Warned)]
    assert voice.steps() == reference.steps()
    again = [event.step for event in events if isinstance(event, TrainStepped)]
    used = order[place + 1][0].name
    if used.startswith("resume"):
        assert weight_differences(voice.experiment.small_model, reference.experiment.small_model) == []
    # G_ and D_ have the layout of the RVC programs, without room for the random states: resuming from a pair is not
    # exact
    outcome = "the same weights" if used.startswith("resume") else "other weights (a pair holds no random states)"
    row.saw(f"{harm}: a warning that names it, resumed from {used} with step {again[0]}, {outcome}")


@pytest.mark.soak
@pytest.mark.parametrize("damage", [truncate, flip_bit])
def test_an_older_file_that_is_not_needed_does_no_harm(
    row: Row, tmp_path: Path, trained: Voice, reference: Voice, damage: Damage
) -> None:
    row.of("Every checkpoint file but the newest damaged", PROMISE)
    voice = copy_whole(trained, tmp_path)
    for seed, path in enumerate(voice.checkpoints()[1:]):
        damage(path, seed)
    voice.finish(*MORE, command="train")
    assert weight_differences(voice.experiment.small_model, reference.experiment.small_model) == []
    row.saw(f"{damage.__name__}: the newest was used, the same weights")


@pytest.mark.soak
@pytest.mark.parametrize("damage", [truncate, flip_bit])
def test_with_all_damaged_it_never_starts_over(row: Row, tmp_path: Path, trained: Voice, damage: Damage) -> None:
    row.of("Every checkpoint file damaged", NEVER)
    voice = copy_whole(trained, tmp_path)
    for seed, path in enumerate(voice.checkpoints()):
        damage(path, seed)
    before = {path.name: path.read_bytes() for path in voice.checkpoints()}
    for _ in range(2):
        done = voice.run(*MORE, command="train")
        assert done.returncode == 1, done.stdout
        events = events_in(done.stdout)
        end = events[-1]
        assert isinstance(end, StageFailed) and end.exit_code == 1 and "--fresh" in end.hint
        assert not any(isinstance(event, TrainStepped) for event in events)
        assert {path.name: path.read_bytes() for path in voice.checkpoints()} == before
    row.saw(f"{damage.__name__}: exit 1 twice, {end.title!r}, nothing moved", runs=2)
    started = voice.finish(*MORE, "--fresh", command="train")
    assert next(event.step for event in started if isinstance(event, TrainStepped)) == 1
    assert any(isinstance(event, MovedAside) for event in started)
    backup = {path.name: path.read_bytes() for path in voice.experiment.path("aside").rglob("*") if path.is_file()}
    assert all(backup.get(name) == content for name, content in before.items())
    row.saw(f"with --fresh it started with step 1; {len(before)} old files are in aside/")
