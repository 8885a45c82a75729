"""Train the voice."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rvc_engine.assets.pretrained import pretrained_names
from rvc_engine.experiment import Experiment
from rvc_engine.messages import NOTHING, Message
from rvc_engine.stages.features import encoder_identity
from rvc_engine.stages.stage import OwnStage

if TYPE_CHECKING:
    from rvc_engine.assets.manifest import Asset
    from rvc_engine.settings import ExperimentSettings


class Train(OwnStage):
    title = Message("stages.train")
    unit = "steps"
    needs = ("preprocess", "pitch", "features")
    is_training = True
    waits_for_room = True

    def outputs(self, experiment: Experiment, settings: ExperimentSettings) -> list[Path]:
        patterns = ("[GD]_[0-9]*.pth", "events.out.tfevents.*")
        found = [path for pattern in patterns for path in experiment.folder.glob(pattern)]
        return [
            experiment.config_json,
            experiment.filelist,
            experiment.auditions,
            experiment.resume_state,
            experiment.resume_previous,
            experiment.best,
            *sorted(found),
            *sorted(experiment.small_models()),
        ]

    def standing(self, experiment: Experiment, settings: ExperimentSettings) -> list[Path]:
        """The voice in use."""
        return experiment.small_models()[-1:]

    def existing_work(self, experiment: Experiment) -> Message:
        return Message("stages.foreign_checkpoints") if has_pair(experiment) else NOTHING

    def has_begun_training(self, experiment: Experiment) -> bool:
        return has_training(experiment)

    def requires(self, asset: Asset, experiment: Experiment, settings: ExperimentSettings, *, fresh: bool) -> bool:
        """The G or D that it starts from, unless another is given or there is a training to resume."""
        for kind, given in (("G", settings.train.pretrained_g), ("D", settings.train.pretrained_d)):
            if asset.name in pretrained_names(settings.preset, kind, settings.model):
                return not given and (fresh or not has_training(experiment))
        return False

    def identity(self, experiment: Experiment, settings: ExperimentSettings) -> dict[str, Any]:
        """A training can resume with other clips, but not with another model shape, features of another encoder, or
        pitch that was filled in another way."""
        identity = {**self.own_identity(settings), "model": asdict(settings.model)}
        if settings.pitched:
            identity["unvoiced"] = settings.pitch.unvoiced
        return {**identity, **encoder_identity(experiment, settings)}


def has_training(experiment: Experiment) -> bool:
    """Is there a training that can be resumed?"""
    return has_pair(experiment) or experiment.resume_state.is_file() or experiment.resume_previous.is_file()


def has_pair(experiment: Experiment) -> bool:
    """Is there a G_ with its D_, as RVC programs leave them?"""
    return any(path.with_name("D" + path.name[1:]).is_file() for path in experiment.folder.glob("G_[0-9]*.pth"))
