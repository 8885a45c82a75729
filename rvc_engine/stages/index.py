"""Build the index of the training features."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from rvc_engine.experiment import Experiment
from rvc_engine.messages import Message
from rvc_engine.stages.stage import OwnStage

if TYPE_CHECKING:
    from rvc_engine.settings import ExperimentSettings


class Index(OwnStage):
    title = Message("stages.index")
    unit = "rows"
    needs = ("features",)

    def belongs_to(self, settings: ExperimentSettings) -> bool:
        return not settings.base

    def outputs(self, experiment: Experiment, settings: ExperimentSettings) -> list[Path]:
        sidecars = experiment.folder.glob("added_IVF*.index.json")
        return [experiment.total_features, *experiment.indexes(), *sidecars]

    def standing(self, experiment: Experiment, settings: ExperimentSettings) -> list[Path]:
        """The index in use, with its sidecar."""
        newest = experiment.indexes()[-1:]
        pairs = [path for index in newest for path in (index, index.with_name(f"{index.name}.json"))]
        return [path for path in pairs if path.is_file()]

    def identity(self, experiment: Experiment, settings: ExperimentSettings) -> dict[str, Any]:
        model = settings.model
        return {**super().identity(experiment, settings), "encoder": model.encoder, "version": model.version}
