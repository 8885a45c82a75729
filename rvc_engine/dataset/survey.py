"""A folder of recordings: every file measured by worker processes, and the measurements kept for the next time."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rvc_engine.common.given_paths import why_no_folder
from rvc_engine.dataset.files import dataset_files, empty_folder
from rvc_engine.dataset.kept import Kept
from rvc_engine.dataset.report import PITCH_FLOOR_HZ, PITCH_STEPS, FileReport
from rvc_engine.errors import RvcError, UnusableRecording
from rvc_engine.machine.workers import results_of, worker_count
from rvc_engine.messages import Message, message_of
from rvc_engine.settings import ExperimentSettings, PreprocessSettings

SMALL_BYTES = 1 << 20
"""A worker process takes a second to start: less than this is measured without one."""
LOST = Message("dataset.process_ended")
NOT_KEPT = (LOST.code, "audio.no_permission", "audio.cannot_be_read", "dataset.cannot_be_measured")
"""Reasons that may be gone the next time although the file is the same."""


@dataclass(frozen=True)
class FileTask:
    name: str
    path: Path
    bytes: int
    mtime_ns: int


# --- in a worker process ----------------------------------------------------------------------------------------------
def measure_file(task: FileTask) -> FileReport:
    from rvc_engine.audio.survey import survey

    known: dict[str, Any] = {"name": task.name, "bytes": task.bytes, "mtime_ns": task.mtime_ns}
    try:
        m = survey(task.path)
    except UnusableRecording as error:
        return FileReport(**known, readable=False, unusable=message_of(error))
    except (ArithmeticError, LookupError, OSError, ValueError, MemoryError) as error:  # what nobody has thought of
        reason = Message("dataset.cannot_be_measured", reason=message_of(error))
        return FileReport(**known, readable=False, unusable=reason)
    return FileReport(
        **known,
        readable=True,
        unusable=m.unusable,
        seconds=round(m.seconds, 3),
        usable_seconds=round(m.usable_seconds, 3),
        longest_seconds=round(m.longest_seconds, 3),
        codec=m.codec,
        sample_rate=m.sample_rate,
        channels=m.channels,
        channel_kind=m.channel_kind,
        bandwidth_hz=m.bandwidth.hz if m.bandwidth else None,
        low_passed=bool(m.bandwidth and m.bandwidth.wall),
        clipped_share=_rounded(m.clipped_share, 7) or 0.0,
        silence_share=_rounded(m.silence_share, 4) or 0.0,
        noise_dbfs=_rounded(m.noise_dbfs, 1),
        snr_db=_rounded(m.snr_db, 1),
        loudness_lufs=_rounded(m.loudness_lufs, 1),
        peak_dbfs=_rounded(m.peak_dbfs, 1),
        dc_offset=_rounded(m.dc_offset, 5) or 0.0,
        sha256=m.sha256,
        fingerprint=m.fingerprint,
        notes={note.code: str(note.text) for note in m.notes},
        **_pitch(m.loudest),
    )


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(float(value), digits)


def _pitch(parts: Sequence[object]) -> dict[str, Any]:
    """The fields on pitch, of (T,) waves at 16 kHz."""
    import numpy as np

    from rvc_engine.pitch.praat import praat_frames
    from rvc_engine.voices.pitch_range import range_of

    voiced = [hz[hz > 0] for hz in (praat_frames(np.asarray(part)) for part in parts)]
    hz = np.concatenate([np.zeros(0), *voiced])
    found = range_of(hz)
    steps = np.clip(24 * np.log2(np.maximum(hz, PITCH_FLOOR_HZ) / PITCH_FLOOR_HZ), 0, PITCH_STEPS - 1).astype(int)
    return {
        "pitch_hz": list(found) if found else None,
        "voiced_seconds": len(hz) / 100,
        "pitch_parts": [[round(float(np.median(part)), 1), len(part) / 100] for part in voiced if len(part)],
        "pitch_counts": np.bincount(steps, minlength=PITCH_STEPS).tolist() if found else [],
    }


# --- the folder -------------------------------------------------------------------------------------------------------
def recordings_in(folder: Path, *, subfolders: bool = False) -> list[FileTask]:
    """The files that `rvc run --dataset` would read. Raises BadInput when the folder cannot be read or holds none."""
    if not os.path.isdir(folder):
        raise why_no_folder(str(folder), survey=True)
    tasks = []
    for path in dataset_files(
        ExperimentSettings(dataset=str(folder), preprocess=PreprocessSettings(subfolders=subfolders))
    ):
        try:
            stat = path.stat()
        except OSError:  # removed meanwhile
            continue
        name = os.fsencode(path.relative_to(folder)).decode(errors="backslashreplace")
        tasks.append(FileTask(name, path, stat.st_size, stat.st_mtime_ns))
    if not tasks:
        raise empty_folder(str(folder), subfolders=subfolders)
    return tasks


def measure_all(folder: Path, tasks: Sequence[FileTask], *, workers: int = 0) -> Iterator[FileReport | None]:
    """A report for each file as it is ready, those that are known first; None each time that 5 s passed without one.

    What is measured is kept, also when it is stopped in between.
    """
    kept = Kept(folder)
    known = {
        task.name: report for task in tasks if (report := kept.of(task.name, task.bytes, task.mtime_ns)) is not None
    }
    yield from known.values()
    try:
        for report in _measured([task for task in tasks if task.name not in known], workers):
            if report is not None and report.unusable.code not in NOT_KEPT:
                kept.add(report)
            yield report
    finally:
        kept.save()


def _measured(tasks: list[FileTask], workers: int) -> Iterator[FileReport | None]:
    """Files that end a worker process are found by measuring them alone."""
    count = worker_count(workers, len(tasks))
    if sum(task.bytes for task in tasks) <= SMALL_BYTES * (4 if count == 1 else 1):
        yield from map(measure_file, tasks)
        return
    waiting = {task.name: task for task in tasks}
    while waiting:
        try:
            for report in results_of(measure_file, list(waiting.values()), worker_count(workers, len(waiting))):
                if report is not None:
                    waiting.pop(report.name, None)
                yield report
        except RvcError:
            for task in list(waiting.values())[: 2 * count + 1]:  # those that had been handed to a worker
                del waiting[task.name]
                yield _measured_alone(task)


def _measured_alone(task: FileTask) -> FileReport:
    try:
        return next(report for report in results_of(measure_file, [task], 1) if report is not None)
    except RvcError:
        known: dict[str, Any] = {"name": task.name, "bytes": task.bytes, "mtime_ns": task.mtime_ns}
        return FileReport(**known, readable=False, unusable=LOST)
