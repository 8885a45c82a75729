"""A stage of another package: how loud each clip is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from rvc_engine.events import Event, ItemSkipped, Progressed
from rvc_engine.experiment import Experiment
from rvc_engine.setting import StageSettings, setting
from rvc_engine.stages.stage import Stage

if TYPE_CHECKING:
    from rvc_engine.settings import ExperimentSettings


class LoudnessSettings(StageSettings):
    quiet_below: float = setting(0.0, "Clips with a lower peak are left out.", ge=0, le=1)


class Loudness(Stage):
    settings_class = LoudnessSettings
    title = "Measure the loudness of the clips"
    unit = "clips"
    needs = ("preprocess",)

    def outputs(self, experiment: Experiment, settings: ExperimentSettings) -> list[Path]:
        return [experiment.path("loudness.json")]

    def run(self, experiment: Experiment, settings: ExperimentSettings) -> Iterator[Event]:
        import soundfile

        own, clips, peaks = self.settings(settings), experiment.clips(), {}
        for done, clip in enumerate(clips, 1):
            wave, _ = soundfile.read(experiment.ground_truth / f"{clip}.wav")
            peak = float(abs(wave).max())
            if peak < own.quiet_below:
                yield ItemSkipped(stage=self.name, item=clip, reason="it is quiet")
            else:
                peaks[clip] = peak
            yield Progressed(stage=self.name, done=done, total=len(clips), unit=self.unit, item=clip)
        experiment.path("loudness.json").write_text(json.dumps(peaks))

    def artefacts(self, experiment: Experiment, settings: ExperimentSettings) -> list[Path]:
        return [experiment.path("loudness.json")]
