"""Convert recordings into a voice."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from rvc_engine.disk import sha256_of
from rvc_engine.experiment import Experiment
from rvc_engine.messages import Message
from rvc_engine.stages.stage import OwnStage

if TYPE_CHECKING:
    from rvc_engine.settings import ExperimentSettings


class Convert(OwnStage):
    title = Message("stages.convert")
    unit = "files"
    purpose = "conversion"
    is_usual = False
    incremental = True

    def outputs(self, experiment: Experiment, settings: ExperimentSettings) -> list[Path]:
        """The list of the results; the results themselves belong to the user."""
        return [experiment.converted]

    def identity(self, experiment: Experiment, settings: ExperimentSettings) -> dict[str, Any]:
        """The index counts by its size: a hash of a large one takes longer than a conversion."""
        asked = settings.conversion
        assert asked is not None
        voice, index = Path(asked.voice), Path(asked.index)
        return {
            **self.own_identity(settings),
            "voice": sha256_of(voice) if voice.is_file() else "",
            "index": index.stat().st_size if asked.index and index.is_file() else 0,
        }

    def disk_of(self, experiment: Experiment, settings: ExperimentSettings) -> Path:
        return Path(settings.conversion.output).parent if settings.conversion else experiment.folder
