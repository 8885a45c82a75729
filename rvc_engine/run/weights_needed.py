"""The published weights that a run needs and that are missing."""

from __future__ import annotations

from rvc_engine.assets.manifest import Asset, encoder_of, find, needs, read_manifest, tracker_of
from rvc_engine.assets.pretrained import pretrained_names
from rvc_engine.errors import BadInput
from rvc_engine.experiment import Experiment
from rvc_engine.messages import Message, verbatim
from rvc_engine.presets import PUBLIC_PRESETS
from rvc_engine.registry import CONTENT_ENCODERS
from rvc_engine.settings import ExperimentSettings


class WeightsMissing(BadInput):
    """A run needs published weights that are missing: `assets`, which `rvc assets pull PRESET` downloads."""

    def __init__(self, preset: str, assets: list[Asset], *, pitched: bool) -> None:
        self.preset, self.assets = preset, assets
        names = verbatim(", ".join(asset.name for asset in assets))
        title = (
            Message("run.weights_missing", preset=preset)
            if pitched
            else Message("run.weights_missing_unpitched", preset=preset)
        )
        super().__init__(title, names)


def check_weights(
    experiment: Experiment, settings: ExperimentSettings, stages: list[str], *, fresh: bool, auto_pitch: bool
) -> None:
    """Raises WeightsMissing when one of the `stages` that will run requires a published file that is missing.

    With `auto_pitch` the error also names the pitch tracker, though a run does not require it.
    """
    if settings.preset not in PUBLIC_PRESETS:
        return
    wanted = needs(read_manifest(experiment.workspace), settings.preset, pitched=settings.pitched)
    lacking = [asset for asset in wanted if find(experiment.workspace, asset) is None]
    required = [asset for asset in lacking if _is_required(asset, experiment, settings, stages, fresh)]
    if required:
        along = [asset for asset in lacking if tracker_of(asset) and auto_pitch and "pitch" in stages]
        named = [asset for asset in lacking if asset in required or asset in along]
        raise WeightsMissing(settings.preset, named, pitched=settings.pitched)


def _is_required(
    asset: Asset, experiment: Experiment, settings: ExperimentSettings, stages: list[str], fresh: bool
) -> bool:
    if encoder_of(asset):
        return "features" in stages and asset.name in CONTENT_ENCODERS.get(settings.model.encoder).weights
    if tracker := tracker_of(asset):
        return "pitch" in stages and settings.pitch.method == tracker.name
    if not pretrained_names(settings.preset, "G", settings.model):
        return False
    given = settings.train.pretrained_g if "G" in asset.name else settings.train.pretrained_d
    return "train" in stages and not given and (fresh or not _has_checkpoint(experiment))


def _has_checkpoint(experiment: Experiment) -> bool:
    from rvc_engine.training.store import CheckpointStore

    return bool(CheckpointStore(experiment).candidates())
