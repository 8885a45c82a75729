"""rvc convert: converts recordings, the same words in another voice. It runs in an engine process, like a training."""

from __future__ import annotations

import argparse
from pathlib import Path

from rvc_engine.commands.display import choose_display
from rvc_engine.commands.flags import add_settings, fill
from rvc_engine.commands.pipeline import say_detached, watch
from rvc_engine.common.given_paths import clean_path, refuse_no_path
from rvc_engine.conversion.request import plan_outputs, resolve_voice
from rvc_engine.run import launcher
from rvc_engine.run.conversions import new_conversion, unfinished
from rvc_engine.settings import Conversion, ExperimentSettings
from rvc_engine.workspace import Workspace


def build(parser: argparse.ArgumentParser, name: str) -> None:
    parser.add_argument("voice", metavar="VOICE", help="an experiment's name, a .pth file, or a bundle (.rvcvoice)")
    parser.add_argument("inputs", metavar="INPUT", nargs="+", help="recordings, or folders of recordings")
    parser.add_argument("--output", required=True, metavar="PATH", help="a file for one input, a folder for more")
    parser.add_argument(
        "--index", metavar="FILE", help="an index file; none switches it off; default the experiment's or bundle's own"
    )
    parser.add_argument("--detach", action="store_true", help="return at once; the conversion continues")
    parser.add_argument("--plain", action="store_true", help="plain lines, also on a terminal")
    parser.add_argument("--json", action="store_true", help="one event a line on standard output and nothing else")
    add_settings(parser, "convert")


def execute(options: argparse.Namespace, name: str) -> int:
    workspace = Workspace.find(options.home)
    settings = _settings(options, workspace)
    conversion = unfinished(workspace, settings) or new_conversion(workspace)
    engine = launcher.start(conversion, settings, ["convert"])
    if options.detach:
        return say_detached(conversion, engine, as_json=options.json)
    return watch(engine, choose_display(plain=options.plain, as_json=options.json))


def _settings(options: argparse.Namespace, workspace: Workspace) -> ExperimentSettings:
    """The settings from the options. Raises BadInput for errors that can be found without loading the voice."""
    settings = ExperimentSettings()
    fill(settings.convert, options, "convert")
    voice, index = resolve_voice(options.voice, workspace, options.index)
    for text in options.inputs:
        refuse_no_path(text, "a recording")
    refuse_no_path(options.output, "a place for results")
    inputs = [Path(clean_path(text)).absolute() for text in options.inputs]
    output = Path(clean_path(options.output)).absolute()
    plan_outputs(inputs, output, settings.convert)
    settings.conversion = Conversion(
        voice=str(voice.absolute()),
        index=str(index.absolute()) if index else "",
        inputs=[str(path) for path in inputs],
        output=str(output),
    )
    return settings
