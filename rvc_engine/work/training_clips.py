"""Which clips a training learns from: those that are whole, and how they differ from those that it has learnt from
before."""

from __future__ import annotations

import json
import os
from pathlib import Path

from rvc_engine.common.opening import read_bytes
from rvc_engine.dataset.clip_table import ClipRow, SourceRow, read_rows
from rvc_engine.errors import RvcError
from rvc_engine.events import ItemSkipped
from rvc_engine.experiment import Experiment
from rvc_engine.messages import NOTHING, Message
from rvc_engine.settings import ExperimentSettings
from rvc_engine.training.dataset import ClipDataset, Row
from rvc_engine.work.speakers import clip_speakers
from rvc_engine.workspace import Workspace

NAME = "train"
OTHER_LENGTH = 50  # frames: trackers and encoders differ by a few at the end of a clip


def _row(folder: Path, settings: ExperimentSettings, name: str, speaker: int) -> Row:
    """Files of a clip below `folder`, an experiment's or its mute folder: both have the same sub-folders."""
    experiment = Experiment(folder, Workspace(folder))
    coarse, hz = (where / f"{name}.wav.npy" for where in (experiment.pitch_coarse, experiment.pitch_hz))
    pitched = settings.pitched
    features = experiment.features(settings.model.feature_dim) / f"{name}.npy"
    return Row(
        experiment.ground_truth / f"{name}.wav", features, coarse if pitched else None, hz if pitched else None, speaker
    )


def usable_rows(experiment: Experiment, settings: ExperimentSettings) -> tuple[list[Row], list[ItemSkipped]]:
    """Clips that have all their files and hold a training slice, and the others with a reason. Raises RvcError when
    none is left."""
    probe = ClipDataset([], settings.model)
    rows, skipped = [], []
    speakers = clip_speakers(experiment, settings)
    for name in experiment.clips():
        row = _row(experiment.folder, settings, name, speakers.get(name, settings.train.speaker))
        if reason := _why_unusable(row, probe, settings.model.segment_frames):
            skipped.append(ItemSkipped(stage=NAME, item=name, reason=reason))
        else:
            rows.append(row)
    if not rows:
        why = Message("work.no_clip_there", folder=experiment.ground_truth)
        if skipped:
            why = Message("work.no_clip_usable", count=len(skipped), reason=skipped[0].reason)
        raise RvcError("work.no_clip", why)
    return rows, skipped


def training_set(experiment: Experiment, rows: list[Row]) -> dict[str, str]:
    """Clip to the sha256 of the recording that it was cut from; empty where that is not known."""
    contents = {row.source: row.sha256 for row in read_rows(experiment.sources_csv, SourceRow)}
    sources = {row.clip: contents.get(row.source, "") for row in read_rows(experiment.clips_csv, ClipRow)}
    return {row.wave.stem: sources.get(row.wave.stem, "") for row in rows if row.wave.parent == experiment.ground_truth}


def changes(experiment: Experiment, now: dict[str, str]) -> Message:
    """How the clips differ from those that the training has learnt from so far; NOTHING where they do not, or where
    that is not known."""
    try:
        before = json.loads(read_bytes(experiment.training_set))
        then = {str(clip): str(content) for clip, content in before.items()}
    except (OSError, ValueError, AttributeError):
        return NOTHING
    added, removed = now.keys() - then.keys(), then.keys() - now.keys()
    others = [clip for clip in now.keys() & then.keys() if now[clip] and then[clip] and now[clip] != then[clip]]
    counts = {"work.clips_added": len(added), "work.clips_removed": len(removed), "work.clips_changed": len(others)}
    found = [Message(code, count=count) for code, count in counts.items() if count]
    return Message("work.changes", changes=found) if found else NOTHING


def used_all_inputs(experiment: Experiment, settings: ExperimentSettings) -> bool:
    """False when clips came, went or changed after the last epoch that was trained."""
    return not changes(experiment, training_set(experiment, usable_rows(experiment, settings)[0]))


def _why_unusable(row: Row, probe: ClipDataset, least: int) -> Message:
    """Why a clip cannot be trained on, by the headers of its files; empty where it can."""
    missing = [path for path in row.files() if not os.path.lexists(path)]
    if missing:
        return Message("work.clip_lacks", count=len(missing), folders=[path.parent.name for path in missing])
    try:
        covered = probe.coverage(row)
    except RvcError as error:
        return error.summary
    whole = max(covered.values())
    for path, frames in covered.items():
        if whole - frames > OTHER_LENGTH:
            return Message("work.of_another_clip", path=path, seconds=frames / 100, whole=whole / 100)
    return Message("work.clip_too_short", least=least * 10) if min(covered.values()) < least else NOTHING


def mute_rows(experiment: Experiment, settings: ExperimentSettings) -> list[Row]:
    """Rows of silence, if the stages before made any that holds a training slice."""
    row = _row(experiment.mute, settings, "mute", settings.train.speaker)
    if (
        not all(path.is_file() for path in row.files())
        or ClipDataset([], settings.model).frames(row) < settings.model.segment_frames
    ):
        return []
    return [row] * settings.train.mutes
