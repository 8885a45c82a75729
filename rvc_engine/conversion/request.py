"""What a conversion is asked to do, before anything is loaded: which voice, which recordings, which results."""

from __future__ import annotations

import os
import shlex
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from rvc_engine.common.names import fitted, room_in
from rvc_engine.common.opening import require_file
from rvc_engine.common.user import expanded
from rvc_engine.disk import require_writable
from rvc_engine.errors import BadInput
from rvc_engine.experiment import Experiment
from rvc_engine.messages import NOTHING, Message, message_of
from rvc_engine.setting import choices_of
from rvc_engine.settings import ConvertSettings
from rvc_engine.workspace import Workspace

VOICE_FILES = (".pth", ".rvcvoice")
FORMATS = choices_of(ConvertSettings.model_fields["format"])


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
    require_file(path, Message("conversion.no_index_file", path=path), Message("conversion.check_path_given_index_use"))
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
    require_file(path, Message("conversion.no_voice_2", path=path), _voices_there(workspace))
    return path


def _newest_voice(experiment: Experiment) -> Path:
    found, name = experiment.small_models(), experiment.name
    if not found:
        if any(experiment.folder.glob("G_*.pth")):
            why = Message("conversion.no_but_training_checkpoints", small_model=experiment.small_model)
            raise BadInput("conversion.no_voice_yet", why, name=name, name_2=shlex.quote(name))
        if experiment.exists():
            raise BadInput("conversion.no_voice_yet_2", name=name, small_model=experiment.small_model)
        raise BadInput("conversion.no_voice", NOTHING, _voices_there(experiment.workspace), name=name)
    return found[-1]


def _voices_there(workspace: Workspace) -> str:
    names = sorted(p.stem for p in workspace.weights.glob("*.pth")) if workspace.weights.is_dir() else []
    if not names:
        return Message("conversion.no_voices_rvc_run_name", weights=workspace.weights)
    return Message(
        "conversion.voices",
        weights=workspace.weights,
        names=", ".join(names[:20]),
        value=", ..." if len(names) > 20 else "",
    )


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
                raise BadInput("conversion.cannot_be_read_2", message_of(error), path=path) from error
            if not inside:
                raise BadInput("conversion.no_files", path=path)
            files += inside
        else:
            require_file(path, Message("conversion.no_file_2", path=path), Message("conversion.check_path"))
            files.append(path)
    if not files:
        raise BadInput("conversion.no_recordings_given")
    return list(dict.fromkeys(files))


def _refuse_absent(path: Path) -> None:
    try:
        os.stat(path)
    except FileNotFoundError as error:
        raise BadInput("conversion.no_file", path=path) from error
    except (OSError, ValueError) as error:
        raise BadInput(
            "conversion.cannot_be_read", getattr(error, "strerror", None) or message_of(error), path=path
        ) from error


def plan_outputs(inputs: list[Path], output: Path, settings: ConvertSettings) -> list[tuple[Path, Path, str]]:
    """(source, target, format) for each recording. `output` is a folder, or, for one input file, may be a file whose
    suffix then decides the format. Raises BadInput where the two do not fit or a recording would be overwritten."""
    files = expand_inputs(inputs)
    suffix = output.suffix.lower().removeprefix(".")
    single = len(inputs) == 1 and not inputs[0].is_dir()
    if single and not output.is_dir() and suffix:
        if suffix not in FORMATS:
            raise BadInput("conversion.unknown_format", suffix=suffix, output=output, formats=", ".join(FORMATS))
        plan = [(files[0], output, suffix)]
    elif output.exists() and not output.is_dir():
        what = (
            Message("conversion.without_format_name")
            if single
            else Message("conversion.but_several_recordings_need_folder")
        )
        raise BadInput("conversion.file", output=output, thing=what)
    elif not single and not output.exists() and suffix in FORMATS:
        raise BadInput("conversion.would_be_one_file_several", output=output)
    else:
        names = _names(files, settings.format, room_in(output))
        plan = [(source, output / name, settings.format) for source, name in zip(files, names, strict=True)]
    sources = {os.path.realpath(p) for p in files}
    for _, target, _ in plan:
        if os.path.realpath(target) in sources:
            raise BadInput("conversion.one_recordings", target=target)
        if single and os.path.isdir(target):
            raise BadInput("conversion.folder", target=target)
    require_writable(output if output.is_dir() else output.parent, Message("conversion.choose_another_output"))
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
