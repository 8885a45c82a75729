"""rvc voice: what a voice file is, and voices made of checkpoints, of two voices, for other programs and from them."""

from __future__ import annotations

import argparse
import os
import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias

from rvc_engine.client.words import size
from rvc_engine.common.given_paths import clean_path
from rvc_engine.common.names import VOICE_FILES
from rvc_engine.common.printable import FACT, printable
from rvc_engine.common.streams import say, say_json
from rvc_engine.disk import require_writable
from rvc_engine.errors import BadInput
from rvc_engine.experiment import Experiment
from rvc_engine.messages import Message
from rvc_engine.run.voice_list import rows_of
from rvc_engine.voices.metadata import refuse_pickle
from rvc_engine.workspace import Workspace

Actions: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def build(parser: argparse.ArgumentParser, name: str) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="list|info|extract|merge|export|import")
    reading = [_build_list(actions), _build_info(actions)]
    writing = [_build_extract(actions), _build_merge(actions), _build_export(actions), _build_import(actions)]
    for action in reading:
        action.add_argument("--json", action="store_true", help="JSON on standard output and nothing else")
    for action in writing:
        action.add_argument("--json", action="store_true", help="the paths that were written, as JSON")
    for action in (*reading, *writing):
        action.add_argument("--home", default=argparse.SUPPRESS, metavar="DIR", help="workspace")


def _build_list(actions: Actions) -> argparse.ArgumentParser:
    return actions.add_parser("list", help="the voices of this workspace, by what their files say: nothing is checked")


def _build_info(actions: Actions) -> argparse.ArgumentParser:
    parser = actions.add_parser("info", help="what it is: epochs, rate, pitch, encoder, hash, suggested transposition")
    parser.add_argument(
        "voices", metavar="FILE_OR_NAME", nargs="+", help="a .pth, a bundle, a checkpoint, or an experiment's name"
    )
    parser.add_argument("--source", metavar="FILE", help="a recording to convert: suggests how far to transpose it")
    parser.add_argument(
        "--experiment",
        metavar="NAME",
        help="the experiment of the voice, for its pitch where the file does not have it",
    )
    return parser


def _build_extract(actions: Actions) -> argparse.ArgumentParser:
    parser = actions.add_parser("extract", help="make a voice from a training checkpoint")
    parser.add_argument("checkpoint", metavar="CHECKPOINT_OR_EXPERIMENT", help="a G_ file, or an experiment's name")
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--epoch", type=int, metavar="N", help="of an experiment: the checkpoint of that epoch; default the newest"
    )
    which.add_argument("--step", type=int, metavar="N", help="of an experiment: the checkpoint of that step")
    _target(parser, "voice.pth", required=False)
    parser.add_argument("--sample-rate", type=int, metavar="HZ", help="where the checkpoint does not state its own")
    parser.add_argument(
        "--info", default="", metavar="TEXT", help="description stored in the file; default: its epochs"
    )
    return parser


def _build_merge(actions: Actions) -> argparse.ArgumentParser:
    parser = actions.add_parser("merge", help="make one voice from two")
    parser.add_argument("first", metavar="A", help="a .pth, a bundle, or an experiment's name")
    parser.add_argument("second", metavar="B", help="the other one")
    parser.add_argument("--weight", type=float, default=0.5, metavar="W", help="share of A, 0..1 (default 0.5)")
    _target(parser, "voice.pth", required=False)
    parser.add_argument(
        "--info", default="", metavar="TEXT", help="description stored in the file; default: both shares"
    )
    return parser


def _build_export(actions: Actions) -> argparse.ArgumentParser:
    parser = actions.add_parser("export", help="the .pth and .index for RVC programs, a zip of both, or a bundle")
    parser.add_argument("voice", metavar="NAME_OR_FILE", help="an experiment's name, a .pth, or a bundle")
    _target(parser, "folder, .zip or .rvcvoice", required=True)
    parser.add_argument(
        "--index", metavar="FILE", help="its index; none leaves it out; default: that of the experiment or the bundle"
    )
    parser.add_argument(
        "--format",
        choices=("rvc", "zip", "bundle"),
        help="default by the output's suffix, else rvc: a folder of two files",
    )
    parser.add_argument(
        "--licence", default="", metavar="TEXT", help="for the model card: what others may do with the voice"
    )
    parser.add_argument(
        "--consent", default="", metavar="TEXT", help="for the model card: whose voice it is, and that they agreed"
    )
    return parser


def _build_import(actions: Actions) -> argparse.ArgumentParser:
    parser = actions.add_parser("import", help="put a .pth, a zip or a bundle where rvc convert NAME finds it")
    parser.add_argument("file", metavar="FILE", help="a .pth, a zip of a .pth and an .index, or a bundle")
    parser.add_argument("--name", metavar="N", help="the voice's name here; default the file's own")
    parser.add_argument("--index", metavar="FILE", help="the index of a .pth")
    return parser


def _target(parser: argparse.ArgumentParser, what: str, *, required: bool) -> None:
    parser.add_argument("--output", required=required, metavar="PATH", help=f"where to write it ({what})")
    parser.add_argument(
        "--name",
        metavar="N",
        help="the voice's name" + ("" if required else "; without --output it goes to weights/N.pth"),
    )
    parser.add_argument("--replace", action="store_true", help="overwrite existing files")


def execute(options: argparse.Namespace, name: str) -> int:
    actions: dict[str, Callable[[argparse.Namespace, Workspace], int]] = {
        "list": _list,
        "info": _info,
        "extract": _extract,
        "merge": _merge,
        "export": _export,
        "import": _import,
    }
    return actions[options.action](options, Workspace.find(options.home))


def _report(paths: list[Path], options: argparse.Namespace) -> int:
    if options.json:
        say_json([str(path) for path in paths])
    else:
        say(*map(str, paths))
    return 0


# --- what is meant ---------------------------------------------------------------------------------
def _is_file(text: str) -> bool:
    return os.sep in text or text.lower().endswith(VOICE_FILES)


def _voice_path(text: str, workspace: Workspace) -> tuple[Path, Experiment | None]:
    """A file, or the newest small model of an experiment. Raises BadInput."""
    if _is_file(text) and Path(clean_path(text)).is_file():
        refuse_pickle(Path(clean_path(text)))
        return Path(clean_path(text)), None
    from rvc_engine.conversion.request import resolve_voice

    path, _ = resolve_voice(text, workspace, "none")
    return path, None if _is_file(text) else workspace.experiment(text)


def _experiment(text: str, workspace: Workspace) -> Experiment | None:
    """A name, or the folder of a training, also of another RVC program; None for a file."""
    if not _is_file(text):
        return workspace.experiment(text)
    folder = Path(clean_path(text))
    return Experiment(folder, workspace) if folder.is_dir() else None


def _output(options: argparse.Namespace, workspace: Workspace, default: Path | None = None) -> Path:
    """--output, else weights/NAME.pth, else `default`. Raises BadInput for none, or for what must not be written
    over."""
    from rvc_engine.voices.lookup import refuse_name

    if options.output:
        path = Path(clean_path(options.output))
    elif options.name:
        refuse_name(options.name)
        path = workspace.weights / f"{options.name}.pth"
    elif default is not None:
        path = default
    else:
        raise BadInput("commands.no_output")
    if path.is_dir():
        raise BadInput("commands.is_folder", path=path)
    _refuse_taken([path], options)
    return path


def _refuse_taken(paths: list[Path], options: argparse.Namespace) -> None:
    for path in paths:
        require_writable(path.parent, Message("commands.another_output"))
        if path.exists() and not options.replace:
            raise BadInput("commands.is_there", path=path)


# --- actions ---------------------------------------------------------------------------------------
def _list(options: argparse.Namespace, workspace: Workspace) -> int:
    rows = rows_of(workspace)
    if options.json:
        say_json(rows, indent=1)
        return 0
    for row in rows:
        rate = f"{row['sample_rate'] // 1000}k" if row["sample_rate"] else ""
        facts = " ".join(
            filter(None, (row["version"], rate, f"epoch {row['epochs']}" if row["epochs"] is not None else ""))
        )
        say(f"{printable(row['voice']):<24}  {facts:<22}  {size(row['bytes']):>10}  {row['problem'] or row['path']}")
    if not rows:
        say(f"there are no voices in {workspace.weights}", error=True)
    return 0


def _info(options: argparse.Namespace, workspace: Workspace) -> int:
    places = [_voice_path(text, workspace) for text in options.voices]
    from rvc_engine.voices.describe import facts_of

    given = workspace.experiment(options.experiment) if options.experiment else None
    source = Path(clean_path(options.source)) if options.source else None
    found = [facts_of(path, given or own, source) for path, own in places]
    if options.json:
        say_json(found, indent=1)
    else:
        for place, facts in enumerate(found):
            say(*([""] if place else []), *_lines(facts))
    return 0


def _lines(facts: dict[str, Any]) -> list[str]:
    flat = {**facts, **facts.get("other", {})}
    flat.pop("other", None)
    if flat.get("pitch") and "transpose" in flat and flat.get("pitch_hz") is None:
        flat["pitch_hz"] = "not in the file; --experiment NAME looks at its recordings"
    rows = {
        printable(key.replace("_", " "), FACT): _in_words(key, value)
        for key, value in flat.items()
        if value not in (None, "")
    }
    width = max(map(len, rows))
    return [f"{key:{width}}  {text}" for key, text in rows.items()]


def _in_words(key: str, value: Any) -> str:
    if key == "transpose":
        return f"{value:+d} semitones: rvc convert ... --transpose {value}"
    if key in ("pitch_hz", "source_pitch_hz") and not isinstance(value, str):
        return f"{value[1]:.0f} Hz in the middle, {value[0]:.0f} to {value[2]:.0f} Hz for most of it"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return printable(f"{value} Hz" if key == "sample_rate" else value, FACT)


def _extract(options: argparse.Namespace, workspace: Workspace) -> int:
    from rvc_engine.voices.about import about_recordings
    from rvc_engine.voices.extract import config_of, extract, read_generator
    from rvc_engine.voices.lookup import find_checkpoint, step_of

    about: dict[str, Any] = {}
    path, experiment = Path(clean_path(options.checkpoint)), _experiment(options.checkpoint, workspace)
    if experiment is not None:
        path = find_checkpoint(experiment, options.epoch, options.step)
        about = about_recordings(experiment, experiment.load_settings()) if experiment.exists() else {}
    elif options.epoch is not None or options.step is not None:
        raise BadInput("commands.one_file", path=path)
    checkpoint, step = read_generator(path), step_of(path)
    numbers = "".join(
        f"_{letter}{value}" for letter, value in (("e", checkpoint.iteration), ("s", step)) if value is not None
    )
    output = _output(options, workspace, experiment.voice_file(f"{numbers}.pth") if experiment else None)
    config = config_of(checkpoint, path, options.sample_rate)
    extract(checkpoint, config, path, output, info=options.info, about={"step": step, **about})
    return _report([output], options)


def _merge(options: argparse.Namespace, workspace: Workspace) -> int:
    from rvc_engine.voices.bundle import read_any_voice
    from rvc_engine.voices.merge import merge

    output = _output(options, workspace)
    first, second = (read_any_voice(_voice_path(text, workspace)[0]) for text in (options.first, options.second))
    merge(first, second, options.weight, output, options.info)
    return _report([output], options)


def _export(options: argparse.Namespace, workspace: Workspace) -> int:
    from rvc_engine.conversion.request import resolve_voice
    from rvc_engine.voices.bundle import is_bundle, read_any_voice
    from rvc_engine.voices.export import export, planned
    from rvc_engine.voices.lookup import check_index_of, refuse_name, unpack_index

    path, index = resolve_voice(options.voice, workspace, options.index)
    voice = read_any_voice(path)
    name = options.name or (path.stem if _is_file(options.voice) else workspace.experiment(options.voice).name)
    refuse_name(name)
    output = Path(clean_path(options.output))
    suffixes = {".zip": "zip", ".rvcvoice": "bundle"}
    form = options.format or suffixes.get(output.suffix.lower(), "rvc")
    with TemporaryDirectory(prefix="rvc-") as folder:
        if index is not None and is_bundle(index):
            index = unpack_index(index, Path(folder))
        lists = check_index_of(index, voice).lists if index is not None else 0
        pair = (index, lists) if index is not None else None
        _refuse_taken(planned(voice, name, output, form, lists), options)
        return _report(
            export(voice, name, output, form, pair, {"licence": options.licence, "consent": options.consent}), options
        )


def _import(options: argparse.Namespace, workspace: Workspace) -> int:
    from rvc_engine.voices.lookup import name_for, place
    from rvc_engine.voices.unpack import unpack

    path = Path(clean_path(options.file))
    require_writable(workspace.weights, Message("run.another_workspace"))
    with TemporaryDirectory(prefix="rvc-") as folder:
        unpacked = unpack(path, Path(folder))
        if options.index:
            unpacked = replace(unpacked, index=Path(clean_path(options.index)), from_bundle=False)
        name = name_for(options.name, unpacked, path)
        written = place(unpacked, name, workspace)
    _report(written, options)
    say(f"rvc convert {shlex.quote(name)} INPUT --output PATH speaks with it", error=True)
    return 0
