"""Which row of the speaker table each clip trains: one for all, or one for each sub-folder of the dataset."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePath

from rvc_engine.dataset.clip_table import ClipRow, read_rows
from rvc_engine.dataset.contents import known_sources
from rvc_engine.errors import BadInput
from rvc_engine.experiment import Experiment
from rvc_engine.messages import Message
from rvc_engine.settings import ExperimentSettings


def speaker_rows(names: Iterable[str], first: int) -> dict[str, int]:
    """Sub-folders to rows. Where every name is a number, that is the row; else they are counted from `first` in their
    order."""
    ordered = sorted(set(names))
    if ordered and all(name.isascii() and name.isdigit() for name in ordered):
        return {name: int(name) for name in ordered}
    return {name: first + place for place, name in enumerate(ordered)}


def folder_of(source: str) -> str:
    """The sub-folder that a recording is in, the first below the dataset; empty for one in the dataset itself."""
    parts = PurePath(source).parts
    return parts[0] if len(parts) > 1 else ""


def speakers_of(settings: ExperimentSettings, sources: Iterable[str]) -> dict[str, int]:
    """Sub-folder to row; {} when all recordings are of one speaker. Raises BadInput when recordings have no folder, two
    folders one row, or the table too few rows."""
    if settings.train.speakers == "one":
        return {}
    names = {folder_of(source) for source in sources}
    if "" in names:
        raise BadInput("work.no_folder_of_speaker", dataset=settings.dataset)
    rows = speaker_rows(names, settings.train.speaker)
    if len(set(rows.values())) < len(rows):
        raise BadInput("work.one_number_twice", names=sorted(rows))
    highest = max(rows.values(), default=0)
    if highest >= settings.model.speakers:
        last, preset = settings.model.speakers - 1, settings.preset
        why = Message("work.folders_reach", count=len(rows), highest=highest, preset=preset, last=last)
        raise BadInput("work.too_many_speakers", why)
    return rows


def check_speakers(experiment: Experiment, settings: ExperimentSettings) -> None:
    """Raises BadInput as `speakers_of`, from the dataset folder, or from what was cut of it when the recordings are
    gone."""
    if settings.train.speakers == "folders":
        if not settings.preprocess.subfolders:
            raise BadInput("work.subfolders_off")
        speakers_of(settings, known_sources(experiment, settings))


def clip_speakers(experiment: Experiment, settings: ExperimentSettings) -> dict[str, int]:
    """Clip to row; {} when all are train.speaker's."""
    if settings.train.speakers == "one":
        return {}
    clips = read_rows(experiment.clips_csv, ClipRow)
    rows = speakers_of(settings, (clip.source for clip in clips))
    return {clip.clip: rows[folder_of(clip.source)] for clip in clips} if rows else {}
