"""rvc convert: converts recordings, the same words in another voice. It runs in an engine process, like a training."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from rvc_engine.commands.display import choose_display
from rvc_engine.commands.flags import TAKE_OVER, add_settings, fill, words_of
from rvc_engine.commands.pipeline import say_detached, watch
from rvc_engine.commands.queue import say_added
from rvc_engine.common.given_paths import clean_path, refuse_no_path
from rvc_engine.common.streams import say
from rvc_engine.common.user import expanded
from rvc_engine.conversion.request import VOICE_FILES, plan_outputs, resolve_voice
from rvc_engine.errors import BadInput
from rvc_engine.experiment import Experiment, is_conversion_name
from rvc_engine.messages import Message
from rvc_engine.run import launcher
from rvc_engine.run.conversions import new_conversion, unfinished
from rvc_engine.run.queue import CONVERT, RunQueue
from rvc_engine.run.stage_list import stages_of
from rvc_engine.settings import Conversion, ConvertSettings, ExperimentSettings
from rvc_engine.voices.metadata import refuse_pickle
from rvc_engine.workspace import Workspace


def build(parser: argparse.ArgumentParser, name: str) -> None:
    parser.add_argument("voice", metavar="VOICE", help="an experiment's name, a .pth file, or a bundle (.rvcvoice)")
    parser.add_argument("inputs", metavar="INPUT", nargs="+", help="recordings, or folders of recordings")
    parser.add_argument("--output", required=True, metavar="PATH", help="a file for one input, a folder for more")
    parser.add_argument(
        "--index",
        metavar="FILE",
        help="an index file; none switches it off; default: that of the experiment or the bundle",
    )
    when = parser.add_mutually_exclusive_group()
    when.add_argument("--detach", action="store_true", help="return at once; the conversion continues")
    when.add_argument(
        "--queue",
        action="store_true",
        help="put it at the end of the queue instead (rvc queue); the voice may be one that is trained before its turn",
    )
    parser.add_argument(
        "--resume",
        metavar="NAME",
        help="resume this conversion (conversions/3); default: an unfinished one with the same arguments",
    )
    parser.add_argument(TAKE_OVER, action="store_true", help="take the lock of a run on another host that is gone")
    parser.add_argument("--plain", action="store_true", help="plain lines, also on a terminal")
    parser.add_argument("--json", action="store_true", help="one event per line on standard output and nothing else")
    add_settings(parser, "convert")


def execute(options: argparse.Namespace, name: str) -> int:
    workspace = Workspace.find(options.home)
    settings = ExperimentSettings()
    fill(settings.convert, options, "convert")
    if options.queue and options.resume:
        raise BadInput("commands.queue_or_resume")
    if options.queue:
        return _enqueue(options, settings.convert, workspace)
    voice, index = resolve_voice(options.voice, workspace, options.index)
    refuse_pickle(voice)  # the rest of it is checked by the engine, which loads torch
    inputs, output = _paths(options, settings.convert)
    settings.conversion = Conversion(
        voice=str(voice.absolute()), index=str(index.absolute()) if index else "", inputs=inputs, output=output
    )
    conversion = _place(options, settings, workspace)
    stages = [stage.name for stage in stages_of(settings)]
    engine = launcher.start(conversion, settings, stages, take_over=options.take_over)
    if options.detach:
        return say_detached(conversion, engine, as_json=options.json)
    return watch(engine, choose_display(plain=options.plain, as_json=options.json))


def _paths(options: argparse.Namespace, settings: ConvertSettings) -> tuple[list[str], str]:
    """The recordings and the place for the results, absolute. Raises BadInput for those that cannot be used."""
    for text in options.inputs:
        refuse_no_path(text, Message("common.recording"))
    refuse_no_path(options.output, Message("common.place_for_results"))
    inputs = [Path(clean_path(text)).absolute() for text in options.inputs]
    output = Path(clean_path(options.output)).absolute()
    plan_outputs(inputs, output, settings)
    return [str(path) for path in inputs], str(output)


def _place(options: argparse.Namespace, settings: ExperimentSettings, workspace: Workspace) -> Experiment:
    if not options.resume:
        return unfinished(workspace, settings) or new_conversion(workspace)
    if not is_conversion_name(options.resume):
        raise BadInput("commands.no_conversion_name", name=options.resume)
    conversion = workspace.experiment(options.resume)
    if not conversion.folder.is_dir():
        raise BadInput("commands.no_conversion", name=options.resume)
    return conversion


# --- the queue --------------------------------------------------------------------------------------------------------
def _enqueue(options: argparse.Namespace, settings: ConvertSettings, workspace: Workspace) -> int:
    """What can be checked now is: the voice may be trained by an entry before it."""
    inputs, output = _paths(options, settings)
    voice, index = _voice_for_later(options.voice, workspace), options.index
    if index not in (None, "none"):
        index = str(expanded(index).absolute())
    try:
        resolve_voice(voice, workspace, index)
    except BadInput as error:
        say(f"note: {error.title}: it must be there when its turn comes", error=True)
    words = [*inputs, f"--output={output}", *([f"--index={index}"] if index else []), *words_of(options, "convert")]
    queue = RunQueue(workspace.home)
    return say_added(queue, queue.add(voice, words, CONVERT), as_json=options.json)


def _voice_for_later(text: str, workspace: Workspace) -> str:
    """VOICE as it is found from any folder. Raises BadInput for a name that no experiment can have."""
    if os.sep not in text and not text.endswith(VOICE_FILES):
        workspace.experiment(text)
        return text
    path = expanded(text)
    if not path.is_file() and (os.sep not in text or (workspace.weights / path).is_file()):
        path = workspace.weights / path
    return str(path.absolute())
