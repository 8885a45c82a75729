"""Extract the content features of each clip."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from rvc_engine.disk import sha256_of
from rvc_engine.experiment import Experiment
from rvc_engine.messages import Message
from rvc_engine.registry import CONTENT_ENCODERS, STAGES
from rvc_engine.stages.stage import OwnStage

if TYPE_CHECKING:
    from rvc_engine.assets.manifest import Asset
    from rvc_engine.settings import ExperimentSettings


class Features(OwnStage):
    title = Message("stages.features")
    unit = "clips"
    needs = ("preprocess",)
    incremental = True

    def needs_of(self, settings: ExperimentSettings) -> list[str]:
        """A base also needs the encoder that it trains."""
        return [*super().needs_of(settings), *(["encoder"] if STAGES.get("encoder").belongs_to(settings) else [])]

    def outputs(self, experiment: Experiment, settings: ExperimentSettings) -> list[Path]:
        return [experiment.features(settings.model.feature_dim), experiment.mute]

    def other_outputs(self, experiment: Experiment) -> list[Path]:
        return experiment.feature_folders()

    def requires(self, asset: Asset, experiment: Experiment, settings: ExperimentSettings, *, fresh: bool) -> bool:
        return asset.name in CONTENT_ENCODERS.get(settings.model.encoder).weights

    def identity(self, experiment: Experiment, settings: ExperimentSettings) -> dict[str, Any]:
        return {**super().identity(experiment, settings), **encoder_identity(experiment, settings)}


def encoder_identity(experiment: Experiment, settings: ExperimentSettings) -> dict[str, Any]:
    """Which encoder makes the features: its name, and for a base that trains its own the digest of its file."""
    identity: dict[str, Any] = {"encoder": settings.model.encoder}
    if STAGES.get("encoder").belongs_to(settings):
        identity["encoder_sha256"] = sha256_of(experiment.own_encoder) if experiment.own_encoder.is_file() else ""
    return identity
