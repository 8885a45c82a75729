"""What a conversion is asked to do, before anything is loaded: which voice, which recordings, which results."""

from __future__ import annotations

import mimetypes
import os
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from rvc_engine.common.names import fitted, room_in
from rvc_engine.common.opening import require_file
from rvc_engine.common.user import expanded
from rvc_engine.disk import require_writable
from rvc_engine.errors import BadInput, reason_of
from rvc_engine.experiment import Experiment
from rvc_engine.messages import NOTHING, Message
from rvc_engine.setting import choices_of
from rvc_engine.settings import ConvertSettings
from rvc_engine.workspace import Workspace

VOICE_FILES = (".pth", ".rvcvoice")
FORMATS = choices_of(ConvertSettings.model_fields["format"])
MOST_NAMED = 20
SOUND_FILES = frozenset(
    {
        ".aac",
        ".amr",
        ".ape",
        ".caf",
        ".flac",
        ".m4a",
        ".m4b",
        ".mka",
        ".mkv",
        ".oga",
        ".ogg",
        ".opus",
        ".tta",
        ".w64",
        ".webm",
        ".wma",
        ".wv",
    }
)
"""Recordings whose suffixes the MIME tables of some systems lack."""


# --- which voice ------------------------------------------------------------------------------------------------------
def resolve_voice(name_or_path: str, workspace: Workspace, index: str | None) -> tuple[Path, Path | None]:
    """(model, index) of VOICE: a .pth file, a bundle, or the name of an experiment, whose newest small model and newest
    index are used.

    `index`: a file, "none" for no index, or None for the voice's own; a bundle as index means the one in it. Raises
    BadInput listing what is there.
    """
    own: Path | None
    if os.sep in name_or_path or name_or_path.endswith(VOICE_FILES):
        model = _voice_file(name_or_path, workspace)
        own = _own_index(model)
    else:
        experiment = workspace.experiment(name_or_path)
        model, own = _newest_voice(experiment), next(reversed(experiment.indexes()), None)
    if index == "none":
        return model, None
    if index is None:
        return model, own
    path = expanded(index)
    require_file(path, Message("conversion.no_index_file", path=path), NOTHING)
    return model, path


def _own_index(model: Path) -> Path | None:
    from rvc_engine.voices.bundle import INDEX, is_bundle, read_model_card

    return model if is_bundle(model) and INDEX in read_model_card(model)["members"] else None


def _voice_file(text: str, workspace: Workspace) -> Path:
    path = expanded(text)
    for candidate in (path, workspace.weights / path):
        if candidate.is_file():
            return candidate
    if path.is_dir():
        raise BadInput("conversion.folder_not_voice", path=path)
    require_file(path, Message("voices.no_voice", path=path), _voices_there(workspace))
    return path


def _newest_voice(experiment: Experiment) -> Path:
    found, name = experiment.small_models(), experiment.name
    if not found:
        if any(experiment.folder.glob("G_*.pth")):
            raise BadInput("conversion.checkpoints_only", name=name, small_model=experiment.small_model)
        if experiment.exists():
            raise BadInput("conversion.not_trained_yet", name=name, small_model=experiment.small_model)
        raise BadInput("conversion.no_voice_named", NOTHING, _voices_there(experiment.workspace), name=name)
    return found[-1]


def _voices_there(workspace: Workspace) -> Message:
    folder = workspace.weights
    names = sorted(p.stem for p in folder.glob("*.pth")) if folder.is_dir() else []
    if not names:
        return Message("conversion.no_voices", folder=folder)
    if len(names) > MOST_NAMED:
        return Message("conversion.voices_and_more", folder=folder, names=names[:MOST_NAMED])
    return Message("conversion.voices", folder=folder, names=names)


# --- which files ------------------------------------------------------------------------------------------------------
def expand_inputs(inputs: Iterable[Path]) -> list[Path]:
    """Files as they are, folders as the files directly in them (hidden ones left out). Raises BadInput for what is not
    there."""
    files: list[Path] = []
    for path in inputs:
        if os.path.isdir(path):
            try:
                inside = sorted(p for p in path.iterdir() if p.is_file() and not p.name.startswith("."))
            except OSError as error:
                hint = Message("common.check_permissions")
                raise BadInput("common.cannot_be_read", reason_of(error), hint, path=path) from error
            if not inside:
                raise BadInput("conversion.empty_folder", path=path)
            files += inside
        else:
            require_file(path, Message("common.no_file", path=path), Message("common.check_path"))
            files.append(path)
    if not files:
        raise BadInput("conversion.no_recordings")
    return list(dict.fromkeys(files))


def plan_outputs(inputs: list[Path], output: Path, settings: ConvertSettings) -> list[tuple[Path, Path, str]]:
    """(source, target, format) for each recording. `output` is a folder, or, for one input file, may be a file whose
    suffix then decides the format. Raises BadInput where the two do not fit or a recording would be overwritten."""
    files = expand_inputs(inputs)
    suffix = output.suffix.lower().removeprefix(".")
    single = len(inputs) == 1 and not inputs[0].is_dir()
    if single and not output.is_dir() and suffix:
        if suffix not in FORMATS:
            raise BadInput("conversion.unknown_format", suffix=suffix, path=output, formats=FORMATS)
        plan = [(files[0], output, suffix)]
    elif output.exists() and not output.is_dir():
        if single:
            raise BadInput("conversion.file_without_format", path=output)
        raise BadInput("conversion.file_for_several", path=output)
    elif not single and not output.exists() and suffix in FORMATS:
        raise BadInput("conversion.one_file_for_several", path=output)
    else:
        names = _names(files, settings.format, room_in(output))
        plan = [(source, output / name, settings.format) for source, name in zip(files, names, strict=True)]
    sources = {os.path.realpath(p) for p in files}
    for _, target, _ in plan:
        if os.path.realpath(target) in sources:
            raise BadInput("conversion.is_recording", path=target)
        if single and os.path.isdir(target):
            raise BadInput("conversion.is_folder", path=target)
    require_writable(output if output.is_dir() else output.parent, Message("conversion.another_output"))
    return plan


def _names(files: list[Path], format: str, room: int) -> list[str]:
    """A name of at most `room` bytes for each result: the source's, with -2, -3 ... where two recordings share theirs,
    also where only a file system takes them for one."""
    taken: set[str] = set()
    names = []
    for path in files:
        name, count = fitted(path.stem, f".{format}", room), 1
        while (key := unicodedata.normalize("NFC", name).casefold()) in taken:
            count += 1
            name = fitted(path.stem, f"-{count}.{format}", room)
        taken.add(key)
        names.append(name)
    return names


def has_recording_name(path: Path) -> bool:
    kind = mimetypes.guess_type(path.name)[0] or ""
    return kind.startswith(("audio/", "video/")) or path.suffix.lower() in SOUND_FILES
