"""What comes out of files, and what is said about bad ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import wavfile

from rvc_engine.errors import RvcError
from rvc_engine.training.dataset import ClipDataset
from rvc_engine.work.training_clips import usable_rows


def test_everything_is_cut_to_the_shortest(make_experiment: Any) -> None:
    experiment, settings = make_experiment(seconds=(1.0, 0.8))
    np.save(experiment.pitch_hz / "0_0.wav.npy", np.full(97, 200.0))
    rows, skipped = usable_rows(experiment, settings)
    dataset = ClipDataset(rows, settings.model)
    assert not skipped
    assert [dataset.frames(row) for row in rows] == [97, 80]
    batch = dataset.batch([0, 1])
    assert batch.lengths.tolist() == [97, 80]
    assert (
        batch.phone.shape == (2, 97, 256) and batch.spec.shape == (2, 513, 97) and batch.wave.shape == (2, 1, 97 * 160)
    )
    assert batch.phone[1, 80:].abs().sum() == 0 and batch.spec[1, :, 80:].abs().sum() == 0
    assert (batch.phone[0, 0] == batch.phone[0, 1]).all() and (batch.phone[0, 1] != batch.phone[0, 2]).any()


def test_the_cache_is_bounded_and_changes_nothing(make_experiment: Any) -> None:
    experiment, settings = make_experiment()
    rows, _ = usable_rows(experiment, settings)
    large, none = ClipDataset(rows, settings.model), ClipDataset(rows, settings.model, cache_bytes=0)
    assert large.clip(0) is large.clip(0)
    assert none.clip(0) is not none.clip(0)
    assert (large.clip(1).spec == none.clip(1).spec).all()


@pytest.mark.parametrize("damage", ["wave", "features", "coarse", "hz", "rate", "nan"])
def test_damaged_files_are_named(make_experiment: Any, damage: str) -> None:
    experiment, settings = make_experiment()
    row = usable_rows(experiment, settings)[0][0]
    path: Path = getattr(row, damage, row.wave)
    if damage == "rate":
        wavfile.write(path, 44100, np.zeros(44100, np.float32))
    elif damage == "nan":
        wavfile.write(path, settings.model.sample_rate, np.full(16000, np.nan, np.float32))
    else:
        path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(RvcError) as caught:
        ClipDataset([row], settings.model).clip(0)
    assert path.name in caught.value.title


def test_wrong_feature_width_is_reported(make_experiment: Any) -> None:
    experiment, settings = make_experiment()
    rows, _ = usable_rows(experiment, settings)
    with pytest.raises(RvcError, match="256 wide"):
        ClipDataset(rows, replace(settings.model, feature_dim=768)).clip(0)


def test_clips_without_files_or_length_are_skipped(make_experiment: Any) -> None:
    experiment, settings = make_experiment(seconds=(1.0, 1.0, 0.3))
    (experiment.pitch_coarse / "0_1.wav.npy").unlink()
    rows, skipped = usable_rows(experiment, settings)
    assert [row.name for row in rows] == ["0_0"]
    assert {event.item for event in skipped} == {"0_1", "0_2"}
    (experiment.pitch_coarse / "0_0.wav.npy").unlink()
    with pytest.raises(RvcError, match="no clip"):
        usable_rows(experiment, settings)
