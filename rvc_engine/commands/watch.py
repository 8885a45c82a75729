"""rvc status, list, attach, stop."""

from __future__ import annotations

import argparse
import os
import time

from rvc_engine.client.words import duration, stopped_words
from rvc_engine.commands.display import choose_display, error_line
from rvc_engine.commands.pipeline import watch
from rvc_engine.common.streams import say, say_json
from rvc_engine.errors import BadInput
from rvc_engine.experiment import Experiment, is_experiment
from rvc_engine.run import launcher
from rvc_engine.run.status import log_tail, read_view
from rvc_engine.run.view import RunView
from rvc_engine.workspace import Workspace


def build(parser: argparse.ArgumentParser, name: str) -> None:
    optional = {"nargs": "?"} if name == "status" else {}
    if name != "list":
        parser.add_argument("name", metavar="NAME", help="the experiment", **optional)  # type: ignore[arg-type]
    if name in ("status", "list", "attach"):
        parser.add_argument("--json", action="store_true", help="JSON on standard output and nothing else")
    if name == "attach":
        parser.add_argument("--plain", action="store_true", help="plain lines, also on a terminal")
    if name == "stop":
        parser.add_argument(
            "--wait", type=float, default=60.0, metavar="S", help="seconds to wait for its end [default 60]"
        )


def execute(options: argparse.Namespace, name: str) -> int:
    workspace = Workspace.find(options.home)
    if name == "list" or (name == "status" and options.name is None):
        return _list(workspace, as_json=options.json)
    experiment = _known(workspace, options.name)
    if name == "status":
        return _status(experiment, as_json=options.json)
    if name == "attach":
        return watch(launcher.attach(experiment), choose_display(plain=options.plain, as_json=options.json), ours=False)
    return _stop(experiment, options.wait)


def _known(workspace: Workspace, name: str) -> Experiment:
    experiment = workspace.experiment(name)
    if not is_experiment(experiment.folder) and not os.path.isdir(experiment.runs):
        names = [experiment.name for experiment in workspace.experiments()]
        code = "commands.no_experiment" if names else "commands.no_experiment_yet"
        raise BadInput(code, name=name, logs=workspace.logs, names=names)
    return experiment


def _status(experiment: Experiment, *, as_json: bool) -> int:
    view = read_view(experiment)
    if as_json:
        say_json(view.as_json())
        return 0
    say(summary(view))
    for stage in view.stages.values():
        counter = f"{stage.done}/{stage.total} {stage.unit}" if stage.total else ""
        skipped = f"  {len(stage.skipped_items)} left out" if stage.skipped_items else ""
        say(f"  {stage.name:11} {stage.state:8} {counter}{skipped}")
    if view.losses:
        say("  " + "  ".join(f"{name} {value:.3f}" for name, value in view.losses.items()))
    if view.state == "running":
        say(f"  {progress_words(view)}")
    if view.state == "failed":
        for line in log_tail(experiment):
            say(f"  log: {line}")
    for artefact in view.artefacts:
        say(f"  {artefact['path']}")
    return 0


def progress_words(view: RunView) -> str:
    if view.paused:
        return f"paused: {view.paused}"
    if view.stuck:
        return f"no progress for {view.silent_s:.0f} s"
    return f"last progress {view.silent_s:.0f} s ago"


def summary(view: RunView) -> str:
    """One line, with what is wrong with its files."""
    return f"{_state(view)}; but {view.problem}" if view.problem else _state(view)


def _state(view: RunView) -> str:
    if view.state == "idle":
        return f"{view.name}: idle, no run yet"
    text = f"{view.name}: {view.state}"
    if view.state == "running":
        text += f", {view.stage or 'starting'}, process {view.pid}, for {duration(time.time() - view.started_at)}"
        return text + (f", epoch {view.epoch}/{view.epochs or '?'}, step {view.step}" if view.epoch else "")
    if view.error:
        return f"{text}: {error_line(view.error)}"
    if view.stop is not None:
        text = f"{view.name}: {stopped_words(view.stop)},"
    return f"{text} at {time.strftime('%Y-%m-%d %H:%M', time.localtime(view.updated_at))}"


def _list(workspace: Workspace, *, as_json: bool) -> int:
    views = [read_view(experiment) for experiment in workspace.experiments()]
    if as_json:
        say_json([view.as_json() for view in views])
    elif not views:
        say(f"no experiments in {workspace.logs}; rvc run NAME --dataset FOLDER makes one")
    else:
        for view in views:
            say(summary(view))
    return 0


def _stop(experiment: Experiment, wait_s: float) -> int:
    if not launcher.stop(experiment, wait_s=wait_s):
        say(f"{experiment.name} is not running")
        return 0
    view = read_view(experiment)
    say(
        summary(view)
        if view.state != "running"
        else f"{experiment.name} has not ended yet; rvc status {experiment.name} shows it"
    )
    return 0
