"""rvc run, and one command a stage: settle the settings, check everything, start an engine, follow it."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable, Mapping
from types import FrameType
from typing import Any

from rvc_engine.commands.display import Display, choose_display
from rvc_engine.commands.flags import add_settings, add_shared, given, means_the_same
from rvc_engine.commands.weights import WeightsMissing, check_weights, offer
from rvc_engine.common.lock import TAKE_OVER, busy, live_holder
from rvc_engine.common.streams import ask, say, say_json
from rvc_engine.dataset.files import dataset_files, dataset_path
from rvc_engine.disk import require_writable
from rvc_engine.errors import BadInput
from rvc_engine.events import Event, StageFailed
from rvc_engine.experiment import Experiment, Workspace
from rvc_engine.presets import PUBLIC_PRESETS
from rvc_engine.run import launcher
from rvc_engine.run.receipts import plan, why_to_ask
from rvc_engine.run.stage_list import ALL_STAGES, STAGES, Stage, stages_needed, stages_until
from rvc_engine.run.view import RunView
from rvc_engine.settings import STAGE_SETTINGS, ExperimentSettings, StageSettings, apply, for_base, for_preset

DEFAULT_PRESET = "v2-40k"
BASE_PRESET = "starter"


def build(parser: argparse.ArgumentParser, name: str) -> None:
    add_common(parser)
    if name == "run":
        choices = list(dict.fromkeys([*STAGES, *ALL_STAGES]))
        parser.add_argument(
            "--until", metavar="STAGE", choices=choices, default="", help=f"the last stage to run: {', '.join(STAGES)}"
        )
        add_unambiguous(parser, STAGE_SETTINGS)
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
    parser.add_argument("--fresh", action="store_true", help="move the old work aside and start anew")
    parser.add_argument(
        "--yes",
        action="store_true",
        help="do what would be asked about first: restart a training, or change its speaker",
    )
    parser.add_argument("--detach", action="store_true", help="return at once; the run goes on")
    parser.add_argument(TAKE_OVER, action="store_true", help="take the lock of a run on another host that is gone")
    parser.add_argument("--plain", action="store_true", help="plain lines, also on a terminal")
    parser.add_argument("--json", action="store_true", help="one event a line on standard output and nothing else")


def add_unambiguous(parser: argparse.ArgumentParser, stages: Mapping[str, type[StageSettings]]) -> None:
    """`rvc run` takes the flags of every stage. One that several stages have, with one meaning, is given to all of
    them; --set gives it to one."""
    having: dict[str, list[str]] = {}
    for stage, model in stages.items():
        for name in model.model_fields:
            having.setdefault(name, []).append(stage)
    shared = {name: names for name, names in having.items() if len(names) > 1}
    for stage in stages:
        add_settings(parser, stage, skip=shared)
    add_shared(parser, {name: names for name, names in shared.items() if means_the_same(name, names)})


def execute(options: argparse.Namespace, name: str) -> int:
    experiment = Workspace.find(options.home).experiment(options.name)
    refuse_busy(experiment, take_over=options.take_over)
    return run_stages(options, experiment, name)


def refuse_busy(experiment: Experiment, *, take_over: bool) -> None:
    """Raises Busy when another run holds the experiment; with `take_over` only one that certainly lives. The engine
    looks again."""
    holder = live_holder(experiment.lock)
    if holder and not (take_over and not (holder.here and holder.alive)):
        raise busy(experiment.lock, holder)


def run_stages(
    options: argparse.Namespace, experiment: Experiment, name: str, begin: Callable[[], list[str]] | None = None
) -> int:
    """Settle, check, start and follow. `begin` is done when everything is checked, before the engine starts; it returns
    notes."""
    settings, notes = settle(experiment, options, base=name == "pretrain")
    stages = stages_until(options.until, settings) if name in ("run", "pretrain") else stages_needed(name, settings)
    with launcher.WaitingEngine(
        experiment, [s.name for s in stages], fresh=options.fresh, take_over=options.take_over
    ) as waiting:
        try:
            check_ready(
                experiment, settings, stages, fresh=options.fresh, auto_pitch=_pitch_is_auto(experiment, options)
            )
            confirm(experiment, settings, stages, options)
        except WeightsMissing as missing:
            alone = options.json or options.plain or not (sys.stdin.isatty() and sys.stdout.isatty())
            if alone or not offer(experiment.workspace, missing):
                raise
            settings, notes = settle(experiment, options, base=name == "pretrain")
            check_ready(experiment, settings, stages, fresh=options.fresh)
        notes += begin() if begin else []
        engine = waiting.go(settings)
    if options.detach:
        return _say_detached(options, experiment, engine)
    display = choose_display(plain=options.plain, as_json=options.json)
    for note in notes:
        display.note(note)
    return watch(engine, display)


def settle(
    experiment: Experiment, options: argparse.Namespace, *, base: bool = False
) -> tuple[ExperimentSettings, list[str]]:
    """The experiment's settings with what was given on the command line, automatic values resolved. Writes nothing.
    `base`: of `rvc pretrain`."""
    notes: list[str] = []
    if experiment.exists() and not options.fresh:
        settings = experiment.load_settings()
        if options.preset and options.preset != settings.preset:
            raise BadInput(
                f"{experiment.name} was made with preset {settings.preset}, not {options.preset}",
                "",
                "use another name, or --fresh, which moves the old work aside",
            )
        if base and not settings.base:
            raise BadInput(
                f"{experiment.name} trains a voice, not a base",
                "",
                "use another name, or --fresh, which moves the old work aside",
            )
        if options.no_pitch and settings.pitched:
            raise BadInput(
                f"{experiment.name} was made with pitch",
                "",
                "use another name, or --fresh, which moves the old work aside",
            )
    else:
        old = experiment.load_settings() if experiment.exists() else None
        base = base or (old.base if old else False)
        preset = options.preset or (old.preset if old else BASE_PRESET if base else _default_preset(experiment, notes))
        pitched = not options.no_pitch and (old.pitched if old and not options.preset else True)
        settings = (for_base if base else for_preset)(preset, pitched=pitched, dataset=old.dataset if old else "")
    if options.dataset:
        settings.dataset = dataset_path(options.dataset)
        dataset_files(settings)  # given now, it must be there; one that was given once may have gone since
    for key, value in given(options).items():
        apply(settings, key, value)
    for text in options.set:
        key, equals, value = text.partition("=")
        if not equals:
            raise BadInput(
                f"--set {text!r} has no value", "", "write it as STAGE.KEY=VALUE, for example train.batch_size=4"
            )
        apply(settings, key.strip(), value.strip())
    _resolve(experiment, settings)
    return settings, notes


def _default_preset(experiment: Experiment, notes: list[str]) -> str:
    from rvc_engine.assets.pretrained import missing_weights

    missing = missing_weights(experiment.workspace, DEFAULT_PRESET)
    if not missing:
        return DEFAULT_PRESET
    lacking = (
        f"the weights of {DEFAULT_PRESET} are not here ({', '.join(missing)}; rvc assets pull {DEFAULT_PRESET} "
        "fetches them)"
    )
    notes.append(f"preset: starter, because {lacking}")
    return "starter"


def _resolve(experiment: Experiment, settings: ExperimentSettings) -> None:
    """Automatic values are settled once, so that a later run does not change its mind."""
    if settings.pitched and settings.pitch.method == "auto":
        from rvc_engine.pitch import resolve_method

        settings.pitch.method = resolve_method("auto", experiment.workspace, preset=settings.preset)
    if settings.train.batch_size == "auto":
        from rvc_engine.machine.advisor import advise_experiment

        settings.train.batch_size = int(advise_experiment(experiment, settings)["recommended"] or 1)


def _pitch_is_auto(experiment: Experiment, options: argparse.Namespace) -> bool:
    """Was the choice of the pitch method left to the program? Then RMVPE is used where its weights are."""
    asked = "pitch.method" in given(options) or any(text.strip().startswith("pitch.method") for text in options.set)
    return not asked and (options.fresh or not experiment.exists())


def check_ready(
    experiment: Experiment, settings: ExperimentSettings, stages: list[Stage], *, fresh: bool, auto_pitch: bool = False
) -> None:
    """Everything that can be known before anything is written. Raises BadInput, WeightsMissing for published
    weights."""
    for folder in (experiment.folder, experiment.workspace.weights):
        require_writable(folder, "use a workspace that can be written (--home DIR)")
    to_run = [stage for stage, verdict in plan(experiment, settings, stages) if verdict.action != "skip" or fresh]
    check_weights(experiment, settings, [stage.name for stage in to_run], fresh=fresh, auto_pitch=auto_pitch)
    for stage in to_run:
        check = getattr(stage.module(), "check_ready", None)
        if check:
            check(experiment, settings, fresh=fresh)


def confirm(
    experiment: Experiment, settings: ExperimentSettings, stages: list[Stage], options: argparse.Namespace
) -> None:
    """Ask before a training that has begun is restarted or gets another speaker; where nobody can be asked, refuse.
    Raises BadInput."""
    if options.fresh or options.yes:
        return
    doubt = why_to_ask(experiment, settings, plan(experiment, settings, stages))
    alone = options.json or options.plain or not (sys.stdin.isatty() and sys.stdout.isatty())
    if doubt is not None and (alone or not _answers_yes(f"{doubt.title}: {doubt.message}.")):
        raise doubt


def _answers_yes(question: str) -> bool:
    return ask(f"{question} Go ahead? [y/N]").lower().startswith("y")


def _say_detached(options: argparse.Namespace, experiment: Experiment, engine: launcher.RunningEngine) -> int:
    if options.json:
        say_json({"detached": True, "name": experiment.name, "pid": engine.pid, "journal": str(engine.journal)})
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

    A signal stops the run when it is `ours` (a person at a terminal is asked); a run that was only attached to goes on.
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
                _show(batch, view, display)
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
    if view.exit_code is None:
        view.note_gone()
        error: dict[str, Any] = view.error or {}
        display.show(StageFailed(stage=view.stage, **error), view)
    display.end(view)
    return view.exit_code if view.exit_code is not None else 1


def _resumed(engine: launcher.RunningEngine, view: RunView) -> Any:
    """A generator that an exception left is finished: follow anew, and skip what was shown."""
    shown = view.updated_at

    def unseen() -> Any:
        for batch in launcher.follow(engine):
            yield [event for event in batch if event.at > shown]

    return unseen()


def _leave(engine: launcher.RunningEngine, display: Display) -> int:
    name = engine.experiment.name
    display.note(f"{name} goes on as process {engine.pid}; rvc attach {name} follows it, rvc stop {name} stops it")
    return 0


def _show(batch: list[Event], view: RunView, display: Display) -> None:
    for event in batch:
        view.fold(event)
        display.show(view.own(event), view)
    display.tick(view)
