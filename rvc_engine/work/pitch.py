"""The pitch of every clip: in Hz, as the integers that the networks read, and where there is any."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rvc_engine.audio.io import read_16k
from rvc_engine.common.arrays import why_not_saved
from rvc_engine.disk import remove_temporaries
from rvc_engine.errors import RvcError, UnusableRecording
from rvc_engine.events import Event, ItemSkipped, Noted, Progressed
from rvc_engine.experiment import Experiment
from rvc_engine.machine.workers import results_of, worker_count
from rvc_engine.messages import NOTHING, Message, message_of
from rvc_engine.pitch import resolve_tracker, track_all
from rvc_engine.pitch.base import Hz, PitchTracker
from rvc_engine.pitch.coarse import coarse, fill_unvoiced
from rvc_engine.registry import PITCH_TRACKERS
from rvc_engine.settings import ExperimentSettings
from rvc_engine.workspace import Workspace

STAGE = "pitch"
CHUNK = 8
"""Clips that a worker takes at a time."""
FEW = 16
"""A worker process takes a second to start: fewer clips are done without one, by a fast method."""


@dataclass(frozen=True)
class PitchTask:
    clips: list[str]
    method: str
    device: str
    interpolate: bool
    wavs_16k: Path
    coarse: Path
    hz: Path
    voicing: Path
    workspace: Workspace

    def outputs(self, clip: str) -> tuple[Path, Path, Path]:
        name = f"{clip}.wav.npy"
        return self.coarse / name, self.hz / name, self.voicing / name


def track_clips(task: PitchTask) -> list[tuple[str, Message]]:
    """Track a few clips and write their files. -> (clip, why it is not used or NOTHING)"""
    clips = read_clips(task)
    return write_pitch(task, clips, tracked(task, clips))


@dataclass(frozen=True)
class Clips:
    """What was read: waves, and why the others cannot be."""

    waves: dict[str, NDArray[np.float32]]
    unusable: list[tuple[str, Message]]


def read_clips(task: PitchTask) -> Clips:
    clips = Clips({}, [])
    for clip in task.clips:
        try:
            clips.waves[clip] = read_16k(task.wavs_16k / f"{clip}.wav")
        except UnusableRecording as unusable:
            clips.unusable.append((clip, message_of(unusable)))
    return clips


def tracked(task: PitchTask, clips: Clips) -> Iterator[Hz]:
    return track_all(task.method, list(clips.waves.values()), device=task.device, workspace=task.workspace)


def write_pitch(task: PitchTask, clips: Clips, pitches: Iterable[Hz]) -> list[tuple[str, Message]]:
    results = list(clips.unusable)
    for clip, f0 in zip(clips.waves, pitches, strict=True):
        filled = fill_unvoiced(f0) if task.interpolate else f0
        outputs = zip(task.outputs(clip), (coarse(filled), filled, f0 > 0), strict=True)
        results.append((clip, next(filter(None, (why_not_saved(path, values) for path, values in outputs)), NOTHING)))
    return results


def check_ready(experiment: Experiment, settings: ExperimentSettings, *, fresh: bool = False) -> None:
    """Raises BadInput for a method that does not work here, a device that is not there, or weights that cannot be
    read."""
    tracker = resolve_tracker(settings.pitch.method, experiment.workspace, preset=settings.preset)
    if tracker.is_network and settings.pitch.device != "auto":
        _device_of(settings)
    if tracker.weights:
        tracker.load("cpu", experiment.workspace)
        tracker.release()
    elif tracker.package:
        tracker.imported()


def _device_of(settings: ExperimentSettings) -> str:
    """Raises BadInput when it is not there."""
    from rvc_engine.machine.device import use_device

    return str(use_device(settings.pitch.device))


def run(experiment: Experiment, settings: ExperimentSettings) -> Iterator[Event]:
    """Track every clip that has no pitch yet. A damaged clip is an ItemSkipped; a wholly unvoiced one is kept, with
    zeros.

    Raises RvcError when there is no clip, or none that can be read; BadInput for a method that does not work here.
    """
    tracker = resolve_tracker(settings.pitch.method, experiment.workspace, preset=settings.preset)
    device = _device_of(settings) if tracker.is_network else "cpu"
    folders = (experiment.pitch_coarse, experiment.pitch_hz, experiment.voicing)
    task = PitchTask(
        [],
        tracker.name,
        device,
        settings.pitch.unvoiced == "interpolate",
        experiment.wavs_16k,
        *folders,
        experiment.workspace,
    )
    _load(tracker, device, experiment.workspace)
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
        remove_temporaries(folder)
    clips = experiment.clips()
    waiting = [clip for clip in clips if not all(path.is_file() for path in task.outputs(clip))]
    done = tracked = len(clips) - len(waiting)
    notes: list[Message] = []
    results = _results(task, waiting, settings.pitch.workers, notes)
    try:
        yield Progressed(stage=STAGE, done=done, total=len(clips), unit="clips")
        for some in results:
            yield from (Noted(text=notes.pop(), stage=STAGE) for _ in list(notes))
            for clip, reason in some or []:
                done += 1
                tracked += not reason
                if reason:
                    yield ItemSkipped(stage=STAGE, item=clip, reason=reason)
                yield Progressed(stage=STAGE, done=done, total=len(clips), unit="clips", item=clip)
            if some is None:
                yield Progressed(stage=STAGE, done=done, total=len(clips), unit="clips")
    finally:
        results.close()
        tracker.release()
        for folder in folders:
            remove_temporaries(folder)
    if not tracked:
        raise RvcError("work.no_clip_to_track", folder=experiment.wavs_16k)


def _load(tracker: PitchTracker, device: str, workspace: Workspace) -> None:
    """Raises BadInput for a package or a file of weights that does not work."""
    if device == "cpu":
        tracker.load(device, workspace)
        return
    from rvc_engine.pitch.checked import CheckedTracker

    CheckedTracker(tracker.name, device, workspace).load()


def _results(
    task: PitchTask, clips: list[str], workers: int, notes: list[Message]
) -> Generator[list[tuple[str, Message]] | None, None, None]:
    """Networks run in this process; other methods take a core each. `notes` gets what is worth saying."""
    count = worker_count(workers, -(-len(clips) // CHUNK))
    tracker = PITCH_TRACKERS.get(task.method)
    if tracker.is_network:
        from rvc_engine.work.pitch_networks import in_this_process

        yield from in_this_process(task, clips, notes)
    elif (len(clips) <= FEW and not tracker.is_slow) or len(clips) <= 2:
        yield from (track_clips(replace(task, clips=[clip])) for clip in clips)
    else:
        chunks = [replace(task, clips=clips[first : first + CHUNK]) for first in range(0, len(clips), CHUNK)]
        yield from results_of(track_clips, chunks, count)


def artefacts(experiment: Experiment, settings: ExperimentSettings) -> list[Path]:
    """None: pitch is for the next stages."""
    return []
