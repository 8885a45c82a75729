"""The engine for notebooks and other programs: train a voice, convert with it, check recordings, list voices.

    import rvc_engine

    voice = rvc_engine.train("alice", "recordings/alice", settings={"train.epochs": 100})
    voice.convert_file("song.wav", "song-alice.wav", transpose=12)

A workspace is the folder that holds logs/, weights/ and pretrained/: `home`, else $RVC_HOME, else the current folder.
Every error is an RvcError with `title`, `message` (the cause) and `hint` (the fix); BadInput is one that was found
before anything was written.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from rvc_engine.audio.notes import Note
from rvc_engine.common.failures import explained
from rvc_engine.common.lines import error_from_record
from rvc_engine.common.user import expanded
from rvc_engine.conversion.request import resolve_voice
from rvc_engine.dataset.files import passed_over
from rvc_engine.dataset.findings import findings_of
from rvc_engine.dataset.folder import Folder, summary_of
from rvc_engine.dataset.survey import measure_all, recordings_in
from rvc_engine.errors import BadInput as BadInput
from rvc_engine.errors import RvcError as RvcError
from rvc_engine.errors import Stopped, UnusableRecording
from rvc_engine.events import Converted, Event
from rvc_engine.experiment import Experiment
from rvc_engine.messages import Message, message_of, verbatim
from rvc_engine.run import launcher
from rvc_engine.run.begin import Request, check_ready, refuse_busy, settle
from rvc_engine.run.receipts import plan, why_to_ask
from rvc_engine.run.stage_list import stages_of
from rvc_engine.run.view import RunView
from rvc_engine.run.voice_list import rows_of
from rvc_engine.setting import set_field
from rvc_engine.settings import ConvertSettings
from rvc_engine.workspace import Workspace

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from rvc_engine.conversion.converter import Converter
    from rvc_engine.dataset.report import FileReport

PathLike = str | os.PathLike[str]
OnEvent = Callable[[Event], None]
STOP_S = 600.0  # a run that is asked to stop finishes its step first

P = ParamSpec("P")
T = TypeVar("T")


class FromCallback(Exception):
    """An error of the caller's own function, kept apart from those of this program."""

    def __init__(self, error: Exception) -> None:
        self.error = error


def call_back(on_event: OnEvent, event: Event) -> None:
    try:
        on_event(event)
    except Exception as error:
        raise FromCallback(error) from error


def in_words(call: Callable[P, T]) -> Callable[P, T]:
    """Errors of the system become RvcErrors, as on the command line; those of `on_event` stay what they are."""

    @wraps(call)
    def called(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return call(*args, **kwargs)
        except FromCallback as own:
            raise own.error from own.error.__cause__
        except (OSError, MemoryError) as error:
            known = explained(error)
            if known is None:
                raise
            raise known from error

    return called


# --- recordings -------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class DatasetReport:
    """What `rvc dataset` reports about a folder. `summary`: seconds and counts by name. `findings`: each with "code",
    "severity" (good, note, warning or problem), "what" was found, "why_it_matters" and "fix" (what to do)."""

    folder: Path
    files: list[FileReport]
    summary: dict[str, Any]
    findings: list[dict[str, Any]]


@in_words
def describe_dataset(folder: PathLike, *, subfolders: bool = False, workers: int = 0) -> DatasetReport:
    """Measure every recording of a folder; what was measured before is read from a cache. `workers`: processes, 0 means
    one per core. Raises BadInput when the folder cannot be read or holds no file."""
    path = _path(folder, Message("api.recordings"))
    tasks = recordings_in(path, subfolders=subfolders)
    reports = (report for report in measure_all(path, tasks, workers=workers) if report is not None)
    files = sorted(reports, key=lambda report: report.name)
    findings = findings_of(files, passed_over(path, subfolders=subfolders))
    return DatasetReport(path, files, dict(summary_of(Folder(files))), [asdict(finding) for finding in findings])


# --- training ---------------------------------------------------------------------------------------------------------
@in_words
def train(
    name: str,
    dataset: PathLike = "",
    *,
    home: PathLike | None = None,
    preset: str = "",
    pitched: bool | None = None,
    settings: Mapping[str, Any] | None = None,
    fresh: bool = False,
    agreed: bool = False,
    on_event: OnEvent | None = None,
) -> Voice:
    """Train a voice, or resume its training, like `rvc run NAME`: in a separate engine process, and return at its end.

    `dataset`: a folder of recordings, needed the first time. `settings`: "STAGE.name" to a value, as in
    {"train.epochs": 100}; they are kept for later runs. `fresh`: start over; the old work is moved to a backup.
    `agreed`: the answer yes to what `rvc run` asks, such as restarting a training from step 0; without it, BadInput is
    raised. `on_event`: called with each event (rvc_engine.events) as it is written. If the calling program is killed,
    the run continues. An exception from `on_event`, also KeyboardInterrupt, stops the run; progress is saved, and the
    exception is raised again.

    Raises BadInput for errors that are found before anything is written, Busy if another run holds the experiment,
    Stopped if somebody else stopped the run, RvcError if it failed.
    """
    experiment = _workspace(home).experiment(_text(name, Message("api.name")))
    _check_callable(on_event)
    if settings is not None and not (isinstance(settings, Mapping) and all(isinstance(key, str) for key in settings)):
        raise BadInput("api.no_mapping", _as_given(settings))
    given = str(_path(dataset, Message("api.recordings"))) if dataset else ""
    view = _run(experiment, Request(given, preset, pitched, settings or {}, fresh), agreed, on_event)
    if view.state == "stopped":
        raise Stopped("api.stopped_in" if view.stage else "api.stopped", name=experiment.name, stage=view.stage)
    if view.state != "finished":
        if view.error is None:
            raise RvcError("api.no_end", name=experiment.name)
        raise error_from_record(view.error, view.exit_code or RvcError.exit_code)
    own = experiment.folder.parent == experiment.workspace.logs
    return Voice(experiment.name if own else experiment.folder, home=experiment.workspace.home)


def _run(experiment: Experiment, request: Request, agreed: bool, on_event: OnEvent | None) -> RunView:
    refuse_busy(experiment, take_over=False)
    known, _ = settle(experiment, request)
    stages = stages_of(known)
    check_ready(experiment, known, stages, fresh=request.fresh, auto_pitch=request.leaves_pitch_open(experiment))
    if not (request.fresh or agreed):
        doubt = why_to_ask(experiment, known, plan(experiment, known, stages))
        if doubt is not None:
            raise doubt
    engine = launcher.start(experiment, known, [stage.name for stage in stages], fresh=request.fresh)
    view = RunView(name=experiment.name, folder=str(experiment.folder))
    try:
        for batch in launcher.follow(engine):
            for event in batch:
                view.fold(event)
                if on_event is not None:
                    call_back(on_event, view.own(event))
    except BaseException:
        launcher.stop(experiment, wait_s=STOP_S)
        raise
    if view.state == "running":
        view.note_gone()
    return view


# --- voices -----------------------------------------------------------------------------------------------------------
@in_words
def list_voices(home: PathLike | None = None) -> list[dict[str, Any]]:
    """The voices of a workspace, newest first, as `rvc voice list --json` prints them: "voice" is what Voice takes."""
    return rows_of(_workspace(home))


def load_voice(voice: PathLike, *, home: PathLike | None = None, index: PathLike | None = None) -> Voice:
    """The same as Voice(...)."""
    return Voice(voice, home=home, index=index)


@dataclass
class Voice:
    """A voice to convert with: `voice` is the name of an experiment, a .pth file or a bundle (.rvcvoice).

    `index`: a file, or "none"; by default the voice's own. The files are found and checked here (BadInput). The
    networks are loaded by the first conversion and kept for further ones with the same settings.
    """

    voice: PathLike
    home: PathLike | None = None
    index: PathLike | None = None
    _converters: dict[str, Converter] = field(default_factory=dict, init=False, repr=False)

    @in_words
    def __post_init__(self) -> None:
        index = None if self.index is None else _text(self.index, Message("api.index"))
        self.workspace = _workspace(self.home)
        path, own = resolve_voice(_text(self.voice, Message("api.voice")), self.workspace, index)
        self.path, self.index_path = path.absolute(), own and own.absolute()

    @cached_property
    @in_words
    def facts(self) -> dict[str, Any]:
        """The facts that `rvc voice info --json` prints: version, sample_rate, pitch, encoder, epochs and more."""
        from rvc_engine.voices.describe import facts_of

        return facts_of(self.path)

    @in_words
    def convert(
        self, wave: NDArray[np.floating] | NDArray[np.int16], sample_rate: int, **settings: Any
    ) -> tuple[NDArray[np.int16], int]:
        """Convert samples: (T,) or (T, C), float in -1..1 or int16, at `sample_rate` Hz. Returns the samples, (T',)
        int16 of the same duration, and their rate in Hz. `settings`: those of `rvc convert`, as in transpose=12
        (semitones), index_rate=0.75 or device="cuda". Raises BadInput for a setting that is not allowed and for a wave
        that cannot be converted."""
        from rvc_engine.audio.clipping import check_audible
        from rvc_engine.audio.io import decode
        from rvc_engine.work.convert import SOURCE_RATE

        known = _convert_settings(settings)
        try:
            with tempfile.TemporaryDirectory(prefix="rvc-") as folder:
                path = Path(folder) / "wave.wav"
                _write(path, wave, sample_rate)
                notes: list[Note] = []
                source = decode(path, SOURCE_RATE, notes)  # mixed, resampled and checked as a file is
                check_audible(source, SOURCE_RATE, notes)
            converter = self._converter(known)
            return converter.convert(source), converter.sample_rate
        except UnusableRecording as error:
            raise BadInput("api.no_wave", message_of(error)) from error

    @in_words
    def convert_file(self, source: PathLike, target: PathLike, **settings: Any) -> Path:
        """Convert one recording. `target`: a file, whose suffix determines the format, or a folder, where the setting
        `format` does. Returns the path of the result. Raises RvcError if the recording cannot be converted."""
        known = _path(source, Message("api.recording"))
        if known.is_dir():
            raise BadInput("api.is_folder", path=known)
        (path,) = self.convert_files([known], target, **settings)
        return path

    @in_words
    def convert_files(
        self, sources: Iterable[PathLike], target: PathLike, *, on_event: OnEvent | None = None, **settings: Any
    ) -> list[Path]:
        """Convert recordings, or folders of them. `target`: a folder, or a file for a single recording. Returns the
        paths of the results. One bad recording does not stop the others; at the end, RvcError names it."""
        from rvc_engine.work.convert import convert_files

        known = _convert_settings(settings)
        _check_callable(on_event)
        if isinstance(sources, str | bytes | os.PathLike) or not isinstance(sources, Iterable):
            raise BadInput("api.no_list", _as_given(sources))
        paths = [_path(source, Message("api.recording")) for source in sources]
        goal = _path(target, Message("api.place_for_results"))
        written = []
        for event in convert_files(self.path, paths, goal, known, self.index_path, self.workspace):
            if isinstance(event, Converted):
                written.append(Path(event.path))
            if on_event is not None:
                call_back(on_event, event)
        return written

    def _converter(self, settings: ConvertSettings) -> Converter:
        from rvc_engine.work.convert import load_converter

        key = settings.model_dump_json()
        if key not in self._converters:
            self._converters.clear()  # one network in memory
            self._converters[key] = load_converter(self.path, settings, self.index_path, self.workspace)
        return self._converters[key]


def _as_given(given: object) -> Message:
    return verbatim(repr(given)[:100])


def _text(given: object, what: Message) -> str:
    """A path or a name as text. Raises BadInput for anything else."""
    if not isinstance(given, str | bytes | os.PathLike):
        raise BadInput("api.no_text", _as_given(given), thing=what)
    text = os.fsdecode(given)
    if not text:
        raise BadInput("api.not_given", thing=what)
    if "\0" in text:
        raise BadInput("api.null_character", _as_given(text), thing=what)
    first, separator, _ = os.fspath(expanded(text)).partition("/")
    if separator and first.startswith("~") and not os.path.lexists(first):
        raise BadInput("api.no_user", thing=what, text=text, user=first[1:])
    return text


def _path(given: object, what: Message) -> Path:
    """An absolute path. Raises BadInput for what is none."""
    return expanded(_text(given, what)).absolute()


def _check_callable(on_event: object) -> None:
    if on_event is not None and not callable(on_event):
        raise BadInput("api.no_callback", _as_given(on_event))


def _workspace(home: PathLike | None) -> Workspace:
    return Workspace.find(str(_path(home, Message("api.workspace"))) if home is not None else None)


def _convert_settings(given: Mapping[str, Any]) -> ConvertSettings:
    settings = ConvertSettings()
    for name, value in given.items():
        if name not in ConvertSettings.model_fields:
            raise BadInput("api.no_setting", name=name, names=list(ConvertSettings.model_fields))
        set_field(settings, name, value, name)
    return settings


def _write(path: Path, wave: Any, sample_rate: int) -> None:
    """Raises UnusableRecording for what is no wave, and where the rate or the channels are none of a recording."""
    import numpy as np
    import soundfile

    from rvc_engine.audio.container import HIGHEST_RATE, LOWEST_RATE, MOST_CHANNELS

    try:
        samples = np.asarray(wave)
    except ValueError as error:
        raise UnusableRecording(Message("api.no_array", reason=message_of(error))) from error
    whole = isinstance(sample_rate, int | np.integer) and not isinstance(sample_rate, bool)
    if not whole or not LOWEST_RATE <= sample_rate <= HIGHEST_RATE:
        rate = repr(sample_rate)
        raise UnusableRecording(Message("api.rate", lowest=LOWEST_RATE, highest=HIGHEST_RATE, rate=rate))
    if samples.ndim not in (1, 2) or not samples.size:
        raise UnusableRecording(Message("api.shape", shape=str(samples.shape)))
    if samples.ndim == 2 and samples.shape[1] > MOST_CHANNELS:
        raise UnusableRecording(Message("api.too_many_channels", shape=str(samples.shape)))
    if samples.dtype == np.int16:
        soundfile.write(path, samples, sample_rate, subtype="PCM_16")
    elif np.issubdtype(samples.dtype, np.floating):
        soundfile.write(path, samples.astype(np.float32), sample_rate, subtype="FLOAT")
    else:
        raise UnusableRecording(Message("api.dtype", dtype=samples.dtype))


__all__ = [
    "DatasetReport",
    "Voice",
    "describe_dataset",
    "list_voices",
    "load_voice",
    "train",
]
