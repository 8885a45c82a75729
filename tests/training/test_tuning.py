"""Other ways of computing a training step give the same gradients; of those that do, the faster ones are used."""

from __future__ import annotations

import pytest
import torch

from rvc_engine.machine.numerics import Choice, Trial
from rvc_engine.messages import NOTHING, Message
from rvc_engine.models import tuning
from rvc_engine.presets import PRESETS
from rvc_engine.training import numerics
from rvc_engine.training.trial_step import Outcome, TrialStep

CPU = torch.device("cpu")
SAME = 1e-5


@pytest.fixture(scope="module")
def reference() -> Outcome:
    return TrialStep(PRESETS["v2-40k-tiny"], "fp32", CPU).alone()


@pytest.mark.parametrize("names", [*((name,) for name in tuning.TUNINGS), tuning.TUNINGS], ids=" ".join)
def test_gradients_are_the_same(reference: Outcome, names: tuple[str, ...]) -> None:
    step = TrialStep(PRESETS["v2-40k-tiny"], "fp32", CPU)
    step.use_tunings(names)
    errors, _ = numerics.judged("fp32", reference, step.alone())
    assert max(errors.values()) < SAME
    assert not any(tuning.uses(name) for name in tuning.TUNINGS)


def test_layouts_are_really_used() -> None:
    from rvc_engine.models.weight_norm import NormedConv1d

    x, conv = torch.randn(2, 4, 10), NormedConv1d(4, 6, 3)
    with tuning.tuned([tuning.CHANNELS_LAST]):
        assert conv(x).stride(1) == 1
    assert conv(x).stride(2) == 1


class Timed:
    """A trial step whose times are given: by the tuning that was added last."""

    def __init__(self, **seconds: float) -> None:
        self.times, self.names = {name.replace("_", "-"): s for name, s in seconds.items()}, [""]

    def use_tunings(self, names: list[str]) -> None:
        self.names = list(names)

    def use_checkpointing(self, on: bool) -> None: ...

    def way(self, graphs: bool) -> object:
        return lambda: list(self.names)

    def seconds(self, *, graphs: bool) -> float:
        return self.times.get(self.names[-1], 1.0)


def judged_by(wrong: str) -> object:
    return lambda mode, reference, names: ({}, Message("training.loss_not_finite") if wrong in names else NOTHING)


def test_what_is_right_and_faster_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    step = Timed(channels_last=0.8, channels_last_periods=0.79, products=0.1, cudnn_benchmark=0.7)
    monkeypatch.setattr(numerics, "judged", judged_by("products"))
    found = numerics.faster(step, "bf16", None, graphs=True)  # type: ignore[arg-type]
    assert found == {"": 1.0, "channels-last": 0.8, "cudnn-benchmark": 0.7}
    choice = Choice("bf16", (Trial("bf16", True, step_seconds=found),))
    assert choice.tunings == ("channels-last", "cudnn-benchmark")


def test_nothing_is_used_where_checkpointing_comes_out_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    step = Timed(channels_last=0.8)
    monkeypatch.setattr(step, "use_checkpointing", lambda on: step.names.append("wrong"))
    monkeypatch.setattr(numerics, "judged", judged_by("wrong"))
    assert numerics.faster(step, "bf16", None, graphs=False) == {}  # type: ignore[arg-type]
