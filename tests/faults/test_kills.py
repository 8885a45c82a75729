"""kill -9 at random moments of every stage, then `rvc run` again: what comes out is what an untouched run gives."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from rvc_engine.events import ENDS, RunFinished, StageFailed, StageStarted, TrainStepped
from rvc_engine.run import launcher
from rvc_engine.run.journal import read
from rvc_engine.run.status import read_view
from rvc_engine.settings import ExperimentSettings
from tests.faults.conftest import Row
from tests.faults.harness import Voice, differences, ended, faults, has, kill, settings_for, stage_under_way, wait_for

PROMISE = (
    "True resume: a run killed at any moment resumes to bit for bit the same voice; the history holds each step once"
)
# How long a moment may lie after the stage's start, in seconds: about as long as the stage takes.
SPREAD = {"preprocess": 2.0, "pitch": 1.5, "features": 1.5, "train": 0.3, "save": 0.4, "index": 0.1}
CHAINS = [("preprocess", "train", "save"), tuple(SPREAD), tuple(SPREAD), ("pitch", "train", "save", "save", "index")]


@dataclass(frozen=True)
class Moment:
    """So many seconds after a stage has started; for `train` and `save` after that step, inside a save for `save`."""

    where: str
    step: int
    after_s: float
    with_supervisor: bool


def moments(seed: int) -> list[Moment]:
    rng = random.Random(seed)
    return [
        Moment(where, rng.randrange(9), rng.uniform(0, SPREAD[where]), rng.random() < 0.35) for where in CHAINS[seed]
    ]


def kill_at(voice: Voice, settings: ExperimentSettings, moment: Moment) -> str:
    """Start an engine and kill it at the moment. -> what was hit, "" when the run had ended before."""
    engine = launcher.start(voice.experiment, settings, ["preprocess", "pitch", "features", "train", "index"])

    def reached() -> bool:
        events = list(read(engine.journal))
        if any(isinstance(event, ENDS) for event in events):
            return True
        if moment.where in ("train", "save"):
            step = max((event.step for event in events if isinstance(event, TrainStepped)), default=0)
            return step >= moment.step and (
                voice.saving() if moment.where == "save" else has(engine, StageStarted, stage="train")
            )
        return has(engine, StageStarted, stage=moment.where)

    wait_for(reached, moment.where)
    began = len(list(read(engine.journal)))
    time.sleep(moment.after_s)
    inside = "inside a save of " if voice.saving() else ""
    if ended(engine):
        assert engine.process is not None and engine.process.wait(30) == 0
        return ""
    kill(engine, with_supervisor=moment.with_supervisor)
    events = list(read(engine.journal))
    hit = stage_under_way(engine.journal) or "between two stages"
    steps = [event.step for event in events if isinstance(event, TrainStepped)]
    assert len(events) >= began
    view = read_view(voice.experiment)
    assert view.state == "failed" and view.error is not None and "The engine " in view.error["title"]
    if not moment.with_supervisor:
        assert isinstance(events[-1], StageFailed) and "SIGKILL" in events[-1].title
    after = f" after step {steps[-1]}" if steps else ""
    return f"{inside}{hit}{after}" + (" (with its supervisor)" if moment.with_supervisor else "")


@pytest.mark.soak
def test_killed_while_a_thread_saves(
    row: Row, tmp_path: Path, prepared: Callable[[Path], Voice], reference: Voice
) -> None:
    """As on a GPU: steps are made meanwhile, and are made again."""
    row.of("kill -9 of the engine while a thread writes a save and steps are made, then `rvc run`", PROMISE)
    voice = prepared(tmp_path)
    for number, name in ((1, "resume"), (2, "G_"), (3, "resume")):  # the third time, the pair comes first
        with faults(f"background,slow-save@{number}:20"):
            engine = voice.start()

            def half_written(name: str = name) -> bool:
                return any(voice.experiment.folder.glob(f".{name}*.part"))

            wait_for(half_written, name)
            began = len(voice.steps())
            wait_for(lambda began=began: len(voice.steps()) > began, "a step meanwhile")  # type: ignore[misc]
            assert half_written()
            kill(engine)
        row.saw(f"inside a save of {stage_under_way(engine.journal)} after step {voice.steps()[-1]}")
    with faults("background"):
        events = voice.finish()
    assert isinstance(events[-1], RunFinished) and differences(voice, reference) == []
    assert voice.steps() == reference.steps() and voice.leftovers() == []


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(1, len(CHAINS)))])
def test_killed_again_and_again_it_ends_as_an_untouched_run(
    row: Row, tmp_path: Path, recordings: Path, reference: Voice, seed: int
) -> None:
    row.of("kill -9 of the engine at 20 random moments across all stages, then `rvc run`", PROMISE)
    voice, settings = Voice(tmp_path), settings_for(recordings)
    with faults("slow-save:0.3"):
        for moment in moments(seed):
            hit = kill_at(voice, settings, moment)
            if hit:
                row.saw(hit)
    assert len(row.seen) >= len(CHAINS[seed]) - 1, f"only {row.seen} were hit"
    events = voice.finish()
    assert isinstance(events[-1], RunFinished)
    assert differences(voice, reference) == []
    assert voice.steps() == reference.steps() == list(range(1, len(reference.steps()) + 1))
    assert voice.leftovers() == []
