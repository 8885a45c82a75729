"""rvc pretrain: a base for voices, from a folder of recordings with a sub-folder for each speaker."""

from __future__ import annotations

import argparse
from pathlib import Path

from rvc_engine.commands import pipeline
from rvc_engine.commands.flags import add_settings
from rvc_engine.common.given_paths import clean_path
from rvc_engine.common.streams import say, say_json
from rvc_engine.disk import move_to_backup
from rvc_engine.errors import BadInput
from rvc_engine.experiment import Experiment
from rvc_engine.messages import NOTHING, Message
from rvc_engine.run.begin import refuse_busy
from rvc_engine.run.stage_list import base_stages
from rvc_engine.sections import sections
from rvc_engine.settings import ENCODER_SOURCES
from rvc_engine.workspace import Workspace

STATES = "the newest training states of encoder and base, in checked parts below 16 MB"


def build(parser: argparse.ArgumentParser, name: str) -> None:
    pipeline.add_common(parser)
    order = base_stages()
    parser.add_argument(
        "--until", metavar="STAGE", choices=order, default="", help=f"the last stage to run: {', '.join(order)}"
    )
    parser.add_argument(
        "--encoder",
        metavar="|".join(("FILE", *ENCODER_SOURCES)),
        dest="encoder.source",
        default=argparse.SUPPRESS,
        help="content encoder, for presets with one of our own: train it (default), use the shipped one, or a file",
    )
    parser.add_argument("--save-state", metavar="DIR", help=f"only write {STATES}")
    parser.add_argument(
        "--load-state", metavar="DIR", help=f"resume from {STATES}; those that are here are moved to a backup"
    )
    own, usual = sections(base=True), sections()
    for stage in (stage for stage in order if stage in own and stage not in usual):
        add_settings(parser, stage, [name for name in own[stage].model_fields if name != "source"], f"{stage}-")
    stages = {stage: model for stage, model in usual.items() if stage in order}
    pipeline.add_unambiguous(parser, stages, without=("encoder",))  # it has its own


def execute(options: argparse.Namespace, name: str) -> int:
    experiment = Workspace.find(options.home).experiment(options.name)
    if options.save_state:
        return _save(options, experiment)
    refuse_busy(experiment, take_over=options.take_over)
    source = getattr(options, "encoder.source", "")
    if source not in ("", *ENCODER_SOURCES):
        setattr(options, "encoder.source", clean_path(source))
    return pipeline.run_stages(options, experiment, name, lambda: _begin(options, experiment))


def _save(options: argparse.Namespace, experiment: Experiment) -> int:
    from rvc_engine.work.carried_state import save_state

    if options.load_state:
        raise BadInput("commands.state_twice")
    if not experiment.load_settings().base:
        raise BadInput("run.no_base", NOTHING, Message("commands.only_bases"), name=experiment.name)
    written = save_state(experiment, Path(clean_path(options.save_state)))
    if options.json:
        say_json([{"path": str(path), "bytes": path.stat().st_size} for path in written])
    else:
        for path in written:
            say(f"{path.stat().st_size:>10}  {path}")
    return 0


def _begin(options: argparse.Namespace, experiment: Experiment) -> list[str]:
    """States that were asked for are put where the trainings find them; with --fresh alone, those that wait there
    are moved to a backup."""
    if options.load_state:
        from rvc_engine.work.carried_state import load_state

        names = load_state(experiment, Path(clean_path(options.load_state)))
        return [f"states of {' and '.join(names)} are taken from {options.load_state}"]
    if options.fresh and experiment.incoming.exists():
        move_to_backup([experiment.incoming], experiment.folder, "incoming")
    return []
