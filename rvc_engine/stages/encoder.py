"""Train the content encoder of a base."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from rvc_engine.common.user import expanded
from rvc_engine.dataset.contents import recordings, sizes_before_hashes, why_gone
from rvc_engine.dataset.files import dataset_files
from rvc_engine.disk import sha256_of
from rvc_engine.experiment import Experiment
from rvc_engine.messages import Message
from rvc_engine.stages.receipt import fingerprint
from rvc_engine.stages.stage import OwnStage

if TYPE_CHECKING:
    from rvc_engine.settings import ExperimentSettings


class Encoder(OwnStage):
    title = Message("stages.encoder")
    unit = "steps"
    is_usual = False
    reads_recordings = True

    def belongs_to(self, settings: ExperimentSettings) -> bool:
        return settings.base and settings.model.own_encoder

    def outputs(self, experiment: Experiment, settings: ExperimentSettings) -> list[Path]:
        names = ("probes.json", "state.safetensors", "state-previous.safetensors")
        return [experiment.own_encoder, *(experiment.encoder / name for name in names)]

    def has_begun_training(self, experiment: Experiment) -> bool:
        return experiment.own_encoder.is_file()

    def identity(self, experiment: Experiment, settings: ExperimentSettings) -> dict[str, Any]:
        return {**self.own_identity(settings), "upstream": self.inputs(experiment, settings)}

    def inputs(self, experiment: Experiment, settings: ExperimentSettings) -> Any:
        """A fingerprint of the recordings and their transcripts, or of the encoder file that is used."""
        if not settings.encoder.is_trained:
            file = expanded(settings.encoder.source)
            return {"file": sha256_of(file) if file.is_file() else ""}
        texts = [[str(path), sha256_of(path)] for path in dataset_files(settings, texts=True)]
        return {"recordings": fingerprint([*recordings(experiment, settings), *texts])}

    def comparable(self, settings: ExperimentSettings, old: dict[str, Any], wanted: dict[str, Any]) -> dict[str, Any]:
        """Earlier versions identified the recordings by name and size."""
        upstream = old.get("upstream")
        if not isinstance(upstream, dict) or "file" in upstream:
            return old
        same = why_gone(settings) or upstream.get("recordings") == fingerprint(sizes_before_hashes(settings))
        return {**old, "upstream": wanted.get("upstream")} if same else old
