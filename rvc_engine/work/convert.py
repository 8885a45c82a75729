"""Convert recordings: the same words in another voice."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rvc_engine.audio.clipping import check_audible
from rvc_engine.audio.io import TooLong, decode, encode
from rvc_engine.audio.notes import Note
from rvc_engine.common.generators import alongside, each
from rvc_engine.common.opening import size_of
from rvc_engine.common.overlap import WriteBehind, read_ahead
from rvc_engine.common.records import read_json
from rvc_engine.content.base import check_encoder, load_encoder
from rvc_engine.content.checked import CheckedEncoder
from rvc_engine.conversion.converter import Converter, Source, Spoken, Wave
from rvc_engine.conversion.request import has_recording_name, plan_outputs
from rvc_engine.dataset.files import passed_over
from rvc_engine.disk import DiskFull, sha256_of, write_whole
from rvc_engine.errors import BadInput, RvcError, Stopped, UnusableRecording, reason_of
from rvc_engine.events import Converted, Event, ItemSkipped, Noted, Progressed, Warned
from rvc_engine.experiment import Experiment
from rvc_engine.machine.device import listening_precision, memory_errors, use_device
from rvc_engine.messages import Message, message_of
from rvc_engine.messages.message import cause_of, fix_of
from rvc_engine.pitch import resolve_tracker
from rvc_engine.pitch.checked import CheckedTracker
from rvc_engine.settings import ConvertSettings, ExperimentSettings
from rvc_engine.voices.bundle import read_any_voice
from rvc_engine.voices.lookup import load_index
from rvc_engine.workspace import Workspace

if TYPE_CHECKING:
    from rvc_engine.conversion.retrieval import Retrieval
    from rvc_engine.voices.small_model import Voice

LOWEST_RATE = 8000
SOURCE_RATE = 16000
SHORT_S, SHORT_BYTES = 300, 64 << 20
"""Up to these a recording is read while another one is converted; 300 s are 19 MB at SOURCE_RATE."""
Item = tuple[Path, Path, str]
"""Recording, result and its format."""


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

    @property
    def on_gpu(self) -> bool:
        return self.device != "cpu"

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
        CheckedTracker(tracker.name, str(device), workspace).load()
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
    prepared: _Prepared, plan: list[Item], named: list[Path], written: Written | None
) -> Generator[Event, None, None]:
    """While a GPU converts, the next recording is read, with its pitch where a CPU tracks it, and the last result is
    resampled and written. Recordings and results of more than SHORT_S are not held beside others."""
    report = _Report(len(plan))
    yield Progressed(stage="convert", done=0, total=report.total, unit="files")
    converter = prepared.load()
    overlapped = prepared.on_gpu
    read = partial(_ahead, converter, written) if overlapped else partial(_read, converter.source, written)
    with (
        WriteBehind[Outcome](threaded=overlapped) as writing,
        closing(read_ahead(read, plan, threaded=overlapped)) as reading,
    ):
        for item, take in zip(plan, reading, strict=True):
            work = _convert_item(converter, item, take, written)
            made = yield from alongside(work, lambda: report.events(writing.ready()))
            is_long = made.seconds > SHORT_S
            yield from report.events(writing.put(made.write))
            del work, made  # with the samples of the result
            if is_long:
                yield from report.events(writing.rest())
        yield from report.events(writing.rest())
    _report_failures(report.failures, report.total, named)


@dataclass
class _Report:
    """What became of each recording."""

    total: int
    done: int = 0
    failures: list[_Failure] = field(default_factory=list)

    def events(self, outcomes: Iterable[Outcome]) -> Iterator[Event]:
        for outcome in outcomes:
            if isinstance(outcome, Converted):
                yield outcome
            else:
                self.failures.append(outcome)
                yield ItemSkipped(stage="convert", item=str(outcome.source), reason=outcome.reason)
            self.done += 1
            name = Path(outcome.source).name
            yield Progressed(stage="convert", done=self.done, total=self.total, unit="files", item=name)


@dataclass(frozen=True)
class _Failure:
    source: Path
    reason: Message
    hint: Message


Outcome = Converted | _Failure


def _report_failures(failures: list[_Failure], total: int, named: list[Path]) -> None:
    """Raises RvcError when a recording was not converted. Files in a folder whose names are not those of recordings do
    not count."""
    nothing = len(failures) == total
    if not nothing:
        failures = [failure for failure in failures if failure.source in named or has_recording_name(failure.source)]
    if failures:
        title = Message("work.none_converted")
        if not nothing:
            title = Message("work.some_not_converted", count=len(failures), total=total)
        first, more = failures[0], len(failures) - 1
        why = Message("training.of_file", name=first.source.name, reason=first.reason)
        if more:
            why = Message("work.first_of_failures", name=first.source.name, reason=first.reason, count=more)
        raise RvcError(title, why, first.hint)


# --- one recording ----------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class _Recording:
    source: Source
    notes: list[Note]

    @property
    def seconds(self) -> int:
        return -(-len(self.source.wave) // SOURCE_RATE)


def _read(
    prepare: Callable[[Wave], Source], written: Written | None, item: Item, most_s: int = 0
) -> _Recording | Converted:
    """The recording, or an earlier result. Raises UnusableRecording, and TooLong where it has more seconds than
    `most_s`, unless that is 0."""
    source, target, _ = item
    if written and (kept := written.find(source, target)):
        return kept
    if most_s and size_of(source) > SHORT_BYTES:
        raise TooLong
    notes: list[Note] = []
    wave = decode(source, SOURCE_RATE, notes, most_s * SOURCE_RATE)
    check_audible(wave, SOURCE_RATE, notes)
    return _Recording(prepare(wave), notes)


def _ahead(converter: Converter, written: Written | None, item: Item) -> _Recording | Converted | None:
    """What `_read` gives; None for a long one."""
    try:
        return _read(converter.prepared, written, item, SHORT_S)
    except TooLong:
        return None


@dataclass(frozen=True)
class _Made:
    """`write` gives the outcome; `seconds`: of the result that it holds."""

    write: Callable[[], Iterable[Outcome]]
    seconds: float = 0.0

    @classmethod
    def outcome(cls, outcome: Outcome) -> _Made:
        return cls(lambda: [outcome])


Take = Callable[[], _Recording | Converted | None]
"""Gives what _read or _ahead does."""


def _convert_item(
    converter: Converter, item: Item, take: Take, written: Written | None
) -> Generator[Event, None, _Made]:
    """Raises Stopped and DiskFull, which end all recordings; any other error is of this one."""
    source, target, format = item
    if os.path.isdir(target):
        why = Message("work.target_is_folder", path=target)
        return _Made.outcome(_Failure(source, why, fix_of(why)))
    try:
        spoken = yield from _convert_one(converter, item, take, written)
    except Exception as error:
        return _Made.outcome(_failure(source, target, error))
    if isinstance(spoken, Converted):
        return _Made.outcome(spoken)
    return _Made(partial(_write, source, target, spoken, converter.sample_rate, format, written), spoken.seconds)


def _convert_one(
    converter: Converter, item: Item, take: Take, written: Written | None
) -> Generator[Event, None, Spoken | Converted]:
    source = item[0]
    with _explained():
        recording = take() or _read(converter.source, written, item)
    if isinstance(recording, Converted):
        return recording
    for note in recording.notes:
        yield Warned(title=Message("audio.of_recording", name=source.name, note=note.text), stage="convert")
    seconds = recording.seconds

    def progressed(done: float) -> Iterator[Event]:
        yield Progressed(stage="convert", done=int(done), total=seconds, unit="seconds", item=source.name)
        for note in converter.tracker.notes():
            yield Noted(text=Message("audio.of_recording", name=source.name, note=note), stage="convert")

    with _explained():
        spoken = yield from each(converter.speaking(recording.source), progressed)
    for title in converter.notes():
        yield Warned(title=title, message=cause_of(title), hint=fix_of(title), stage="convert")
    return spoken


def _explained() -> AbstractContextManager[None]:
    return memory_errors(lambda known: RvcError("work.out_of_memory", known.message))


def _write(
    source: Path, target: Path, spoken: Spoken, rate: int, format: str, written: Written | None
) -> Iterator[Outcome]:
    try:
        with _explained():
            samples = spoken.samples()
            event = Converted(source=str(source), path=str(target), seconds=len(samples) / rate)
            encode(target, samples, rate, format)
        if written:
            written.add(event)
    except Exception as error:
        yield _failure(source, target, error)
    else:
        yield event


def _failure(source: Path, target: Path, error: Exception) -> _Failure:
    """Why a recording was not converted. Raises Stopped and DiskFull again."""
    if isinstance(error, DiskFull | Stopped):
        raise error
    if isinstance(error, UnusableRecording):
        return _Failure(source, message_of(error), Message("work.try_another_player"))
    if isinstance(error, OSError):
        why = Message("work.target_not_written", path=target, reason=reason_of(error))
        return _Failure(source, why, fix_of(why))
    if isinstance(error, RvcError):
        return _Failure(source, error.summary, error.hint)
    why = Message("work.unexpected", kind=type(error).__name__, reason=message_of(error))
    return _Failure(source, why, Message("work.convert_to_wav"))
