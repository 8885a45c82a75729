"""Assemble a base: the weights that voices start from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rvc_engine.experiment import Experiment
from rvc_engine.messages import Message
from rvc_engine.stages.stage import OwnStage

if TYPE_CHECKING:
    from rvc_engine.settings import ExperimentSettings


class Base(OwnStage):
    title = Message("stages.base")
    unit = "files"
    is_usual = False
    needs = ("train",)

    def belongs_to(self, settings: ExperimentSettings) -> bool:
        return settings.base

    def outputs(self, experiment: Experiment, settings: ExperimentSettings) -> list[Path]:
        names = ("G.safetensors", "D.safetensors", "encoder.safetensors", "card.md")
        return [experiment.base / name for name in names]
