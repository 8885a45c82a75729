"""Which precision computes correctly: one step beside float32, in a process of its own, cached; what is wrong is not
used."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch

from rvc_engine.common.lines import decode, encode
from rvc_engine.events import Noted, Warned
from rvc_engine.machine.cache import key_of
from rvc_engine.machine.numerics import KEPT, TRIAL, Choice, Trial, choose_mode
from rvc_engine.presets import PRESETS
from rvc_engine.settings import for_preset
from rvc_engine.training import numerics as trial
from rvc_engine.work import train
from rvc_engine.work.trials import try_mode

TINY = "starter-tiny"
CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_float32_is_itself_and_bf16_is_near() -> None:
    verdicts = {verdict.mode: verdict for verdict in trial.examine(TINY, CPU, ["fp32", "bf16"])}
    assert verdicts["fp32"].ok and max(verdicts["fp32"].gradients.values()) < 1e-5
    assert {"dec", "enc_p", "enc_q", "flow", "emb_g"} <= set(verdicts["fp32"].gradients)
    assert any(name.startswith("discriminators.") for name in verdicts["fp32"].gradients)
    assert verdicts["bf16"].ok and 0 < max(verdicts["bf16"].gradients.values()) < trial.LIMITS["bf16"]


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda grad: grad * math.nan, "not finite: gradients of dec"),
        (lambda grad: 2 * grad, "gradients of dec are off by 100%, more than 2%"),
        (torch.zeros_like, "gradients of dec are off by 100%"),
    ],
)
def test_wrong_gradients_are_found(monkeypatch: pytest.MonkeyPatch, spoil: Any, why: str) -> None:
    config = PRESETS[TINY]
    reference = trial.TrialStep(config, "fp32", CPU).alone()
    spoilt = trial.Outcome(reference.loss, {**reference.gradients, "dec": spoil(reference.gradients["dec"])})
    monkeypatch.setattr(trial.TrialStep, "alone", lambda self: spoilt)
    verdict = next(trial.compare("fp32", reference, config, CPU))
    assert not verdict.ok and why in verdict.why
    assert decode(encode(verdict), Trial) == verdict


def test_a_loss_that_is_not_finite_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    reference = trial.TrialStep(PRESETS[TINY], "fp32", CPU).alone()
    monkeypatch.setattr(trial.TrialStep, "alone", lambda self: reference._replace(loss=math.nan))
    assert next(trial.compare("fp32", reference, PRESETS[TINY], CPU)).why == "not finite: the loss"


@pytest.mark.soak
def test_what_was_tried_is_cached() -> None:
    """The first time in a process, then from the cache; another name of the device is another trial."""
    first = choose_mode(TINY, "fp32", "cpu", "this CPU", try_mode)
    assert first.mode == "fp32" and not first.kept and KEPT.path.is_file()

    def pretended(preset: str, device: str, mode: str) -> Trial:
        return Trial("fp32", False, "tried again")

    again = choose_mode(TINY, "fp32", "cpu", "this CPU", pretended)
    assert again.mode == "fp32" and again.kept
    assert choose_mode(TINY, "fp32", "cpu", "another", pretended).mode == ""


def test_the_next_mode_of_the_ladder_is_taken() -> None:
    right = {"fp32-safe"}
    tried: list[str] = []

    def pretended(preset: str, device: str, mode: str) -> Trial:
        tried.append(mode)
        return Trial(mode, mode in right, "" if mode in right else "gradients of dec are off by 90%")

    assert choose_mode(TINY, "bf16", "cuda:0", "a GPU", pretended).mode == "fp32-safe"
    assert tried == ["bf16", "fp32", "fp32-safe"]


def test_what_could_not_be_tried_is_not_wrong() -> None:
    """Memory ran out, or time: the mode is used, and nothing is cached."""

    def pretended(preset: str, device: str, mode: str) -> Trial:
        return Trial(mode, False, "CUDA out of memory", tried=False)

    choice = choose_mode(TINY, "bf16", "cuda:0", "a GPU", pretended)
    assert choice.mode == "bf16" and choice.untried is not None and not KEPT.path.exists()
    right = choose_mode(TINY, "bf16", "cuda:0", "a GPU", lambda preset, device, mode: Trial(mode, True))
    assert right.mode == "bf16" and right.untried is None and not right.kept


def test_running_out_of_memory_is_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    reference = trial.TrialStep(PRESETS[TINY], "fp32", CPU).alone()

    def out_of_memory(*_: Any) -> Any:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")

    monkeypatch.setattr(trial.TrialStep, "alone", out_of_memory)
    verdict = next(trial.compare("fp32", reference, PRESETS[TINY], CPU))
    assert not verdict.ok and not verdict.tried
    assert decode(encode(verdict), Trial) == verdict


def test_fp16_is_tried_at_a_scale_that_does_not_overflow() -> None:
    """The first scale of 65536 overflows; a training only skips those steps."""
    (verdict,) = trial.examine(TINY, CPU, ["fp16"])
    assert all(error >= 0 for error in verdict.gradients.values()), verdict


def test_a_trial_that_dies_says_why() -> None:
    found = try_mode("no such preset", "cpu", "fp32")
    assert not found.ok and found.why.startswith("it ended early: ") and "no such preset" in found.why


@pytest.mark.parametrize("damage", ["{", *(pytest.param(text, marks=pytest.mark.soak) for text in ("[]", '{"x": 1}'))])
@pytest.mark.soak
def test_a_damaged_memory_is_no_obstacle(damage: str) -> None:
    KEPT.path.parent.mkdir(parents=True)
    KEPT.path.write_text(damage)
    assert choose_mode(TINY, "fp32", "cpu", "this CPU", try_mode).mode == "fp32"


@pytest.mark.parametrize(
    ("mode", "title"), [("fp32", "Training in fp32 instead of bf16"), ("", "No precision computes correctly")]
)
def test_a_training_says_what_it_uses_instead(monkeypatch: pytest.MonkeyPatch, mode: str, title: str) -> None:
    settings = for_preset(TINY)
    settings.train.precision = "bf16"
    monkeypatch.setattr(train, "name_of", lambda device: "a GPU")
    monkeypatch.setattr(train, "name_with_driver", lambda device: "a GPU")
    monkeypatch.setattr(train, "free_memory", lambda device: None)
    monkeypatch.setattr(train, "without_shortcuts", lambda: None)
    trials = (Trial("bf16", False, "not finite: the loss"),)
    monkeypatch.setattr(train, "choose_mode", lambda *words: Choice(mode, trials))
    steps = train._right_precision(settings, [torch.device("cuda")])
    assert isinstance(next(steps), Noted)  # that it is tried
    event = next(steps)
    assert (
        isinstance(event, Warned)
        and title in event.title
        and "bf16: not finite" in event.message
        and "--numerics" in event.hint
    )
    with pytest.raises(StopIteration) as end:
        next(steps)
    assert end.value.value.precision == "fp32"


def test_what_an_earlier_version_kept_is_used() -> None:
    record = {"mode": "fp32", "ok": True, "why": "", "gradients": {"dec": 0.001}, "seconds": 1.5}
    KEPT.keep(key_of(TINY, "fp32", "this CPU", TRIAL), [{"mode": 5}, record])
    found = choose_mode(TINY, "fp32", "cpu", "this CPU", lambda *words: Trial("fp32", False, "tried again"))
    assert found == Choice("fp32", (Trial("fp32", True, "", {"dec": 0.001}, 1.5),), kept=True)
    assert found.trials[0].worst == ("dec", 0.001)
