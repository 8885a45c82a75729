"""Recordings to clips: decoded, high-passed, cut at silences, levelled; at the model's rate and at 16 kHz."""

from __future__ import annotations

import os
import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rvc_engine.audio.clipping import ClipRules, cut_recording, decode_for_clips, why_no_clip, why_unusable
from rvc_engine.audio.io import resample, write_wav
from rvc_engine.audio.notes import Note, Notices
from rvc_engine.audio.slicing import SilenceRules
from rvc_engine.dataset.clip_table import (
    USED,
    WAITING,
    ClipRow,
    SourceRow,
    is_whole_wav,
    place_of,
    read_rows,
    write_rows,
)
from rvc_engine.dataset.contents import Stats, is_same, renamed, stats_of, up_to_date
from rvc_engine.dataset.files import (
    PassedOver,
    dataset_files,
    dataset_folder,
    empty_folder,
    nothing_usable,
    passed_over,
    source_name,
)
from rvc_engine.dataset.vanished import GONE, wait_for
from rvc_engine.disk import TEMPORARY, move_to_backup, remove_temporaries, sha256_of
from rvc_engine.errors import BadInput, UnusableRecording
from rvc_engine.events import Event, ItemSkipped, MovedAside, Progressed, Warned
from rvc_engine.experiment import Experiment
from rvc_engine.machine.workers import results_of, worker_count
from rvc_engine.messages import Message, message_of, verbatim
from rvc_engine.settings import ExperimentSettings

STAGE = "preprocess"
SAVE_EVERY_S = 1.0
SMALL_BYTES = 8 << 20
"""A worker process takes a second to start: less than this is done without one."""


@dataclass(frozen=True)
class SourceTask:
    """One recording to cut, and where its clips go."""

    i: int
    name: str
    path: Path
    bytes: int
    mtime_ns: int
    rules: ClipRules
    ground_truth: Path
    wavs_16k: Path


@dataclass(frozen=True)
class SourceCut:
    """The result of a recording. `refused`: (where, reason) of clips that are not used; `notes`: what is to be said of
    how it was read. `vanished`: it could no longer be read, as when a disk is unmounted: nothing is known of it."""

    row: SourceRow
    clips: list[ClipRow]
    refused: list[tuple[str, Message]]
    notes: Sequence[Note] = ()
    vanished: bool = False


def clip_rules(settings: ExperimentSettings) -> ClipRules:
    s = settings.preprocess
    silence = SilenceRules(s.threshold_db, s.min_length_ms, s.min_interval_ms, s.hop_ms, s.max_silence_ms)
    return ClipRules(
        settings.model.sample_rate,
        silence,
        s.high_pass,
        s.clip_s,
        s.overlap_s,
        s.min_clip_s,
        s.peak,
        s.alpha,
        s.max_peak,
    )


def check_ready(experiment: Experiment, settings: ExperimentSettings, *, fresh: bool = False) -> None:
    """Raises BadInput when the dataset folder cannot be read, is empty, or not one recording in it would give a clip.
    Writes nothing."""
    reasons = []
    for path in _files(settings):
        try:
            reason = why_unusable(path, clip_rules(settings))
        except UnusableRecording as unusable:
            reason = message_of(unusable)
        if not reason:
            return
        reasons.append((source_name(path, settings), reason))
    raise _nothing_usable(settings, reasons)


def _files(settings: ExperimentSettings) -> list[Path]:
    files = dataset_files(settings)
    if not files:
        raise empty_folder(settings.dataset, subfolders=settings.preprocess.subfolders)
    return files


def _nothing_usable(settings: ExperimentSettings, reasons: Sequence[tuple[str, Message]]) -> BadInput:
    return nothing_usable(settings.dataset, reasons, _passed_over(settings))


# --- in a worker process ----------------------------------------------------------------------------------------------
def cut_source(task: SourceTask) -> SourceCut:
    """Decode one recording and write its clips."""
    scratch = task.ground_truth / f".{task.i}.{os.getpid()}.decoded{TEMPORARY}"
    clips: list[ClipRow] = []
    refused: list[tuple[str, Message]] = []
    notes: list[Note] = []
    seconds = 0.0
    try:
        samples = decode_for_clips(task.path, task.rules, scratch, notes)
        seconds = len(samples) / task.rules.sample_rate
        found = cut_recording(samples, task.rules)
        for clip in found.clips:
            start_s = clip.start / task.rules.sample_rate
            if clip.refused:
                refused.append((Message("work.part_at", name=task.name, start=start_s), clip.refused))
                continue
            name = f"{task.i}_{len(clips)}"
            write_wav(task.ground_truth / f"{name}.wav", clip.samples, task.rules.sample_rate)
            write_wav(task.wavs_16k / f"{name}.wav", resample(clip.samples, task.rules.sample_rate, 16000), 16000)
            clips.append(ClipRow(name, task.i, task.name, start_s, clip.seconds, clip.level_db))
        outcome = (
            verbatim(USED) if clips else why_no_clip([reason for _, reason in refused], task.rules, found.peak, notes)
        )
    except UnusableRecording as unusable:
        outcome = message_of(unusable)
    finally:
        scratch.unlink(missing_ok=True)
    content = _content_now(task)
    row = SourceRow(task.i, task.name, task.bytes, task.mtime_ns, round(seconds, 3), len(clips), outcome, content or "")
    return SourceCut(row, clips, refused if clips else [(task.name, outcome)], notes if clips else (), content is None)


def _content_now(task: SourceTask) -> str | None:
    """sha256 of a recording that was cut; "" where it may not be read; None where it, or the disk that it is on, is no
    longer there."""
    try:
        return sha256_of(task.path)
    except OSError as error:
        return None if error.errno in GONE else ""


# --- what is there already --------------------------------------------------------------------------------------------
class Ledger:
    """The rows of clips.csv and sources.csv by source, and what to do with a folder that has changed since."""

    def __init__(self, experiment: Experiment, settings: ExperimentSettings) -> None:
        self.experiment, self.settings = experiment, settings
        self.rate = settings.model.sample_rate
        self.clips: dict[str, list[ClipRow]] = {}
        for clip in read_rows(experiment.clips_csv, ClipRow):
            self.clips.setdefault(clip.source, []).append(clip)
        self.sources = {row.source: row for row in read_rows(experiment.sources_csv, SourceRow)}
        self.numbers = {name: row.i for name, row in self.sources.items()}
        self.next_number = 1 + max(self.numbers.values(), default=-1)
        self.saved = time.monotonic()

    def follow_names(self, stats: Stats) -> None:
        """A recording that lies under another name now keeps its number and its clips."""
        for name, old in renamed(self.sources, stats).items():
            self.sources[name] = replace(self.sources.pop(old), source=name)
            self.clips[name] = [replace(clip, source=name) for clip in self.clips.pop(old, [])]
            self.numbers[name] = self.numbers.pop(old)

    def keep_only(self, stats: Stats) -> list[MovedAside]:
        """Forget sources that are gone, changed or not whole; their clips, with all that was made from them, move to a
        backup."""
        whole = {name: row for name, row in self.sources.items() if name in stats and self._is_whole(row, *stats[name])}
        self.sources = {name: up_to_date(row, *stats[name]) for name, row in whole.items()}
        recorded = {clip.clip for clips in self.clips.values() for clip in clips}
        self.clips = {name: clips for name, clips in self.clips.items() if name in self.sources}
        kept = {clip.clip for clips in self.clips.values() for clip in clips}
        stale: list[Path] = []
        for folder in (self.experiment.ground_truth, self.experiment.wavs_16k):
            remove_temporaries(folder)
        for clip in sorted({*recorded, *self.experiment.clips()} - kept, key=place_of):
            pair = [folder / f"{clip}.wav" for folder in (self.experiment.ground_truth, self.experiment.wavs_16k)]
            derived = [path for path in self._derived(clip) if path.exists()]
            if clip in recorded or derived:
                stale += [*pair, *derived]
            else:  # of a recording that was being cut when the run was stopped
                for path in pair:
                    path.unlink(missing_ok=True)
        target = move_to_backup(stale, self.experiment.folder, STAGE)
        return [MovedAside(stage=STAGE, path=str(target), reason=Message("work.recordings_changed"))] if target else []

    def _is_whole(self, row: SourceRow, path: Path, about: os.stat_result) -> bool:
        clips = self.clips.get(row.source, [])
        return (
            row.outcome == USED
            and is_same(row, path, about)
            and len(clips) == row.clips
            and all(map(self._is_there, clips))
        )

    def _is_there(self, clip: ClipRow) -> bool:
        pairs = ((self.experiment.ground_truth, self.rate), (self.experiment.wavs_16k, 16000))
        return all(is_whole_wav(folder / f"{clip.clip}.wav", round(clip.seconds * rate)) for folder, rate in pairs)

    def _derived(self, clip: str) -> list[Path]:
        e = self.experiment
        features = [path / f"{clip}.npy" for path in e.folder.glob("3_feature*")]
        return [*features, *(folder / f"{clip}.wav.npy" for folder in (e.pitch_coarse, e.pitch_hz, e.voicing))]

    def number_of(self, name: str) -> int:
        """A source keeps its number; a new one gets the next."""
        if name not in self.numbers:
            self.numbers[name] = self.next_number
            self.next_number += 1
        return self.numbers[name]

    def plan(self, tasks: list[SourceTask]) -> None:
        """Write down which number each new source has, so that a stopped run continues with the same."""
        for task in tasks:
            self.sources[task.name] = SourceRow(task.i, task.name, task.bytes, task.mtime_ns, 0.0, 0, WAITING)
        self.save()

    def add(self, cut: SourceCut) -> None:
        self.sources[cut.row.source] = cut.row
        self.clips[cut.row.source] = cut.clips
        if time.monotonic() - self.saved >= SAVE_EVERY_S:
            self.save()

    def save(self) -> None:
        rows = [clip for clips in self.clips.values() for clip in clips]
        write_rows(self.experiment.clips_csv, ClipRow, sorted(rows, key=lambda row: place_of(row.clip)))
        write_rows(self.experiment.sources_csv, SourceRow, sorted(self.sources.values(), key=lambda row: row.i))
        self.saved = time.monotonic()


# --- the stage --------------------------------------------------------------------------------------------------------
def run(experiment: Experiment, settings: ExperimentSettings) -> Iterator[Event]:
    """Cut every recording that is new or changed. A recording that cannot be used is an ItemSkipped with its reason.

    Raises BadInput when none is left.
    """
    stats = stats_of(_files(settings), settings)
    for folder in (experiment.ground_truth, experiment.wavs_16k):
        folder.mkdir(parents=True, exist_ok=True)
    ledger = Ledger(experiment, settings)
    ledger.follow_names(stats)
    yield from ledger.keep_only(stats)
    yield Progressed(stage=STAGE, done=len(ledger.sources), total=len(stats), unit="files")
    passed = _passed_over(settings)
    if passed.total:
        yield Warned(title=passed.sentence, hint=passed.hint, stage=STAGE)
    tasks = [
        task_of(experiment, settings, ledger.number_of(name), name, *stats[name])
        for name in stats
        if name not in ledger.sources
    ]
    ledger.plan(tasks)
    notices = Notices()
    try:
        while tasks:
            missing = yield from _cut_all(tasks, ledger, notices, len(stats), settings)
            tasks = [task for task in tasks if task.name in missing]
            if tasks:
                ledger.save()
                yield from wait_for([task.path for task in tasks], settings, STAGE)
        yield from (Warned(title=title, stage=STAGE) for title in notices.rest())
    finally:
        ledger.save()
        for folder in (experiment.ground_truth, experiment.wavs_16k):
            remove_temporaries(folder)
    if not any(ledger.clips.values()):
        raise _nothing_usable(settings, [(row.source, verbatim(row.outcome)) for row in ledger.sources.values()])


def _passed_over(settings: ExperimentSettings) -> PassedOver:
    return passed_over(dataset_folder(settings), subfolders=settings.preprocess.subfolders)


def task_of(
    experiment: Experiment, settings: ExperimentSettings, i: int, name: str, path: Path, about: os.stat_result
) -> SourceTask:
    """Recording `i`, to be cut into the experiment's folders."""
    rules, folders = clip_rules(settings), (experiment.ground_truth, experiment.wavs_16k)
    return SourceTask(i, name, path, about.st_size, about.st_mtime_ns, rules, *folders)


def _cut_all(
    tasks: list[SourceTask], ledger: Ledger, notices: Notices, total: int, settings: ExperimentSettings
) -> Generator[Event, None, set[str]]:
    """Cut recordings and note each in the ledger. Returns the names of those that vanished."""
    missing: set[str] = set()
    waiting = {task.name for task in tasks}
    results = _cuts(tasks, settings.preprocess.workers)
    try:
        for cut in results:
            if cut is None:
                yield Progressed(stage=STAGE, done=total - len(waiting), total=total, unit="files")
                continue
            if cut.vanished:
                missing.add(cut.row.source)
                continue
            ledger.add(cut)
            waiting.discard(cut.row.source)
            for item, reason in cut.refused:
                yield ItemSkipped(stage=STAGE, item=item, reason=reason)
            yield from (Warned(title=title, stage=STAGE) for title in notices.of(cut.row.source, cut.notes))
            yield Progressed(stage=STAGE, done=total - len(waiting), total=total, unit="files", item=cut.row.source)
    finally:
        results.close()
    return missing


def _cuts(tasks: list[SourceTask], workers: int) -> Generator[SourceCut | None, None, None]:
    count = worker_count(workers, len(tasks))
    if count == 1 and sum(task.bytes for task in tasks) <= SMALL_BYTES:
        yield from map(cut_source, tasks)
    elif tasks:
        yield from results_of(cut_source, tasks, count)


def artefacts(experiment: Experiment, settings: ExperimentSettings) -> list[Path]:
    """None: clips are for the next stages."""
    return []
