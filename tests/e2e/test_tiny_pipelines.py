"""The whole pipeline, and a conversion with its result, for every version, rate and pitch setting, at a sixteenth of
the width."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from rvc_engine.audio.io import decode
from rvc_engine.events import Converted, Event, RunFinished, StageFinished, StageSkipped
from rvc_engine.presets import PUBLIC_PRESETS
from rvc_engine.run.pipeline import run_pipeline
from rvc_engine.run.stage_list import stages_until
from rvc_engine.settings import ConvertSettings, ExperimentSettings, for_preset
from rvc_engine.work.convert import convert_files
from rvc_engine.workspace import Workspace


def tiny_settings(preset: str, dataset: Path, *, pitched: bool = True) -> ExperimentSettings:
    settings = for_preset(f"{preset}-tiny", pitched=pitched, dataset=str(dataset))
    settings.preprocess.workers = settings.pitch.workers = settings.train.threads = 1
    settings.pitch.method = "praat"
    settings.train.epochs, settings.train.batch_size = 1, 2
    return settings


FEW = [("starter", True), ("v1-40k", False), ("v2-40k", True), ("v2-48k", False)]
VARIANTS = [
    pytest.param(
        preset,
        pitched,
        id=f"{preset}-{'pitch' if pitched else 'no-pitch'}",
        marks=[] if (preset, pitched) in FEW else pytest.mark.soak,
    )
    for preset in PUBLIC_PRESETS
    for pitched in (True, False)
]


@pytest.mark.few(2)
@pytest.mark.parametrize(("preset", "pitched"), VARIANTS)
def test_recordings_become_a_voice_that_converts(
    home: Path, dataset: Path, speech: list[Path], preset: str, pitched: bool
) -> None:
    experiment = Workspace(home).experiment("voice")
    settings = tiny_settings(preset, dataset, pitched=pitched)
    stages = stages_until("index", settings)
    events = list(run_pipeline(experiment, settings, stages))
    assert [e.stage for e in events if isinstance(e, StageFinished)] == [s.name for s in stages]
    end = events[-1]
    assert isinstance(end, RunFinished)
    model, index = (Path(a["path"]) for a in end.artefacts)
    assert model == experiment.small_model
    version = settings.model.version
    assert index.name.startswith("added_IVF") and index.name.endswith(f"_Flat_nprobe_1_voice_{version}.index")

    document = torch.load(model, weights_only=True)
    assert list(document)[:6] == ["weight", "config", "info", "sr", "f0", "version"]
    assert (document["version"], document["f0"], document["sr"]) == (version, int(pitched), settings.model.rate_name)
    assert document["encoder"] == settings.model.encoder

    again = list(run_pipeline(experiment, settings, stages))
    assert [e.stage for e in again if isinstance(e, StageSkipped)] == [s.name for s in stages]

    output = home / "out.wav"
    converted: list[Event] = list(
        convert_files(model, [speech[0]], output, ConvertSettings(pitch_method="praat"), index, Workspace(home))
    )
    assert any(isinstance(e, Converted) for e in converted)
    result, source = decode(output, 16000), decode(speech[0], 16000)
    assert abs(len(result) - len(source)) <= 0.02 * 16000
    assert np.isfinite(result).all() and np.abs(result).max() > 0
