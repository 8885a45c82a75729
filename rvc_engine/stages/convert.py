"""Recordings in, the same words in another voice out."""

from __future__ import annotations

import os
import shlex
from collections.abc import Generator, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rvc_engine.audio.clipping import check_audible
from rvc_engine.audio.io import decode, encode
from rvc_engine.audio.notes import Note
from rvc_engine.bundles.bundle import INDEX, SUFFIX, is_bundle, read_any_voice, read_card
from rvc_engine.dataset.files import passed_over
from rvc_engine.device import choose_device, listening_precision, out_of_memory
from rvc_engine.disk import require_writable
from rvc_engine.errors import BadInput, RvcError, UnusableRecording
from rvc_engine.events import Converted, Event, ItemSkipped, Progressed, Warned
from rvc_engine.experiment import Experiment, Workspace
from rvc_engine.models.content_encoder import check_encoder, load_encoder
from rvc_engine.opening import require_file
from rvc_engine.pitch import prepare, resolve_method
from rvc_engine.settings import ConvertSettings, choices_of
from rvc_engine.stages.voice_files import load_index
from rvc_engine.user import expanded

if TYPE_CHECKING:
    from rvc_engine.bundles.small_model import Voice
    from rvc_engine.conversion.converter import Converter
    from rvc_engine.conversion.retrieval import Retrieval

FORMATS = choices_of(ConvertSettings.model_fields["format"])
LOWEST_RATE = 8000
SOURCE_RATE = 16000


# --- which voice ------------------------------------------------------------------------------------------------------
def resolve_voice(name_or_path: str, workspace: Workspace, index: str | None) -> tuple[Path, Path | None]:
    """(model, index) of VOICE: a .pth file, a bundle, or the name of an experiment, whose newest small model and newest index are used.

    `index`: a file, "none" for no index, or None for the voice's own; a bundle as index means the one in it. Raises BadInput listing
    what is there.
    """
    own: Path | None
    if os.sep in name_or_path or name_or_path.endswith((".pth", SUFFIX)):
        model = _voice_file(name_or_path, workspace)
        own = model if is_bundle(model) and INDEX in read_card(model)["members"] else None
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
            raise BadInput(f"{name} has no voice yet", why, f"rvc voice extract {shlex.quote(name)} makes one of the newest")
        if experiment.exists():
            raise BadInput(f"{name} has no voice yet", f"there is no {experiment.small_model}", f"rvc run {name} trains it")
        raise BadInput(f"There is no voice {name!r}", "", _voices_there(experiment.workspace))
    return found[-1]


def _voices_there(workspace: Workspace) -> str:
    names = sorted(p.stem for p in workspace.weights.glob("*.pth")) if workspace.weights.is_dir() else []
    if not names:
        return f"there are no voices in {workspace.weights}; rvc run NAME --dataset FOLDER makes one"
    return f"voices in {workspace.weights}: {', '.join(names[:20])}{', ...' if len(names) > 20 else ''}"


# --- which files ------------------------------------------------------------------------------------------------------
def expand_inputs(inputs: Iterable[Path]) -> list[Path]:
    """Files as they are, folders as the files directly in them (hidden ones left out). Raises BadInput for what is not there."""
    files: list[Path] = []
    for path in inputs:
        if path.is_dir():
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


def plan_outputs(inputs: list[Path], output: Path, settings: ConvertSettings) -> list[tuple[Path, Path, str]]:
    """(source, target, format) for each recording. `output` is a folder, or, for one input file, may be a file whose suffix then decides
    the format. Raises BadInput where the two do not fit or a recording would be overwritten."""
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
        plan = [(source, output / name, settings.format) for source, name in zip(files, _names(files, settings.format), strict=True)]
    sources = {p.resolve() for p in files}
    for _, target, _ in plan:
        if target.resolve() in sources:
            raise BadInput(f"{target} is one of the recordings", "it would be overwritten", "choose another --output")
        if target.is_dir():
            raise BadInput(f"{target} is a folder", "a result of that name cannot be written", "choose another --output")
    require_writable(output if output.is_dir() else output.parent, "choose another --output, or change its permissions")
    return plan


def _names(files: list[Path], format: str) -> list[str]:
    """A name for each result: the source's, with -2, -3 ... where two recordings share theirs."""
    taken: set[str] = set()
    names = []
    for path in files:
        stem, count = path.stem, 1
        while f"{stem}.{format}".casefold() in taken:
            count += 1
            stem = f"{path.stem}-{count}"
        taken.add(f"{stem}.{format}".casefold())
        names.append(f"{stem}.{format}")
    return names


# --- converting -------------------------------------------------------------------------------------------------------
def convert_files(
    voice_path: Path, inputs: list[Path], output: Path, settings: ConvertSettings, index: Path | None, workspace: Workspace
) -> Generator[Event, None, None]:
    """Each recording into the voice. The voice is loaded once; a recording that cannot be used is an ItemSkipped.

    Arguments are checked here and now, before anything is written: BadInput. The events come from the generator; it raises RvcError when
    no recording could be converted.
    """
    plan = plan_outputs(inputs, output, settings)
    if 0 < settings.sample_rate < LOWEST_RATE:
        raise BadInput(
            f"A sample rate of {settings.sample_rate} Hz is too low", "", f"use 0 for the voice's own, or at least {LOWEST_RATE}"
        )
    device = choose_device(settings.device)
    settings = settings.model_copy(update={"precision": listening_precision(settings.precision, device)})
    voice = read_any_voice(voice_path)
    check_encoder(voice.config.encoder, workspace)
    if settings.speaker >= voice.config.speakers:
        raise BadInput(f"{voice_path.name} has no speaker {settings.speaker}", "", f"use 0..{voice.config.speakers - 1}")
    if voice.config.pitch:
        settings = settings.model_copy(
            update={"pitch_method": resolve_method(settings.pitch_method, workspace, preset=voice.config.version)}
        )
    retrieval = load_index(index, voice) if index is not None and settings.index_rate else None
    if voice.config.pitch:
        prepare(settings.pitch_method, str(device), workspace)
    return _after(_passed_over(inputs), _convert(voice, plan, settings, retrieval, workspace, str(device)))


def _after(first: Iterable[Event], work: Generator[Event, None, None]) -> Generator[Event, None, None]:
    yield from first
    yield from work


def _passed_over(inputs: Iterable[Path]) -> Iterator[Event]:
    for folder in filter(Path.is_dir, inputs):
        passed = passed_over(folder, subfolders=False)
        if passed.total:
            yield Warned(title=f"{folder}: {passed.sentence}", hint="name their folders or what the links name", stage="convert")


def _convert(
    voice: Voice,
    plan: list[tuple[Path, Path, str]],
    settings: ConvertSettings,
    retrieval: Retrieval | None,
    workspace: Workspace,
    device: str,
) -> Generator[Event, None, None]:
    from rvc_engine.conversion.converter import Converter

    total = len(plan)
    yield Progressed(stage="convert", done=0, total=total, unit="files")
    # oneDNN keeps the kernels, with their memory, of every length of chunk that it meets: 150 MB a chunk without end on a long recording.
    # It reads this when it first computes something.
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "1")
    encoder = load_encoder(voice.config.encoder, workspace, device, precision=settings.precision)
    converter = Converter(voice, encoder, retrieval, settings, device, workspace=workspace)
    reasons = []
    for done, (source, target, format) in enumerate(plan, 1):
        try:
            samples = yield from _convert_one(converter, source)
            seconds = len(samples) / converter.sample_rate
            _write(target, samples, converter.sample_rate, format)
            yield Converted(source=str(source), path=str(target), seconds=seconds)
        except UnusableRecording as error:
            reasons.append(f"{source.name}: {error}")
            yield ItemSkipped(stage="convert", item=str(source), reason=str(error))
        yield Progressed(stage="convert", done=done, total=total, unit="files", item=source.name)
    if len(reasons) == total:
        more = f" (and {total - 1} more)" if total > 1 else ""
        raise RvcError("No recording could be converted", reasons[0] + more, "check the recordings with another player")


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
        raise RvcError("Out of memory", told.message, "free memory that other programs hold, or use --device cpu") from error
    finally:
        steps.close()


def _write(target: Path, samples: NDArray[np.int16], sample_rate: int, format: str) -> None:
    try:
        encode(target, samples, sample_rate, format)
    except OSError as error:
        raise RvcError(f"{target} cannot be written", str(error), "choose another --output") from error
