"""rvc convert: recordings in, the same words in another voice out."""

from __future__ import annotations

import argparse
import signal
import time
from pathlib import Path
from types import FrameType

from rvc_engine.commands.display import choose_display
from rvc_engine.commands.flags import add_settings, fill
from rvc_engine.common.failures import understood
from rvc_engine.common.given_paths import clean_path, refuse_no_path
from rvc_engine.disk import sha256_of
from rvc_engine.errors import RvcError, Stopped
from rvc_engine.events import Converted, Event, RunFinished, StageFailed, StageStopped
from rvc_engine.experiment import Workspace
from rvc_engine.run.view import RunView
from rvc_engine.settings import ConvertSettings


def build(parser: argparse.ArgumentParser, name: str) -> None:
    parser.add_argument("voice", metavar="VOICE", help="an experiment's name, a .pth file, or a bundle (.rvcvoice)")
    parser.add_argument("inputs", metavar="INPUT", nargs="+", help="recordings, or folders of recordings")
    parser.add_argument("--output", required=True, metavar="PATH", help="a file for one input, a folder for more")
    parser.add_argument(
        "--index", metavar="FILE", help="an index file; none switches it off; default the experiment's or bundle's own"
    )
    parser.add_argument("--plain", action="store_true", help="plain lines, also on a terminal")
    parser.add_argument("--json", action="store_true", help="one event a line on standard output and nothing else")
    add_settings(parser, "convert")


def execute(options: argparse.Namespace, name: str) -> int:
    settings = ConvertSettings()
    fill(settings, options, "convert")
    workspace = Workspace.find(options.home)
    from rvc_engine.work.convert import convert_files, resolve_voice

    model, index = resolve_voice(options.voice, workspace, options.index)
    for text in options.inputs:
        refuse_no_path(text, "a recording")
    refuse_no_path(options.output, "a place for results")
    inputs = [Path(clean_path(text)) for text in options.inputs]
    work = convert_files(model, inputs, Path(clean_path(options.output)), settings, index, workspace)
    display = choose_display(plain=options.plain, as_json=options.json)
    view = RunView(name=options.voice, state="running", stage="convert", started_at=time.time())
    done: list[Path] = []

    def on_signal(number: int, frame: FrameType | None) -> None:
        raise Stopped("stopped")

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, on_signal)
    end: Event
    try:
        event: Event | None = next(work, None)
        while event is not None:
            view.fold(event)
            display.show(event, view)
            display.tick(view)
            if isinstance(event, Converted):
                done.append(Path(event.path))
            event = next(work, None)
        artefacts = [{"path": str(p), "bytes": p.stat().st_size, "sha256": sha256_of(p)} for p in done]
        end = RunFinished(at=time.time(), seconds=time.time() - view.started_at, artefacts=artefacts)
    except Stopped:
        work.close()
        end = StageStopped(stage="convert", saved=True)
    except BrokenPipeError:
        raise
    except (RvcError, OSError, MemoryError) as given:
        error = understood(given, "rvc convert")
        end = StageFailed(
            stage="convert", title=error.title, message=error.message, hint=error.hint, exit_code=error.exit_code
        )
    view.fold(end)
    display.show(end, view)
    display.end(view)
    return view.exit_code if view.exit_code is not None else 1
