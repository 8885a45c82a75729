"""Recordings in, the same words in another voice out."""

from __future__ import annotations

import mimetypes
import os
import shlex
import unicodedata
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rvc_engine.audio.clipping import check_audible
from rvc_engine.audio.io import decode, encode
from rvc_engine.audio.notes import Note
from rvc_engine.common.names import fitted, room_in
from rvc_engine.common.opening import require_file
from rvc_engine.common.user import expanded
from rvc_engine.content.base import check_encoder, load_encoder
from rvc_engine.dataset.files import passed_over
from rvc_engine.disk import DiskFull, require_writable
from rvc_engine.errors import BadInput, RvcError, Stopped, UnusableRecording
from rvc_engine.events import Converted, Event, ItemSkipped, Progressed, Warned
from rvc_engine.experiment import Experiment, Workspace
from rvc_engine.machine.device import choose_device, listening_precision, out_of_memory
from rvc_engine.pitch import resolve_tracker
from rvc_engine.setting import choices_of
from rvc_engine.settings import ConvertSettings
from rvc_engine.voices.bundle import INDEX, SUFFIX, is_bundle, read_any_voice, read_model_card
from rvc_engine.voices.lookup import load_index

if TYPE_CHECKING:
    from rvc_engine.conversion.converter import Converter
    from rvc_engine.conversion.retrieval import Retrieval
    from rvc_engine.voices.small_model import Voice

FORMATS = choices_of(ConvertSettings.model_fields["format"])
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
"""Kinds of recordings that not every system's list knows."""
LOWEST_RATE = 8000
SOURCE_RATE = 16000


# --- which voice ------------------------------------------------------------------------------------------------------
def resolve_voice(name_or_path: str, workspace: Workspace, index: str | None) -> tuple[Path, Path | None]:
    """(model, index) of VOICE: a .pth file, a bundle, or the name of an experiment, whose newest small model and newest
    index are used.

    `index`: a file, "none" for no index, or None for the voice's own; a bundle as index means the one in it. Raises
    BadInput listing what is there.
    """
    own: Path | None
    if os.sep in name_or_path or name_or_path.endswith((".pth", SUFFIX)):
        model = _voice_file(name_or_path, workspace)
        own = model if is_bundle(model) and INDEX in read_model_card(model)["members"] else None
    else:
        experiment = workspace.experiment(name_or_path)
        model, own = _newest_voice(experiment), next(reversed(experiment.indexes()), None)
    if index == "none":
        return model, None
    if index is None:
        return model, own
    path = expanded(index)
    require_file(path, f"There is no index file {path}", "check the path given with --index, or use --index none")
    return model, path


def _voice_file(text: str, workspace: Workspace) -> Path:
    path = expanded(text)
    for candidate in (path, workspace.weights / path):
        if candidate.is_file():
            return candidate
    if path.is_dir():
        raise BadInput(f"{path} is a folder, not a voice", "", "name an experiment, a .pth file or a bundle")
    require_file(path, f"There is no voice {path}", _voices_there(workspace))
    return path


def _newest_voice(experiment: Experiment) -> Path:
    found, name = experiment.small_models(), experiment.name
    if not found:
        if any(experiment.folder.glob("G_*.pth")):
            why = f"there is no {experiment.small_model}, but there are training checkpoints"
            raise BadInput(
                f"{name} has no voice yet", why, f"rvc voice extract {shlex.quote(name)} makes one of the newest"
            )
        if experiment.exists():
            raise BadInput(
                f"{name} has no voice yet", f"there is no {experiment.small_model}", f"rvc run {name} trains it"
            )
        raise BadInput(f"There is no voice {name!r}", "", _voices_there(experiment.workspace))
    return found[-1]


def _voices_there(workspace: Workspace) -> str:
    names = sorted(p.stem for p in workspace.weights.glob("*.pth")) if workspace.weights.is_dir() else []
    if not names:
        return f"there are no voices in {workspace.weights}; rvc run NAME --dataset FOLDER makes one"
    return f"voices in {workspace.weights}: {', '.join(names[:20])}{', ...' if len(names) > 20 else ''}"


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
                raise BadInput(f"{path} cannot be read", str(error), "check its permissions") from error
            if not inside:
                raise BadInput(f"There are no files in {path}", "", "name recordings, or a folder that holds some")
            files += inside
        else:
            require_file(path, f"There is no file {path}", "check the path")
            files.append(path)
    if not files:
        raise BadInput("No recordings are given", "", "name recordings, or folders of recordings")
    return list(dict.fromkeys(files))


def _refuse_absent(path: Path) -> None:
    try:
        os.stat(path)
    except FileNotFoundError as error:
        raise BadInput(f"There is no file {path}", "", "check the path") from error
    except (OSError, ValueError) as error:
        raise BadInput(
            f"{path} cannot be read", getattr(error, "strerror", None) or str(error), "check the path"
        ) from error


def plan_outputs(inputs: list[Path], output: Path, settings: ConvertSettings) -> list[tuple[Path, Path, str]]:
    """(source, target, format) for each recording. `output` is a folder, or, for one input file, may be a file whose
    suffix then decides the format. Raises BadInput where the two do not fit or a recording would be overwritten."""
    files = expand_inputs(inputs)
    suffix = output.suffix.lower().removeprefix(".")
    single = len(inputs) == 1 and not inputs[0].is_dir()
    if single and not output.is_dir() and suffix:
        if suffix not in FORMATS:
            raise BadInput(f"Unknown format .{suffix}", f"{output}", f"use one of {', '.join(FORMATS)}")
        plan = [(files[0], output, suffix)]
    elif output.exists() and not output.is_dir():
        what = "without a format in its name" if single else "but several recordings need a folder"
        raise BadInput(f"{output} is a file, {what}", "", "give --output a folder")
    elif not single and not output.exists() and suffix in FORMATS:
        raise BadInput(f"{output} would be one file for several recordings", "", "give --output a folder")
    else:
        names = _names(files, settings.format, room_in(output))
        plan = [(source, output / name, settings.format) for source, name in zip(files, names, strict=True)]
    sources = {os.path.realpath(p) for p in files}
    for _, target, _ in plan:
        if os.path.realpath(target) in sources:
            raise BadInput(f"{target} is one of the recordings", "it would be overwritten", "choose another --output")
        if single and os.path.isdir(target):
            raise BadInput(
                f"{target} is a folder", "a result of that name cannot be written", "choose another --output"
            )
    require_writable(output if output.is_dir() else output.parent, "choose another --output")
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


# --- converting -------------------------------------------------------------------------------------------------------
def convert_files(
    voice_path: Path,
    inputs: list[Path],
    output: Path,
    settings: ConvertSettings,
    index: Path | None,
    workspace: Workspace,
) -> Generator[Event, None, None]:
    """Each recording into the voice. The voice is loaded once; a recording that cannot be used, or written, is an
    ItemSkipped.

    Arguments are checked here and now, before anything is written: BadInput. The events come from the generator; after
    the last recording it raises RvcError when some could not be converted.
    """
    plan = plan_outputs(inputs, output, settings)
    ready = _ready(voice_path, settings, index, workspace)
    return _after(_passed_over(inputs), _convert(ready, plan, inputs))


def load_converter(voice: Path, settings: ConvertSettings, index: Path | None, workspace: Workspace) -> Converter:
    """A voice in memory, for many waves. Raises BadInput when a file, a setting or the device does not fit."""
    return _ready(voice, settings, index, workspace).load()


@dataclass(frozen=True)
class _Ready:
    """All that was checked, and is not loaded yet."""

    voice: Voice
    settings: ConvertSettings
    retrieval: Retrieval | None
    device: str
    workspace: Workspace

    def load(self) -> Converter:
        from rvc_engine.conversion.converter import Converter

        # oneDNN keeps the kernels, with their memory, of every length of chunk that it meets: 150 MB a chunk without
        # end on a long recording. It reads this when it first computes something.
        os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "1")
        name, precision = self.voice.config.encoder, self.settings.precision
        encoder = load_encoder(name, self.workspace, self.device, precision=precision)
        return Converter(self.voice, encoder, self.retrieval, self.settings, self.device, workspace=self.workspace)


def _ready(voice_path: Path, settings: ConvertSettings, index: Path | None, workspace: Workspace) -> _Ready:
    if 0 < settings.sample_rate < LOWEST_RATE:
        raise BadInput(
            f"A sample rate of {settings.sample_rate} Hz is too low",
            "",
            f"use 0 for the voice's own, or at least {LOWEST_RATE}",
        )
    device = choose_device(settings.device)
    settings = settings.model_copy(update={"precision": listening_precision(settings.precision, device)})
    voice = read_any_voice(voice_path)
    check_encoder(voice.config.encoder, workspace)
    if settings.speaker >= voice.config.speakers:
        raise BadInput(
            f"{voice_path.name} has no speaker {settings.speaker}", "", f"use 0..{voice.config.speakers - 1}"
        )
    tracker = None
    if voice.config.pitch:
        tracker = resolve_tracker(settings.pitch_method, workspace, preset=voice.config.version)
        settings = settings.model_copy(update={"pitch_method": tracker.name})
    retrieval = load_index(index, voice) if index is not None and settings.index_rate else None
    if tracker is not None:
        tracker.load(str(device), workspace)
    return _Ready(voice, settings, retrieval, str(device), workspace)


def _after(first: Iterable[Event], work: Generator[Event, None, None]) -> Generator[Event, None, None]:
    yield from first
    yield from work


def _passed_over(inputs: Iterable[Path]) -> Iterator[Event]:
    for folder in filter(Path.is_dir, inputs):
        passed = passed_over(folder, subfolders=False)
        if passed.total:
            yield Warned(
                title=f"{folder}: {passed.sentence}", hint="name their folders or what the links name", stage="convert"
            )


def _convert(ready: _Ready, plan: list[tuple[Path, Path, str]], named: list[Path]) -> Generator[Event, None, None]:
    total = len(plan)
    yield Progressed(stage="convert", done=0, total=total, unit="files")
    converter = ready.load()
    failures = []
    for done, item in enumerate(plan, 1):
        if failure := (yield from _convert_item(converter, *item)):
            failures.append(failure)
            yield ItemSkipped(stage="convert", item=str(failure.source), reason=failure.reason)
        yield Progressed(stage="convert", done=done, total=total, unit="files", item=item[0].name)
    _tell_failures(failures, total, named)


@dataclass(frozen=True)
class _Failure:
    source: Path
    reason: str
    hint: str


def _tell_failures(failures: list[_Failure], total: int, named: list[Path]) -> None:
    """Raises RvcError when a recording was not converted. What lies beside recordings in a folder, and is none by its
    name, does not count."""
    nothing = len(failures) == total
    if not nothing:
        failures = [failure for failure in failures if failure.source in named or _is_called_recording(failure.source)]
    if failures:
        first, more = failures[0], f" (and {len(failures) - 1} more)" if len(failures) > 1 else ""
        title = (
            "No recording could be converted"
            if nothing
            else f"{len(failures)} of {total} recordings could not be converted"
        )
        raise RvcError(title, f"{first.source.name}: {first.reason}{more}", first.hint)


def _is_called_recording(path: Path) -> bool:
    kind = mimetypes.guess_type(path.name)[0] or ""
    return kind.startswith(("audio/", "video/")) or path.suffix.lower() in SOUND_FILES


def _convert_item(
    converter: Converter, source: Path, target: Path, format: str
) -> Generator[Event, None, _Failure | None]:
    """Returns why a recording was not converted, None where it was. What nobody has thought of in one recording does
    not end the others.

    Raises RvcError for what would: a stop, a full disk.
    """
    if os.path.isdir(target):
        return _Failure(source, f"{target} is a folder", "choose another --output, or move that folder out of the way")
    try:
        samples = yield from _convert_one(converter, source)
        encode(target, samples, converter.sample_rate, format)
    except (DiskFull, Stopped):
        raise
    except UnusableRecording as error:
        return _Failure(source, str(error), "check the recordings with another player")
    except OSError as error:
        return _Failure(
            source,
            f"{target} cannot be written: {error.strerror or error}",
            "choose another --output, or change its permissions",
        )
    except RvcError as error:
        return _Failure(source, ": ".join(filter(None, (error.title, error.message))), error.hint)
    except Exception as error:
        what = str(error).strip().partition("\n")[0]
        return _Failure(
            source, f"unexpected {type(error).__name__}: {what}", "convert it to WAV with another program, and try that"
        )
    yield Converted(source=str(source), path=str(target), seconds=len(samples) / converter.sample_rate)
    return None


def _convert_one(converter: Converter, source: Path) -> Generator[Event, None, NDArray[np.int16]]:
    notes: list[Note] = []
    wave = decode(source, SOURCE_RATE, notes)
    check_audible(wave, SOURCE_RATE, notes)
    for note in notes:
        yield Warned(title=f"{source.name}: {note.text}", stage="convert")
    seconds = -(-len(wave) // SOURCE_RATE)
    steps = converter.steps(wave)
    del wave  # a long one is kept filtered by the converter only
    try:
        while True:
            done = next(steps)
            yield Progressed(stage="convert", done=int(done), total=seconds, unit="seconds", item=source.name)
    except StopIteration as end:
        samples: NDArray[np.int16] = end.value
        return samples
    except (RuntimeError, MemoryError) as error:
        told = out_of_memory(error)
        if told is None:
            raise
        raise RvcError(
            "Out of memory", told.message, "free memory that other programs hold, or use --device cpu"
        ) from error
    finally:
        steps.close()
