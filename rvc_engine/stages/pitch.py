"""Track the pitch of each clip."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rvc_engine.assets.manifest import Asset, tracker_of
from rvc_engine.experiment import Experiment
from rvc_engine.messages import Message
from rvc_engine.stages.stage import OwnStage

if TYPE_CHECKING:
    from rvc_engine.settings import ExperimentSettings


class Pitch(OwnStage):
    title = Message("stages.pitch")
    unit = "clips"
    needs = ("preprocess",)
    workers = ("rvc_engine.work.pitch", "rvc_engine.pitch.praat", "parselmouth")
    incremental = True
    is_optional = True

    def belongs_to(self, settings: ExperimentSettings) -> bool:
        return settings.pitched

    def outputs(self, experiment: Experiment, settings: ExperimentSettings) -> list[Path]:
        return [experiment.pitch_coarse, experiment.pitch_hz, experiment.voicing]

    def requires(self, asset: Asset, experiment: Experiment, settings: ExperimentSettings, *, fresh: bool) -> bool:
        tracker = tracker_of(asset)
        return tracker is not None and tracker.name == settings.pitch.method

    def suggests(self, asset: Asset) -> bool:
        return tracker_of(asset) is not None
