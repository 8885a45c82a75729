"""The index stage: RVC's names and sizes, a sidecar, one current index, and less rows when there are too many."""

import json

import numpy as np
import pytest

from rvc_engine.conversion.kmeans import PASSES
from rvc_engine.conversion.retrieval import Retrieval, building_passes, row_order
from rvc_engine.disk import sha256_of
from rvc_engine.errors import RvcError
from rvc_engine.events import ItemSkipped, MovedAside, Progressed
from rvc_engine.settings import for_preset
from rvc_engine.voices.index_file import check_index_file, sidecar_of
from rvc_engine.work import index
from rvc_engine.workspace import Workspace

SIZES = {"0_0": 200, "2_0": 150, "10_0": 90}


@pytest.fixture
def experiment(tmp_path):
    experiment = Workspace(tmp_path).experiment("it's 声")
    experiment.ground_truth.mkdir(parents=True)
    experiment.features(256).mkdir()
    for clip in SIZES:
        add(experiment, clip)
    np.save(experiment.features(256) / "99_0.npy", np.ones((50, 256), np.float32))  # of a clip that is gone
    return experiment


def add(experiment, clip, rows=None):
    (experiment.ground_truth / f"{clip}.wav").touch()
    rng = np.random.RandomState(int(clip.replace("_", "")))
    np.save(experiment.features(256) / f"{clip}.npy", rng.randn(rows or SIZES[clip], 256).astype(np.float32))


def test_index_of_all_rows(experiment):
    settings = for_preset("starter")
    events = list(index.run(experiment, settings))
    path = experiment.folder / "added_IVF11_Flat_nprobe_1_it's 声_starter-1.index"
    assert index.artefacts(experiment, settings) == [path]
    assert experiment.indexes() == [path]
    progress = [(e.done, e.total) for e in events if isinstance(e, Progressed)]
    assert progress[0] == (0, 1320)
    assert progress[-1] == (1320, 1320)
    record = json.loads(sidecar_of(path).read_text())
    assert record == {
        "encoder": "phonetic-256-1",
        "version": "starter-1",
        "rows": 440,
        "dim": 256,
        "lists": 11,
        "bytes": path.stat().st_size,
        "sha256": sha256_of(path),
    }
    files = [np.load(experiment.features(256) / f"{clip}.npy") for clip in ("0_0", "10_0", "2_0")]  # sorted as text
    total = np.load(experiment.total_features)
    np.testing.assert_array_equal(total, np.concatenate(files)[row_order(440, settings.index.seed)])
    ids, distances, _ = Retrieval.load(path).search(total)
    np.testing.assert_array_equal(ids[:, 0], np.arange(440))
    assert distances[:, 0].max() == 0


def test_the_same_again(experiment):
    settings = for_preset("starter")
    digests = []
    for _ in range(2):
        list(index.run(experiment, settings))
        digests.append([sha256_of(p) for p in (experiment.total_features, *index.artefacts(experiment, settings))])
    assert digests[0] == digests[1]


def test_one_current_index(experiment):
    settings = for_preset("starter")
    list(index.run(experiment, settings))
    add(experiment, "11_0", 200)
    events = list(index.run(experiment, settings))
    assert [p.name for p in experiment.indexes()] == ["added_IVF16_Flat_nprobe_1_it's 声_starter-1.index"]
    assert [e for e in events if isinstance(e, MovedAside)]
    assert len(list((experiment.folder / "aside").rglob("*.index"))) == 1
    assert len(list(experiment.folder.glob("*.json"))) == 1


def test_too_many_rows_are_reduced(experiment):
    settings = for_preset("starter")
    add(experiment, "11_0", 1500)
    settings.index.max_rows, settings.index.centres = 1000, 78
    events = list(index.run(experiment, settings))
    progress = [e for e in events if isinstance(e, Progressed)]
    assert progress[-1].done == progress[-1].total == 1000 * (1 + PASSES) + 78 * building_passes(2)
    assert len(progress) > 5
    total = np.load(experiment.total_features)
    assert total.shape == (78, 256)
    assert np.isfinite(total).all()
    facts = check_index_file(index.artefacts(experiment, settings)[0])
    assert (facts.rows, facts.lists) == (78, 2)
    rows = np.concatenate([np.load(experiment.features(256) / f"{c}.npy") for c in (*SIZES, "11_0")])

    def mean_distance(centres):
        return np.sqrt(((rows[:, None, :32] - centres[None, :, :32]) ** 2).sum(-1).min(1)).mean()

    assert mean_distance(total) < 0.95 * mean_distance(rows[row_order(len(rows), 1234)[:78]])


def test_damaged_features_are_skipped(experiment):
    (experiment.features(256) / "2_0.npy").write_bytes(b"no array")
    events = list(index.run(experiment, for_preset("starter")))
    assert [e.item for e in events if isinstance(e, ItemSkipped)] == ["2_0"]
    for clip in SIZES:
        (experiment.features(256) / f"{clip}.npy").unlink()
    with pytest.raises(RvcError, match="no features"):
        list(index.run(experiment, for_preset("starter")))


def test_stopping_leaves_no_halves(experiment):
    run = index.run(experiment, for_preset("starter"))
    next(run)
    next(run)
    run.close()
    assert not experiment.indexes()
    assert not list(experiment.folder.glob(".*"))
