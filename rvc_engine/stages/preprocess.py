"""Cut the recordings into clips."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from rvc_engine.dataset.contents import as_before_hashes, recordings, recordings_read
from rvc_engine.experiment import Experiment
from rvc_engine.messages import Message
from rvc_engine.stages.receipt import Receipt, fingerprint
from rvc_engine.stages.stage import OwnStage

if TYPE_CHECKING:
    from rvc_engine.settings import ExperimentSettings


class Preprocess(OwnStage):
    title = Message("stages.preprocess")
    unit = "files"
    workers = ("rvc_engine.work.preprocess", "scipy.signal")
    incremental = True
    reads_recordings = True

    def outputs(self, experiment: Experiment, settings: ExperimentSettings) -> list[Path]:
        return [experiment.ground_truth, experiment.wavs_16k, experiment.clips_csv, experiment.sources_csv]

    def identity(self, experiment: Experiment, settings: ExperimentSettings) -> dict[str, Any]:
        return {**super().identity(experiment, settings), "sample_rate": settings.model.sample_rate}

    def inputs(self, experiment: Experiment, settings: ExperimentSettings) -> Any:
        return recordings(experiment, settings)

    def inputs_read(self, experiment: Experiment, wanted: Receipt) -> str:
        return fingerprint(recordings_read(experiment))

    def read_the_same(self, settings: ExperimentSettings, inputs: str) -> bool:
        return inputs == fingerprint(as_before_hashes(settings))
