"""Not-a-number and out of memory in a training step."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from rvc_engine.events import StageFailed, TrainStepped, Warned
from tests.faults.conftest import Row
from tests.faults.harness import Voice, events_in, faults

ROLLS_BACK = (
    "Non-finite losses roll back to the last good checkpoint, name the batch's files, are tried once more, "
    "then fail clearly"
)
HALVES = "Out of memory in training lowers the batch, resumes from the last save and says so"


def warnings_in(voice: Voice) -> list[str]:
    return [f"{e.title}: {e.message}" for e in voice.last_run() if isinstance(e, Warned)]


@pytest.mark.soak
@pytest.mark.parametrize("step", [7, 1, 12])
def test_not_a_number_once(
    row: Row, tmp_path: Path, prepared: Callable[[Path], Voice], reference: Voice, step: int
) -> None:
    row.of("A number that is not finite at a step, once", ROLLS_BACK)
    voice = prepared(tmp_path)
    with faults(f"nan@{step}"):
        voice.finish()
    warnings = [text for text in warnings_in(voice) if "finite" in text]
    assert warnings, warnings_in(voice)
    assert any(clip in warnings[0] for clip in (*voice.experiment.clips(), "mute"))
    assert voice.steps() == reference.steps()
    row.saw(f"step {step}: {warnings[0][:110]!r}; it resumed and finished")


@pytest.mark.soak
def test_not_a_number_again_and_again(row: Row, tmp_path: Path, prepared: Callable[[Path], Voice]) -> None:
    row.of("A number that is not finite at the same step each time", ROLLS_BACK)
    voice = prepared(tmp_path)
    with faults("nan@5,nan@5,nan@5,nan@5"):
        done = voice.run()
    assert done.returncode == 1, done.stdout
    end = events_in(done.stdout)[-1]
    assert isinstance(end, StageFailed) and any(clip in end.message for clip in (*voice.experiment.clips(), "mute"))
    assert max(voice.steps(), default=0) < 5
    row.saw(f"exit 1, {end.title!r}")
    voice.finish()
    row.saw("without the fault the next run resumed and finished")


@pytest.mark.soak
@pytest.mark.parametrize("step", [5, 1])
def test_out_of_memory_halves_the_batch(row: Row, tmp_path: Path, prepared: Callable[[Path], Voice], step: int) -> None:
    row.of("Out of memory at a step", HALVES)
    voice = prepared(tmp_path)
    with faults(f"oom@{step}"):
        voice.finish()
    warnings = [text for text in warnings_in(voice) if "memory" in text.lower()]
    assert warnings, warnings_in(voice)
    assert voice.experiment.load_settings().train.batch_size == 1
    steps = voice.steps()
    assert steps == list(range(1, len(steps) + 1))
    row.saw(f"step {step}: {warnings[0][:110]!r}; {len(steps)} steps, batch_size = 1 in experiment.toml")


@pytest.mark.soak
def test_out_of_memory_with_one_clip_a_step(row: Row, tmp_path: Path, prepared: Callable[[Path], Voice]) -> None:
    row.of("Out of memory at a step with a batch of one clip", "Failed (exit 1), with the cause and the fix")
    voice = prepared(tmp_path)
    with faults("oom@3"):
        done = voice.run("--set", "train.batch_size=1")
    assert done.returncode == 1
    end = events_in(done.stdout)[-1]
    assert isinstance(end, StageFailed) and "memory" in (end.title + end.message).lower() and end.hint
    assert any(isinstance(event, TrainStepped) for event in voice.last_run())
    row.saw(f"exit 1, {end.title!r}, fix {end.hint!r}")
