"""What a stop says of what was saved, and what comes after it: nothing. The stages are pretended, the engine is
real."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rvc_engine.client.words import line_of, stopped_words
from rvc_engine.commands.display import PlainDisplay
from rvc_engine.commands.watch import summary
from rvc_engine.events import (
    CheckpointSaved,
    Event,
    MemorySampled,
    Progressed,
    RunFinished,
    StageFailed,
    StageFinished,
    StageStarted,
    StageStopped,
    StepsSuperseded,
    TrainStepped,
    from_dict,
)
from rvc_engine.experiment import Experiment
from rvc_engine.machine import memory_samples
from rvc_engine.messages import Message
from rvc_engine.registry import STAGES
from rvc_engine.run import runner
from rvc_engine.run.journal import Journal, read
from rvc_engine.run.runner import Engine
from rvc_engine.run.status import read_view
from rvc_engine.run.view import RunView
from rvc_engine.settings import for_preset
from rvc_engine.workspace import Workspace

Work = Callable[[Engine], Iterator[Event]]


class Ended(Exception):
    """In the place of the end of the process."""


@pytest.fixture
def experiment(home: Path) -> Experiment:
    return Workspace(home).experiment("voice")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    def end(code: int) -> None:
        raise Ended(code)

    monkeypatch.setattr(runner, "end_now", end)
    monkeypatch.setattr(runner, "GRACE_S", 0.3)
    monkeypatch.setattr(runner, "SAVING_GRACE_S", 0.6)
    monkeypatch.setattr(runner, "SAME_SIGNAL_S", 0.05)
    monkeypatch.setattr(runner, "MEMORY_S", 0.01)
    monkeypatch.setattr(memory_samples, "sample", lambda: MemorySampled(rss_bytes=1))


def events_of(
    experiment: Experiment, monkeypatch: pytest.MonkeyPatch, work: Work, stages: list[str]
) -> tuple[int, list[Event]]:
    """Exit code and journal of an engine whose stages do this."""
    engine = Engine(experiment, for_preset("starter-tiny"), stages, fresh=False)
    monkeypatch.setattr(runner, "run_pipeline", lambda *words: work(engine))
    number, journal = Journal.next_in(experiment.runs)
    with journal:
        try:
            code = engine.run(journal, number)
        except Ended as end:
            code = int(str(end))
        time.sleep(0.1)  # would anything come now?
    return code, list(read(journal.path))


def test_what_reads_the_memory_ends_with_the_run(experiment: Experiment, monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine in the process of another program leaves no thread behind."""
    events_of(experiment, monkeypatch, lambda engine: iter(()), ["train"])
    assert "memory" not in {thread.name for thread in threading.enumerate()}


def test_nothing_follows_the_end_of_a_run(experiment: Experiment, monkeypatch: pytest.MonkeyPatch) -> None:
    def work(engine: Engine) -> Iterator[Event]:
        try:
            yield RunFinished(seconds=1.0)
        finally:
            engine.warn("what a thread says late", "")

    code, events = events_of(experiment, monkeypatch, work, ["train"])
    assert code == 0 and isinstance(events[-1], RunFinished)


def step(number: int) -> TrainStepped:
    return TrainStepped(step=number, epoch=1, epochs=9, losses={}, learning_rate=0.0, grad_norms={}, seconds=0.0)


def ask(engine: Engine) -> None:
    engine.on_signal(15, None)


def only_end(events: list[Event]) -> StageStopped:
    """It is the last event, and the only one of its kind."""
    assert isinstance(events[-1], StageStopped), events[-3:]
    assert sum(isinstance(event, StageStopped | StageFailed | RunFinished) for event in events) == 1
    return events[-1]


def test_a_clean_stop_says_saved(experiment: Experiment, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = []

    def work(engine: Engine) -> Iterator[Event]:
        yield StageStarted(stage="train")
        try:
            ask(engine)
            yield step(1)
        finally:
            closed.append(True)

    code, events = events_of(experiment, monkeypatch, work, ["train"])
    assert (code, closed) == (130, [True])
    assert only_end(events).saved is True
    assert stopped_words(only_end(events)) == "stopped; progress is saved"


@pytest.mark.parametrize("stage", ["index", "base"])
def test_a_stage_that_starts_again_is_not_called_saved(
    experiment: Experiment, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    def work(engine: Engine) -> Iterator[Event]:
        yield StageStarted(stage=stage)
        ask(engine)
        yield Progressed(stage=stage, done=0, total=1, unit="rows")

    end = only_end(events_of(experiment, monkeypatch, work, [stage])[1])
    assert end.saved is False
    assert stopped_words(end) == "ended without saving; this stage restarts"


def test_a_stop_after_a_stage_has_finished_loses_nothing(
    experiment: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    def work(engine: Engine) -> Iterator[Event]:
        yield StageStarted(stage="index")
        yield StageFinished(stage="index", seconds=0.0)
        ask(engine)
        yield Progressed(stage="index", done=1, total=1, unit="artefacts")

    assert only_end(events_of(experiment, monkeypatch, work, ["index"])[1]).saved is True


@pytest.mark.parametrize(
    ("before", "words"),
    [
        ([], "training resumes from the last checkpoint"),
        ([step(1)], "training resumes at the start"),
        (
            [step(1), CheckpointSaved(path="resume.pt", kind="resume", epoch=1, step=1), step(2)],
            "training resumes after step 1",
        ),
        ([StepsSuperseded(after_step=40, epoch=3), step(41)], "training resumes after step 40"),
    ],
)
def test_a_step_without_an_end_is_not_called_saved(
    experiment: Experiment,
    monkeypatch: pytest.MonkeyPatch,
    before: list[Event],
    words: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def work(engine: Engine) -> Iterator[Event]:
        yield StageStarted(stage="train")
        yield from before
        ask(engine)
        threading.Event().wait(60)

    code, events = events_of(experiment, monkeypatch, work, ["train"])
    end = only_end(events)
    assert (code, end.saved) == (130, False) and "longer than" in end.reason
    assert stopped_words(end).endswith(words)
    view = read_view(experiment)
    assert (
        view.as_json()["saved"] is False
        and words in summary(view)
        and " saved" not in summary(view).replace("last saved", "")
    )
    PlainDisplay().end(view)
    assert words in capsys.readouterr().out


def test_a_second_signal_ends_at_once_and_says_so(experiment: Experiment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "GRACE_S", 60.0)

    def work(engine: Engine) -> Iterator[Event]:
        yield StageStarted(stage="pitch")
        ask(engine)
        time.sleep(0.1)
        ask(engine)
        threading.Event().wait(60)

    end = only_end(events_of(experiment, monkeypatch, work, ["pitch"])[1])
    assert end.saved is False
    assert (
        stopped_words(end)
        == "ended without saving (stopped a second time); finished clips are kept, the last one may be processed again"
    )


def test_a_save_that_takes_longer_than_a_step_is_waited_for(
    experiment: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    def work(engine: Engine) -> Iterator[Event]:
        yield StageStarted(stage="train")
        try:
            ask(engine)
            yield step(1)
        finally:
            time.sleep(0.45)

    assert only_end(events_of(experiment, monkeypatch, work, ["train"])[1]).saved is True


def test_slow_steps_are_waited_for_longer(experiment: Experiment, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four times the slowest seen, from the signal on: not from a step's begin that was long before."""

    def work(engine: Engine) -> Iterator[Event]:
        yield StageStarted(stage="train")
        time.sleep(0.2)
        yield step(1)
        time.sleep(0.4)
        ask(engine)
        time.sleep(0.5)  # longer than the grace without slow steps
        yield step(2)

    code, events = events_of(experiment, monkeypatch, work, ["train"])
    assert only_end(events).saved is True and code == 130


def test_a_driver_that_hangs_holds_up_nothing(experiment: Experiment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_samples, "sample", lambda: threading.Event().wait(60))

    def work(engine: Engine) -> Iterator[Event]:
        yield StageStarted(stage="train")
        yield RunFinished(seconds=0.0)

    started = time.monotonic()
    code, events = events_of(experiment, monkeypatch, work, ["train"])
    assert code == 0 and isinstance(events[-1], RunFinished) and time.monotonic() - started < 5


@pytest.mark.parametrize("end", [RunFinished(seconds=0.0), None], ids=["finished", "failed"])
def test_nothing_follows_the_end(experiment: Experiment, monkeypatch: pytest.MonkeyPatch, end: Event | None) -> None:
    def work(engine: Engine) -> Iterator[Event]:
        yield StageStarted(stage="pitch")
        time.sleep(0.1)
        if end is None:
            raise runner.RvcError("no")
        yield end

    kinds = [type(event) for event in events_of(experiment, monkeypatch, work, ["pitch"])[1]]
    assert MemorySampled in kinds and kinds[-1] is (type(end) if end else StageFailed)
    assert kinds.index(kinds[-1]) == len(kinds) - 1


def test_an_experiment_that_was_taken_over_is_left(experiment: Experiment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "HEARTBEAT_S", 0.05)

    class Taken:
        def lost_to(self) -> object:
            return runner.RunLock(experiment.lock).acquire() or type("Other", (), {"where": "process 7 on newbox"})

    def work(engine: Engine) -> Iterator[Event]:
        engine.lock = Taken()  # type: ignore[assignment]
        yield StageStarted(stage="train")
        threading.Event().wait(60)

    code, events = events_of(experiment, monkeypatch, work, ["train"])
    assert code == 1 and isinstance(events[-1], StageFailed) and "newbox" in events[-1].message


def test_a_journal_of_before_says_no_more_than_it_knows() -> None:
    event = from_dict({"event": "StageStopped", "at": 1.0, "stage": "train"})
    assert isinstance(event, StageStopped) and event.saved is None
    assert stopped_words(event) == "stopped"
    view = RunView(name="voice")
    view.fold(event)
    assert view.as_json()["saved"] is None and "saved" not in summary(view)


def test_every_stage_has_words_for_a_hard_end() -> None:
    for name in STAGES.names():
        assert "without saving" in stopped_words(
            StageStopped(stage=name, saved=False, reason=Message("run.stopped_twice"))
        )
    assert line_of(StageStopped(stage="train", saved=False)) is None  # the end says it
