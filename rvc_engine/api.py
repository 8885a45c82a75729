"""The engine for notebooks and other programs: train a voice, convert with it, look at recordings and voices.

    import rvc_engine

    voice = rvc_engine.train("alice", "recordings/alice", settings={"train.epochs": 100})
    voice.convert_file("song.wav", "song-alice.wav", transpose=12)

A workspace is the folder that holds logs/, weights/ and pretrained/: `home`, else $RVC_HOME, else the current folder.
Every error is an RvcError with `title`, `message` and `hint`; BadInput is one that was found before anything was
written.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rvc_engine.errors import BadInput as BadInput
from rvc_engine.errors import RvcError as RvcError
from rvc_engine.errors import Stopped, UnusableRecording
from rvc_engine.events import Converted, Event
from rvc_engine.experiment import Experiment, Workspace
from rvc_engine.setting import set_field
from rvc_engine.settings import ConvertSettings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from rvc_engine.conversion.converter import Converter
    from rvc_engine.dataset.report import FileReport

PathLike = str | os.PathLike[str]
OnEvent = Callable[[Event], None]
MOST_CHANNELS = 64
STOP_S = 600.0  # a run that is asked to stop finishes its step first


# --- recordings -------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class DatasetReport:
    """What `rvc dataset` says of a folder. `summary`: seconds and counts by name; `findings`: each with code, severity
    (good, note, warning or problem), what was found, why it matters and what to do."""

    folder: Path
    files: list[FileReport]
    summary: dict[str, Any]
    findings: list[dict[str, Any]]


def describe_dataset(folder: PathLike, *, subfolders: bool = False, workers: int = 0) -> DatasetReport:
    """Measure every recording of a folder; what was measured before is read from a cache. `workers`: processes, 0 means
    one a core. Raises BadInput when the folder cannot be read or holds no file."""
    from rvc_engine.dataset.files import passed_over
    from rvc_engine.dataset.findings import findings_of
    from rvc_engine.dataset.folder import Folder, summary_of
    from rvc_engine.dataset.survey import measure_all, recordings_in

    if not os.fspath(folder):
        raise BadInput("No folder of recordings is given", "", "describe_dataset takes the path of one")
    path = Path(folder).expanduser().absolute()
    tasks = recordings_in(path, subfolders=subfolders)
    reports = (report for report in measure_all(path, tasks, workers=workers) if report is not None)
    files = sorted(reports, key=lambda report: report.name)
    findings = findings_of(files, passed_over(path, subfolders=subfolders))
    return DatasetReport(path, files, dict(summary_of(Folder(files))), [asdict(finding) for finding in findings])


# --- training ---------------------------------------------------------------------------------------------------------
def train(
    name: str,
    dataset: PathLike = "",
    *,
    home: PathLike | None = None,
    preset: str = "",
    pitched: bool | None = None,
    settings: Mapping[str, Any] | None = None,
    until: str = "",
    fresh: bool = False,
    agreed: bool = False,
    on_event: OnEvent | None = None,
) -> Voice:
    """Train a voice, or resume one: as `rvc run NAME`, in an engine process of its own, until its end.

    `dataset`: a folder of recordings, needed the first time. `settings`: "STAGE.name" to a value, as in
    {"train.epochs": 100}; they are kept. `until`: the last stage to run. `fresh`: start anew, the old work is moved to
    a backup. `agreed`: do what is refused otherwise, such as restarting a training from step 0. `on_event`: called with
    each event (rvc_engine.events) as it is written. When the calling program is killed the run continues; an exception
    from `on_event`, KeyboardInterrupt included, stops it, what is done is saved, and the exception is raised again.

    Raises BadInput for what can be known before anything is written, Busy when another run holds the experiment,
    Stopped when somebody else stopped it, RvcError when it failed.
    """
    experiment = _workspace(home).experiment(name)
    view = _run(experiment, dataset, preset, pitched, settings or {}, until, fresh, agreed, on_event)
    if view.state == "stopped":
        raise Stopped(f"The run of {experiment.name} was stopped", f"during {view.stage or 'the start'}")
    if view.state != "finished":
        error = view.error or {"title": f"The run of {experiment.name} ended without a word"}
        raise RvcError(error["title"], error.get("message", ""), error.get("hint", ""))
    return Voice(experiment.name, home=home)


def _run(
    experiment: Experiment,
    dataset: PathLike,
    preset: str,
    pitched: bool | None,
    settings: Mapping[str, Any],
    until: str,
    fresh: bool,
    agreed: bool,
    on_event: OnEvent | None,
) -> Any:
    from rvc_engine.run import launcher
    from rvc_engine.run.begin import Request, check_ready, refuse_busy, settle
    from rvc_engine.run.receipts import plan, why_to_ask
    from rvc_engine.run.stage_list import stages_until
    from rvc_engine.run.view import RunView

    refuse_busy(experiment, take_over=False)
    request = Request(os.fspath(dataset) if dataset else "", preset, pitched, settings, fresh)
    known, _ = settle(experiment, request)
    stages = stages_until(until, known)
    check_ready(experiment, known, stages, fresh=fresh, auto_pitch=request.leaves_pitch_open(experiment))
    if not (fresh or agreed) and (doubt := why_to_ask(experiment, known, plan(experiment, known, stages))) is not None:
        raise doubt
    engine = launcher.start(experiment, known, [stage.name for stage in stages], fresh=fresh)
    view = RunView(name=experiment.name, folder=str(experiment.folder))
    try:
        for batch in launcher.follow(engine):
            for event in batch:
                view.fold(event)
                if on_event is not None:
                    on_event(view.own(event))
    except BaseException:
        launcher.stop(experiment, wait_s=STOP_S)
        raise
    if view.state == "running":
        view.note_gone()
    return view


# --- voices -----------------------------------------------------------------------------------------------------------
def list_voices(home: PathLike | None = None) -> list[dict[str, Any]]:
    """The voices of a workspace, newest first, as `rvc voice list --json` prints them: "voice" is what Voice takes."""
    from rvc_engine.run.voice_list import rows_of

    return rows_of(_workspace(home))


def load_voice(voice: PathLike, *, home: PathLike | None = None, index: PathLike | None = None) -> Voice:
    """As Voice(...)."""
    return Voice(voice, home=home, index=index)


@dataclass
class Voice:
    """A voice that is ready to convert: the name of an experiment, a .pth file or a bundle (.rvcvoice).

    `index`: a file, or "none"; otherwise the voice's own. The files are found and checked here (BadInput); networks
    are loaded when something is first converted and kept for calls with the same settings.
    """

    voice: PathLike
    home: PathLike | None = None
    index: PathLike | None = None
    _converters: dict[str, Converter] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        from rvc_engine.work.convert import resolve_voice

        index = None if self.index is None else os.fspath(self.index)
        self.workspace = _workspace(self.home)
        self.path, self.index_path = resolve_voice(os.fspath(self.voice), self.workspace, index)

    @cached_property
    def facts(self) -> dict[str, Any]:
        """What `rvc voice info --json` prints: version, sample_rate, pitch, encoder, epochs and more."""
        from rvc_engine.voices.describe import facts_of

        return facts_of(self.path)

    def convert(
        self, wave: NDArray[np.floating] | NDArray[np.int16], sample_rate: int, **settings: Any
    ) -> tuple[NDArray[np.int16], int]:
        """(T,) or (T, C) samples, float in -1..1 or int16, at `sample_rate` Hz -> ((T',) int16, Hz), of the same length
        in time. `settings`: those of `rvc convert`, as in transpose=12 (semitones), index_rate=0.75 or device="cuda".
        Raises BadInput for a setting that is not allowed, UnusableRecording for a wave
        that holds nothing to convert.
        """
        from rvc_engine.audio.clipping import check_audible
        from rvc_engine.audio.io import decode
        from rvc_engine.audio.notes import Note
        from rvc_engine.work.convert import SOURCE_RATE

        with tempfile.TemporaryDirectory(prefix="rvc-") as folder:
            path = Path(folder) / "wave.wav"
            _write(path, wave, sample_rate)
            notes: list[Note] = []
            source = decode(path, SOURCE_RATE, notes)  # mixed, resampled and judged as a file is
            check_audible(source, SOURCE_RATE, notes)
        converter = self._converter(_convert_settings(settings))
        return converter.convert(source), converter.sample_rate

    def convert_file(self, source: PathLike, target: PathLike, **settings: Any) -> Path:
        """One recording. `target`: a file; its suffix says the format unless `format` does. Returns its path. Raises
        RvcError when it cannot be converted."""
        if os.path.isdir(os.path.expanduser(source)):
            raise BadInput(f"{os.fspath(source)} is a folder", "", "convert_files takes folders")
        (path,) = self.convert_files([source], target, **settings)
        return path

    def convert_files(
        self, sources: Iterable[PathLike], target: PathLike, *, on_event: OnEvent | None = None, **settings: Any
    ) -> list[Path]:
        """Recordings, or folders of them; `target`: a folder, or a file for a single recording. Returns what was
        written. One bad recording does not stop the others: they are written, then RvcError names it."""
        from rvc_engine.work.convert import convert_files

        known = _convert_settings(settings)
        paths = [Path(source).expanduser().absolute() for source in sources]
        goal = Path(target).expanduser().absolute()
        written = []
        for event in convert_files(self.path, paths, goal, known, self.index_path, self.workspace):
            if isinstance(event, Converted):
                written.append(Path(event.path))
            if on_event is not None:
                on_event(event)
        return written

    def _converter(self, settings: ConvertSettings) -> Converter:
        from rvc_engine.work.convert import load_converter

        key = settings.model_dump_json()
        if key not in self._converters:
            self._converters.clear()  # one network in memory
            self._converters[key] = load_converter(self.path, settings, self.index_path, self.workspace)
        return self._converters[key]


def _workspace(home: PathLike | None) -> Workspace:
    return Workspace.find(os.fspath(home) if home is not None else None)


def _convert_settings(given: Mapping[str, Any]) -> ConvertSettings:
    settings = ConvertSettings()
    for name, value in given.items():
        if name not in ConvertSettings.model_fields:
            known = ", ".join(ConvertSettings.model_fields)
            raise BadInput(f"There is no setting {name!r} of convert", "", f"there are {known}")
        set_field(settings, name, value, name)
    return settings


def _write(path: Path, wave: Any, sample_rate: int) -> None:
    import numpy as np
    import soundfile

    samples = np.asarray(wave)
    if isinstance(sample_rate, bool) or not isinstance(sample_rate, int | np.integer) or sample_rate < 1:
        raise UnusableRecording(f"a sample rate is a whole number of Hz, not {sample_rate!r}")
    if samples.ndim == 2 and samples.shape[1] > MOST_CHANNELS:
        raise UnusableRecording(
            f"a wave is (T,) or (T, channels) samples: {samples.shape} would be {samples.shape[1]} channels"
        )
    if samples.ndim not in (1, 2) or not samples.size:
        raise UnusableRecording(f"a wave is (T,) or (T, channels) samples, not {samples.shape}")
    if samples.dtype == np.int16:
        soundfile.write(path, samples, sample_rate, subtype="PCM_16")
    elif np.issubdtype(samples.dtype, np.floating):
        soundfile.write(path, samples.astype(np.float32), sample_rate, subtype="FLOAT")
    else:
        raise UnusableRecording(f"samples are floats in -1..1 or int16, not {samples.dtype}")


__all__ = [
    "DatasetReport",
    "Voice",
    "describe_dataset",
    "list_voices",
    "load_voice",
    "train",
]
