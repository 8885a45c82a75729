"""What an experiment knows about its voice beyond the weights."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from rvc_engine.dataset.clip_table import ClipRow, read_rows
from rvc_engine.errors import RvcError
from rvc_engine.experiment import Experiment
from rvc_engine.settings import ExperimentSettings
from rvc_engine.voices.pitch_range import range_of_clips


def about_recordings(experiment: Experiment, settings: ExperimentSettings) -> dict[str, Any]:
    """Entries of the small model: minutes of clips, and with pitch how it was filled and the range of the voice in
    Hz."""
    about: dict[str, Any] = {}
    with suppress(RvcError):  # a voice is saved without its minutes rather than not at all
        if seconds := sum(row.seconds for row in read_rows(experiment.clips_csv, ClipRow)):
            about["minutes"] = round(seconds / 60, 2)
    if settings.pitched:
        about["unvoiced"] = settings.pitch.unvoiced
        found = range_of_clips(experiment.pitch_hz, experiment.voicing, experiment.clips())
        if found:
            about["pitch_hz"] = list(found)
    return about
