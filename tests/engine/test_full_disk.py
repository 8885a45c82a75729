"""A disk that is full when a stage or its receipt is written: it is waited for, reported, and the stage ends as if
nothing had been."""

import errno

import numpy as np
import pytest

from rvc_engine.common import waiting
from rvc_engine.errors import RvcError
from rvc_engine.events import Paused, Resumed, StageFinished
from rvc_engine.registry import STAGES
from rvc_engine.run.pipeline import run_stage
from rvc_engine.settings import for_preset
from rvc_engine.stages.receipt import Receipt, receipt_path
from rvc_engine.work import index
from rvc_engine.workspace import Workspace

FULL = OSError(errno.ENOSPC, "No space left on device")


@pytest.fixture
def experiment(tmp_path):
    experiment = Workspace(tmp_path).experiment("voice")
    experiment.ground_truth.mkdir(parents=True)
    experiment.features(256).mkdir()
    (experiment.ground_truth / "0_0.wav").touch()
    np.save(experiment.features(256) / "0_0.npy", np.random.RandomState(0).randn(100, 256).astype(np.float32))
    return experiment


def full_at(monkeypatch, where, name, calls):
    """The disk is full at these calls of a function, counted from 0."""
    real, count = getattr(where, name), iter(range(100))

    def sometimes(*args, **options):
        if next(count) in calls:
            raise FULL
        return real(*args, **options)

    monkeypatch.setattr(where, name, sometimes)


@pytest.mark.parametrize(
    ("where", "name", "calls"), [(Receipt, "save", {0}), (Receipt, "save", {1, 2}), (index, "write_index", {0})]
)
def test_a_full_disk_is_waited_for(monkeypatch, experiment, where, name, calls):
    monkeypatch.setattr(waiting, "LOOK_S", 0.01)
    full_at(monkeypatch, where, name, calls)
    events = list(run_stage(STAGES.get("index"), experiment, for_preset("starter")))
    assert (
        len([e for e in events if isinstance(e, Paused)])
        == len([e for e in events if isinstance(e, Resumed)])
        == len(calls)
    )
    assert isinstance(events[-1], StageFinished)
    assert Receipt.load(receipt_path(experiment, "index")).complete
    assert [path.name for path in experiment.indexes()] == [
        path.name for path in index.artefacts(experiment, for_preset("starter"))
    ]


def test_a_disk_that_stays_full_ends_the_stage_as_not_done(monkeypatch, experiment):
    monkeypatch.setattr(waiting, "LOOK_S", 0.01)
    full_at(monkeypatch, Receipt, "save", set(range(1, 100)))
    settings = for_preset("starter")
    settings.train.disk_wait_s = 0
    with pytest.raises(RvcError, match="disk is full"):
        list(run_stage(STAGES.get("index"), experiment, settings))
    assert not Receipt.load(receipt_path(experiment, "index")).complete
