"""The published weights that a run needs and that are missing."""

from __future__ import annotations

from collections.abc import Sequence

from rvc_engine.assets.manifest import Asset, find, needs, read_manifest
from rvc_engine.errors import BadInput
from rvc_engine.experiment import Experiment
from rvc_engine.messages import Message, verbatim
from rvc_engine.presets import PUBLIC_PRESETS
from rvc_engine.settings import ExperimentSettings
from rvc_engine.stages.stage import Stage


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
    experiment: Experiment, settings: ExperimentSettings, stages: Sequence[Stage], *, fresh: bool, auto_pitch: bool
) -> None:
    """Raises WeightsMissing when one of the `stages` that will run requires a published file that is missing.

    With `auto_pitch` the error also names the pitch tracker, though a run does not require it.
    """
    if settings.preset not in PUBLIC_PRESETS:
        return
    wanted = needs(read_manifest(experiment.workspace), settings.preset, pitched=settings.pitched)
    lacking = [asset for asset in wanted if find(experiment.workspace, asset) is None]
    required = [
        asset for asset in lacking if any(stage.requires(asset, experiment, settings, fresh=fresh) for stage in stages)
    ]
    if required:
        along = [asset for asset in lacking if auto_pitch and any(stage.suggests(asset) for stage in stages)]
        named = [asset for asset in lacking if asset in required or asset in along]
        raise WeightsMissing(settings.preset, named, pitched=settings.pitched)
