"""Convert recordings: the same words in another voice."""

from __future__ import annotations

import json
import mimetypes
import os
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rvc_engine.audio.clipping import check_audible
from rvc_engine.audio.io import decode, encode
from rvc_engine.audio.notes import Note
from rvc_engine.common.generators import mapped
from rvc_engine.common.records import read_json
from rvc_engine.content.base import check_encoder, load_encoder
from rvc_engine.content.checked import CheckedEncoder
from rvc_engine.conversion.converter import Converter
from rvc_engine.conversion.request import plan_outputs
from rvc_engine.dataset.files import passed_over
from rvc_engine.disk import DiskFull, sha256_of, write_whole
from rvc_engine.errors import BadInput, RvcError, Stopped, UnusableRecording, reason_of
from rvc_engine.events import Converted, Event, ItemSkipped, Progressed, Warned
from rvc_engine.experiment import Experiment
from rvc_engine.machine.device import listening_precision, memory_errors, use_device
from rvc_engine.messages import Message, message_of
from rvc_engine.messages.message import cause_of, fix_of
from rvc_engine.pitch import resolve_tracker
from rvc_engine.settings import ConvertSettings, ExperimentSettings
from rvc_engine.voices.bundle import read_any_voice
from rvc_engine.voices.lookup import load_index
from rvc_engine.workspace import Workspace

if TYPE_CHECKING:
    from rvc_engine.conversion.converter import Converter
    from rvc_engine.conversion.retrieval import Retrieval
    from rvc_engine.voices.small_model import Voice

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
LOWEST_RATE = 8000
SOURCE_RATE = 16000


# --- the stage --------------------------------------------------------------------------------------------------------
def run(experiment: Experiment, settings: ExperimentSettings) -> Iterator[Event]:
    """As `convert_files`, but intact results of an earlier run of the same conversion are kept."""
    asked = settings.conversion
    assert asked is not None
    inputs, index = [Path(text) for text in asked.inputs], Path(asked.index) if asked.index else None
    voice, output, done = Path(asked.voice), Path(asked.output), Written(experiment.converted)
    yield from convert_files(voice, inputs, output, settings.convert, index, experiment.workspace, done)


def artefacts(experiment: Experiment, settings: ExperimentSettings) -> list[Path]:
    return [Path(result["path"]) for result in Written(experiment.converted).results.values()]


class Written:
    """The results of a conversion, saved in its folder: {recording: {"path", "sha256", "seconds",
    "source_sha256"}}."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            found = read_json(path)
        except (OSError, ValueError):
            found = {}
        self.results: dict[str, dict[str, Any]] = found if isinstance(found, dict) else {}

    def add(self, event: Converted) -> None:
        self.results[event.source] = {
            "path": event.path,
            "sha256": sha256_of(Path(event.path)),
            "seconds": event.seconds,
            "source_sha256": sha256_of(Path(event.source)),
        }
        write_whole(self.path, json.dumps(self.results, indent=1), durable=False)

    def find(self, source: Path, target: Path) -> Converted | None:
        """An earlier result; None when there is none, or when it or its recording has changed."""
        result = self.results.get(str(source), {})
        if result.get("path") != str(target) or not target.is_file() or not source.is_file():
            return None
        if (sha256_of(target), sha256_of(source)) != (result.get("sha256"), result.get("source_sha256")):
            return None
        return Converted(source=str(source), path=str(target), seconds=float(result["seconds"]))


# --- converting -------------------------------------------------------------------------------------------------------
def convert_files(
    voice_path: Path,
    inputs: list[Path],
    output: Path,
    settings: ConvertSettings,
    index: Path | None,
    workspace: Workspace,
    written: Written | None = None,
) -> Generator[Event, None, None]:
    """Convert each recording into the voice. The voice is loaded once; a recording that cannot be read, or whose result
    cannot be written, gives an ItemSkipped. `written`: earlier results; new ones are added to it.

    The call itself checks the arguments, before anything is written, and raises BadInput. After the last recording the
    generator raises RvcError when some could not be converted.
    """
    plan = plan_outputs(inputs, output, settings)
    prepared = _prepare(voice_path, settings, index, workspace)
    return _chained(_warnings_about(inputs), _convert(prepared, plan, inputs, written))


def load_converter(voice: Path, settings: ConvertSettings, index: Path | None, workspace: Workspace) -> Converter:
    """A loaded voice, for many waveforms. Raises BadInput when a file, a setting or the device is unsuitable."""
    return _prepare(voice, settings, index, workspace).load()


@dataclass(frozen=True)
class _Prepared:
    """Checked arguments; only the voice is loaded."""

    voice: Voice
    settings: ConvertSettings
    retrieval: Retrieval | None
    device: str
    workspace: Workspace

    def load(self) -> Converter:
        # oneDNN caches kernels, with their memory, for each length of chunk: on a long recording 150 MB a chunk,
        # without limit. It reads this variable at its first computation.
        os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "1")
        name, precision = self.voice.config.encoder, self.settings.precision
        load = partial(load_encoder, name, self.workspace, self.device, None)
        encoder = CheckedEncoder(load, precision, self.device)
        return Converter(self.voice, encoder, self.retrieval, self.settings, self.device, workspace=self.workspace)


def _prepare(voice_path: Path, settings: ConvertSettings, index: Path | None, workspace: Workspace) -> _Prepared:
    if 0 < settings.sample_rate < LOWEST_RATE:
        raise BadInput("work.sample_rate_too_low", sample_rate=settings.sample_rate, lowest=LOWEST_RATE)
    device = use_device(settings.device)
    settings = settings.model_copy(update={"precision": listening_precision(settings.precision, device)})
    voice = read_any_voice(voice_path)
    check_encoder(voice.config.encoder, workspace)
    if settings.speaker >= voice.config.speakers:
        raise BadInput(
            "work.voice_lacks_speaker",
            name=voice_path.name,
            speaker=settings.speaker,
            last=voice.config.speakers - 1,
        )
    tracker = None
    if voice.config.pitch:
        tracker = resolve_tracker(settings.pitch_method, workspace, preset=voice.config.version)
        settings = settings.model_copy(update={"pitch_method": tracker.name})
    retrieval = load_index(index, voice) if index is not None and settings.index_rate else None
    if tracker is not None:
        tracker.load(str(device), workspace)
    return _Prepared(voice, settings, retrieval, str(device), workspace)


def _chained(first: Iterable[Event], work: Generator[Event, None, None]) -> Generator[Event, None, None]:
    yield from first
    yield from work


def _warnings_about(inputs: Iterable[Path]) -> Iterator[Event]:
    for folder in filter(Path.is_dir, inputs):
        passed = passed_over(folder, subfolders=False)
        if passed.total:
            title = Message("training.of_file", name=folder, reason=passed.sentence)
            yield Warned(title=title, hint=Message("work.name_what_links_name"), stage="convert")


def _convert(
    prepared: _Prepared, plan: list[tuple[Path, Path, str]], named: list[Path], written: Written | None
) -> Generator[Event, None, None]:
    total = len(plan)
    yield Progressed(stage="convert", done=0, total=total, unit="files")
    converter = prepared.load()
    failures = []
    for done, item in enumerate(plan, 1):
        source, target, _ = item
        if written and (kept := written.find(source, target)):
            yield kept
        elif failure := (yield from _convert_item(converter, *item, written)):
            failures.append(failure)
            yield ItemSkipped(stage="convert", item=str(failure.source), reason=failure.reason)
        yield Progressed(stage="convert", done=done, total=total, unit="files", item=item[0].name)
    _report_failures(failures, total, named)


@dataclass(frozen=True)
class _Failure:
    source: Path
    reason: Message
    hint: Message


def _report_failures(failures: list[_Failure], total: int, named: list[Path]) -> None:
    """Raises RvcError when a recording was not converted. Files in a folder whose names are not those of recordings do
    not count."""
    nothing = len(failures) == total
    if not nothing:
        failures = [failure for failure in failures if failure.source in named or _has_recording_name(failure.source)]
    if failures:
        title = Message("work.none_converted")
        if not nothing:
            title = Message("work.some_not_converted", count=len(failures), total=total)
        first, more = failures[0], len(failures) - 1
        why = Message("training.of_file", name=first.source.name, reason=first.reason)
        if more:
            why = Message("work.first_of_failures", name=first.source.name, reason=first.reason, count=more)
        raise RvcError(title, why, first.hint)


def _has_recording_name(path: Path) -> bool:
    kind = mimetypes.guess_type(path.name)[0] or ""
    return kind.startswith(("audio/", "video/")) or path.suffix.lower() in SOUND_FILES


def _convert_item(
    converter: Converter, source: Path, target: Path, format: str, written: Written | None
) -> Generator[Event, None, _Failure | None]:
    """Returns why a recording was not converted; None when it was. An unexpected error in one recording does not end
    the others.

    Raises Stopped and DiskFull, which end them all.
    """
    if os.path.isdir(target):
        why = Message("work.target_is_folder", path=target)
        return _Failure(source, why, fix_of(why))
    try:
        samples = yield from _convert_one(converter, source)
        encode(target, samples, converter.sample_rate, format)
    except (DiskFull, Stopped):
        raise
    except UnusableRecording as error:
        return _Failure(source, message_of(error), Message("work.try_another_player"))
    except OSError as error:
        why = Message("work.target_not_written", path=target, reason=reason_of(error))
        return _Failure(source, why, fix_of(why))
    except RvcError as error:
        return _Failure(source, error.summary, error.hint)
    except Exception as error:
        why = Message("work.unexpected", kind=type(error).__name__, reason=message_of(error))
        return _Failure(source, why, Message("work.convert_to_wav"))
    event = Converted(source=str(source), path=str(target), seconds=len(samples) / converter.sample_rate)
    if written:
        written.add(event)
    yield event
    return None


def _convert_one(converter: Converter, source: Path) -> Generator[Event, None, NDArray[np.int16]]:
    notes: list[Note] = []
    wave = decode(source, SOURCE_RATE, notes)
    check_audible(wave, SOURCE_RATE, notes)
    for note in notes:
        yield Warned(title=Message("audio.of_recording", name=source.name, note=note.text), stage="convert")
    seconds = -(-len(wave) // SOURCE_RATE)
    steps = converter.steps(wave)
    del wave  # saves memory: the converter has its own filtered copy

    def progressed(done: float) -> Progressed:
        return Progressed(stage="convert", done=int(done), total=seconds, unit="seconds", item=source.name)

    with memory_errors(lambda known: RvcError("work.out_of_memory", known.message)):
        samples = yield from mapped(steps, progressed)
    for title in converter.notes():
        yield Warned(title=title, message=cause_of(title), hint=fix_of(title), stage="convert")
    return samples
