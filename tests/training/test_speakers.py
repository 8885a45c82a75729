"""Many speakers from one sub-folder each."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from rvc_engine.errors import BadInput
from rvc_engine.run.pipeline import run_stage
from rvc_engine.run.stage_list import stages_needed
from rvc_engine.settings import ExperimentSettings, apply, for_preset
from rvc_engine.voices.small_model import read_voice
from rvc_engine.work.speakers import check_speakers, clip_speakers, speaker_rows
from rvc_engine.workspace import Workspace


def settings_of(folder: Path) -> ExperimentSettings:
    settings = for_preset("starter-tiny", dataset=str(folder))
    for key, value in (
        ("preprocess.subfolders", True),
        ("train.speakers", "folders"),
        ("train.epochs", 1),
        ("pitch.method", "praat"),
    ):
        apply(settings, key, value)
    return settings


@pytest.fixture
def two_speakers(tmp_path: Path, speech: list[Path]) -> Path:
    folder = tmp_path / "base"
    for name, recording in (("ann", speech[0]), ("bob", speech[1])):
        (folder / name).mkdir(parents=True)
        shutil.copy(recording, folder / name)
    return folder


def test_folders_become_rows() -> None:
    assert speaker_rows(["bob", "ann", "bob"], 1) == {"ann": 1, "bob": 2}
    assert speaker_rows(["7", "3"], 1) == {"3": 3, "7": 7}


@pytest.mark.soak
def test_each_folder_trains_its_own_row(two_speakers: Path, home: Path) -> None:
    settings = settings_of(two_speakers)
    settings.train.speaker = 1
    experiment = Workspace(home).experiment("base")
    experiment.save_settings(settings)
    for stage in stages_needed("train", settings):
        for _ in run_stage(stage, experiment, settings):
            pass
    assert set(clip_speakers(experiment, settings).values()) == {1, 2}
    rows = {line.rsplit("|", 1)[1] for line in experiment.filelist.read_text().splitlines()}
    assert rows == {"1", "2"}
    table = read_voice(experiment.small_model).weights["emb_g.weight"].float().numpy()
    assert np.isfinite(table).all()


def test_what_cannot_be_is_refused_before_anything_runs(two_speakers: Path, speech: list[Path]) -> None:
    settings, experiment = settings_of(two_speakers), Workspace(two_speakers.parent).experiment("voice")
    settings.train.speaker = 3
    with pytest.raises(BadInput, match="too many speakers"):
        check_speakers(experiment, settings)
    settings.train.speaker = 0
    check_speakers(experiment, settings)
    shutil.copy(speech[2], two_speakers)
    with pytest.raises(BadInput, match="no speaker"):
        check_speakers(experiment, settings)
    settings.preprocess.subfolders = False
    with pytest.raises(BadInput, match="need sub-folders"):
        check_speakers(experiment, settings)
