"""rvc run, and one command a stage: settle the settings, check everything, start an engine, follow it."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from types import FrameType
from typing import Any

from rvc_engine.client.replies import Detached
from rvc_engine.commands.display import Display, choose_display
from rvc_engine.commands.flags import TAKE_OVER, add_settings, add_shared, given, unambiguous
from rvc_engine.commands.weights import offer
from rvc_engine.common.lines import error_from_record
from rvc_engine.common.streams import ask, say, say_json
from rvc_engine.errors import BadInput
from rvc_engine.events import Event, StageFailed
from rvc_engine.experiment import Experiment
from rvc_engine.presets import PUBLIC_PRESETS
from rvc_engine.registry import STAGES
from rvc_engine.run import launcher
from rvc_engine.run.begin import Request, check_ready, refuse_busy, settle
from rvc_engine.run.receipts import plan, why_to_ask
from rvc_engine.run.stage_list import stages_needed, stages_until, usual_stages
from rvc_engine.run.view import RunView
from rvc_engine.run.weights_needed import WeightsMissing
from rvc_engine.sections import sections
from rvc_engine.setting import StageSettings
from rvc_engine.settings import ExperimentSettings
from rvc_engine.stages.stage import Stage
from rvc_engine.workspace import Workspace

DEFAULT_PRESET = "v2-40k"
BASE_PRESET = "starter"


def build(parser: argparse.ArgumentParser, name: str) -> None:
    add_common(parser)
    if name == "run":
        usual = [stage.name for stage in usual_stages()]
        others = [stage.name for stage in STAGES.all() if stage.purpose == "training"]
        names = list(dict.fromkeys([*usual, *others]))
        parser.add_argument(
            "--until",
            metavar="STAGE",
            choices=names,
            default="",
            help=f"the last stage to run: {', '.join(usual)}",
        )
        add_unambiguous(parser, sections())
    else:
        add_settings(parser, name)


def add_common(parser: argparse.ArgumentParser) -> None:
    """What every command that runs stages takes."""
    parser.add_argument("name", metavar="NAME", help="the experiment: a folder under logs/, or a path")
    parser.add_argument("--dataset", metavar="DIR", help="the folder of recordings")
    parser.add_argument("--preset", metavar="PRESET", help=f"one of {', '.join(PUBLIC_PRESETS)}")
    parser.add_argument("--no-pitch", action="store_true", help="train the variant without pitch")
    parser.add_argument(
        "--set", action="append", default=[], metavar="STAGE.KEY=VALUE", help="any setting; may be repeated"
    )
    parser.add_argument("--fresh", action="store_true", help="move the old work to a backup and start anew")
    parser.add_argument(
        "--yes",
        action="store_true",
        help="answer yes to questions: restart a training, or continue it on other recordings",
    )
    parser.add_argument("--detach", action="store_true", help="return at once; the run continues")
    parser.add_argument(TAKE_OVER, action="store_true", help="take the lock of a run on another host that is gone")
    parser.add_argument("--plain", action="store_true", help="plain lines, also on a terminal")
    parser.add_argument("--json", action="store_true", help="one event per line on standard output and nothing else")


def add_unambiguous(
    parser: argparse.ArgumentParser, stages: Mapping[str, type[StageSettings]], without: Sequence[str] = ()
) -> None:
    """`rvc run` takes the flags of every stage. One that several stages have, with one meaning, is given to all of
    them; --set gives it to one. `without`: names that get no flag."""
    own, shared = unambiguous(stages)
    for stage, names in own.items():
        add_settings(parser, stage, [name for name in names if name not in without])
    add_shared(parser, shared)


def execute(options: argparse.Namespace, name: str) -> int:
    experiment = Workspace.find(options.home).experiment(options.name)
    refuse_busy(experiment, take_over=options.take_over)
    return run_stages(options, experiment, name)


def run_stages(
    options: argparse.Namespace, experiment: Experiment, name: str, begin: Callable[[], list[str]] | None = None
) -> int:
    """Settle, check, start and follow. `begin` is done when everything is checked, before the engine starts; it returns
    notes."""
    request = request_of(options, base=name == "pretrain")
    settings, notes = settle(experiment, request)
    stages = stages_until(options.until, settings) if name in ("run", "pretrain") else stages_needed(name, settings)
    with launcher.WaitingEngine(
        experiment, [s.name for s in stages], fresh=options.fresh, take_over=options.take_over
    ) as waiting:
        try:
            auto_pitch = request.leaves_pitch_open(experiment)
            check_ready(experiment, settings, stages, fresh=options.fresh, auto_pitch=auto_pitch)
            confirm(experiment, settings, stages, options)
        except WeightsMissing as missing:
            alone = options.json or options.plain or not (sys.stdin.isatty() and sys.stdout.isatty())
            if alone or not offer(experiment.workspace, missing):
                raise
            settings, notes = settle(experiment, request)
            check_ready(experiment, settings, stages, fresh=options.fresh)
        lines: list[str] = [*notes, *(begin() if begin else [])]
        engine = waiting.go(settings)
    if options.detach:
        return say_detached(experiment, engine, as_json=options.json, notes=notes)
    display = choose_display(plain=options.plain, as_json=options.json)
    for line in lines:
        display.note(line)
    return watch(engine, display)


def request_of(options: argparse.Namespace, *, base: bool = False) -> Request:
    """What the command line asks for. Raises BadInput for a --set without a value."""
    settings: dict[str, Any] = dict(given(options))
    for text in options.set:
        key, equals, value = text.partition("=")
        if not equals:
            raise BadInput("commands.set_without_value", text=text)
        settings[key.strip()] = value.strip()
    return Request(
        dataset=options.dataset or "",
        preset=options.preset or "",
        pitched=False if options.no_pitch else None,
        settings=settings,
        fresh=options.fresh,
        base=base,
    )


def confirm(
    experiment: Experiment, settings: ExperimentSettings, stages: list[Stage], options: argparse.Namespace
) -> None:
    """Ask before a started training is restarted or gets another speaker; where nobody can be asked, refuse.
    Raises BadInput."""
    if options.fresh or options.yes:
        return
    doubt = why_to_ask(experiment, settings, plan(experiment, settings, stages))
    alone = options.json or options.plain or not (sys.stdin.isatty() and sys.stdout.isatty())
    if doubt is not None and (alone or not _answers_yes(f"{doubt.summary}.")):
        raise doubt


def _answers_yes(question: str) -> bool:
    return ask(f"{question} Go ahead? [y/N]").lower().startswith("y")


def say_detached(
    experiment: Experiment, engine: launcher.RunningEngine, *, as_json: bool, notes: Sequence[str] = ()
) -> int:
    if as_json:
        facts: dict[str, Any] = {"name": experiment.name, "pid": engine.pid, "journal": str(engine.journal)}
        say_json({"detached": True, **facts}, line=Detached(**facts, notes=list(notes)))
    else:
        say(
            f"{experiment.name} runs as process {engine.pid}; rvc attach {experiment.name} follows it, rvc stop "
            f"{experiment.name} stops it"
        )
    return 0


# --- following --------------------------------------------------------------------------------------------------------
class Interrupted(Exception):
    """A signal to the follower; `ask` when a person pressed ctrl+c."""

    def __init__(self, ask: bool) -> None:
        self.ask = ask


def watch(engine: launcher.RunningEngine, display: Display, *, ours: bool = True) -> int:
    """Show a run until its end; returns the exit code that its end means.

    A signal stops the run when it is `ours` (a person at a terminal is asked); an attached run continues. Raises
    BadInput for a run of ours that refused what it was given, as a command that checks it by itself.
    """
    view = RunView(name=engine.experiment.name, folder=str(engine.experiment.folder))

    def on_signal(number: int, frame: FrameType | None) -> None:
        raise Interrupted(ask=number == signal.SIGINT and sys.stdin.isatty() and sys.stdout.isatty())

    previous = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    batches = launcher.follow(engine, brief=not ours and not display.every_event)
    stopping = False
    try:
        while True:
            try:
                batch = next(batches, None)
                if batch is None:
                    break
                show(batch, view, display)
            except Interrupted as interrupted:
                if stopping or (display.ask_stop() if interrupted.ask else ours):
                    stopping = True
                    launcher.stop(engine.experiment)
                else:
                    return _leave(engine, display)
                batches = _resumed(engine, view)
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
    return conclude(view, display, ours=ours)


def conclude(view: RunView, display: Display, *, ours: bool) -> int:
    """Show how a run ended; returns and raises as `watch`."""
    if view.exit_code is None:
        view.note_gone()
        error: dict[str, Any] = view.error or {}
        display.show(StageFailed(stage=view.stage, **error), view)
    if ours and view.exit_code == BadInput.exit_code and view.error is not None:
        display.close()
        raise error_from_record(view.error, view.exit_code)
    display.end(view)
    return view.exit_code if view.exit_code is not None else 1


def _resumed(engine: launcher.RunningEngine, view: RunView) -> Any:
    """A generator that an exception left is finished: follow anew, and skip what was displayed."""
    displayed = view.updated_at

    def unseen() -> Any:
        for batch in launcher.follow(engine):
            yield [event for event in batch if event.at > displayed]

    return unseen()


def _leave(engine: launcher.RunningEngine, display: Display) -> int:
    name = engine.experiment.name
    display.note(f"{name} continues as process {engine.pid}; rvc attach {name} follows it, rvc stop {name} stops it")
    return 0


def show(batch: list[Event], view: RunView, display: Display) -> None:
    for event in batch:
        view.fold(event)
        display.show(view.own(event), view)
    display.tick(view)
