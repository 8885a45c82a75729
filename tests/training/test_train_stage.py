"""Training as a stage: events, files, exact resume, and refusals."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.io import wavfile

from rvc_engine.errors import BadInput, RvcError
from rvc_engine.events import (
    Audition,
    CheckpointSaved,
    EpochFinished,
    Event,
    MovedAside,
    Progressed,
    StageSkipped,
    StageStarted,
    TrainStepped,
    Warned,
)
from rvc_engine.experiment import Experiment
from rvc_engine.machine.measurements import USED
from rvc_engine.registry import STAGES
from rvc_engine.run.pipeline import run_stage
from rvc_engine.training.epoch_budget import MOST_EPOCHS, TIMED_STEPS, WARM_STEPS, EpochBudget
from rvc_engine.training.losses import kl_loss
from rvc_engine.training.store import CheckpointStore
from rvc_engine.voices.small_model import read_voice
from rvc_engine.work import train


def newest(experiment: Experiment) -> dict[str, Any]:
    store = CheckpointStore(experiment)
    step = store.steps()[0]
    return {kind: torch.load(experiment.checkpoint(kind, step), weights_only=True) for kind in ("G", "D")}


def same(a: Any, b: Any) -> bool:
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    return bool(a == b)


def of(events: list[Event], kind: type) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


def test_a_whole_training(make_experiment: Any) -> None:
    experiment, settings = make_experiment()
    settings.train.save_every, settings.train.keep_last, settings.train.epochs = 1, 1, 3
    events = list(train.run(experiment, settings))
    steps, epochs = of(events, TrainStepped), of(events, EpochFinished)
    assert [event.step for event in steps] == list(range(1, len(steps) + 1)) and [event.epoch for event in epochs] == [
        1,
        2,
        3,
    ]
    first = of(events, Progressed)[0]
    assert (first.done, first.total) == (0, len(steps)) and of(events, Progressed)[-1].done == len(steps)
    assert {"total", "mel", "kl", "feature", "adversarial", "discriminator"} <= set(steps[0].losses) and set(
        steps[0].grad_norms
    ) == {
        "g",
        "d",
    }
    assert all(0 < event.data_seconds < event.seconds + 5 for event in steps)
    assert epochs[-1].losses["mel"] < epochs[0].losses["mel"]
    assert any("clips" in event.title for event in of(events, Warned))
    assert {event.kind for event in of(events, CheckpointSaved)} == {"checkpoint", "small", "resume"}
    assert len(list(experiment.folder.glob("G_*.pth"))) == len(list(experiment.folder.glob("D_*.pth"))) == 1
    assert train.artefacts(experiment, settings) == [experiment.small_model]
    voice = read_voice(experiment.small_model)
    assert (voice.epoch, voice.step, voice.info, voice.unvoiced) == (3, len(steps), "3epoch", "zero")
    assert all(Path(event.path).is_file() for event in of(events, CheckpointSaved) if event.kind == "small")
    lines = experiment.filelist.read_text().split("\n")
    assert len(lines) == 4 and lines[0].split("|")[0].endswith("0_gt_wavs/0_0.wav") and lines[0].endswith("|0")
    assert json.loads(experiment.config_json.read_text())["data"]["sampling_rate"] == 16000
    assert list(experiment.folder.glob("events.out.tfevents.*"))

    again = list(train.run(experiment, settings))
    assert not of(again, TrainStepped)
    settings.train.epochs = 1
    assert not of(list(train.run(experiment, settings)), TrainStepped)


def test_more_epochs_continue_and_changed_settings_are_reported(make_experiment: Any) -> None:
    experiment, settings = make_experiment()
    settings.train.epochs = 1
    done = of(list(train.run(experiment, settings)), TrainStepped)[-1].step
    settings.train.epochs, settings.train.learning_rate = 2, 2e-4
    events = list(train.run(experiment, settings))
    steps = of(events, TrainStepped)
    assert (steps[0].step, steps[0].epoch) == (done + 1, 2)
    assert any("learning_rate" in event.message for event in of(events, Warned))
    assert steps[0].learning_rate == pytest.approx(2e-4 * 0.999875)


@pytest.mark.soak
def test_a_time_becomes_a_number_of_epochs(make_experiment: Any) -> None:
    """Settled within the first epoch, written down, reported in every event from then on; asked again, it is so much
    time more."""
    experiment, settings = make_experiment()
    settings.train.epochs, settings.train.minutes = "auto", 0.1
    started = time.monotonic()
    events = list(train.run(experiment, settings))
    took = time.monotonic() - started
    steps, epochs = of(events, TrainStepped), of(events, EpochFinished)
    assert settings.train.epochs == epochs[-1].epoch == epochs[-1].epochs == experiment.load_settings().train.epochs > 2
    assert (
        steps[0].epochs == 0
        and of(events, Progressed)[0].total == 0
        and of(events, Progressed)[-1].total == steps[-1].step
    )
    assert 2 < took < 60 and train.artefacts(experiment, settings)

    idle = list(train.run(experiment, settings))
    assert not of(idle, TrainStepped), "the number holds"
    assert {(event.done, event.total) for event in of(idle, Progressed)} == {(steps[-1].step, steps[-1].step)}, (
        "and nothing is left to do"
    )
    settings.train.epochs, settings.train.minutes = "auto", 0.1
    again = of(list(train.run(experiment, settings)), TrainStepped)
    assert again[0].step == steps[-1].step + 1 and settings.train.epochs > epochs[-1].epoch


@pytest.mark.soak
def test_a_training_for_a_time_is_done_when_it_is_done(make_experiment: Any) -> None:
    experiment, settings = make_experiment()
    settings.train.epochs, settings.train.minutes = "auto", 0.1
    assert of(list(run_stage(STAGES.get("train"), experiment, settings)), TrainStepped)
    assert of(list(run_stage(STAGES.get("train"), experiment, settings)), StageSkipped)
    settings.train.epochs = "auto"
    assert of(list(run_stage(STAGES.get("train"), experiment, settings)), TrainStepped), "so much time more"


def test_how_many_epochs_a_time_holds() -> None:
    reported: list[int] = []
    now = [50.0]
    budget = EpochBudget(100.0, reported.append, lambda: now[0])
    budget.begin(4)
    assert [budget.add(5.0) for _ in range(WARM_STEPS)] == [False] * WARM_STEPS
    assert [budget.add(0.5) for _ in range(TIMED_STEPS)] == [False] * (TIMED_STEPS - 1) + [True]
    now[0] += 25.0
    assert budget.first_guess(23, 10) == 4 + round((23 + 75 / 0.5) / 10) == reported[-1] == 21
    assert not budget.add(0.5), "reported once"

    now[0] = 50 + 5.9
    assert budget.corrected(5) == 21 and reported == [21], "as foreseen"
    now[0] = 50 + 40.0
    assert budget.corrected(8) == 14 == reported[-1], "ten seconds an epoch: six more fit"
    now[0] = 50 + 97.0
    assert budget.corrected(12) == 12 == reported[-1], "no more fits"

    quick = EpochBudget(1e9, reported.append, lambda: 0.0)
    quick.begin(7)
    quick.add(0.1)
    assert quick.first_guess(1, 10) == 7 + MOST_EPOCHS
    slow = EpochBudget(1.0, reported.append, lambda: 0.0)
    slow.add(50.0)
    assert slow.first_guess(1, 10) == 1, "one at least"


@pytest.mark.parametrize("preset", ["starter-tiny", pytest.param("v2-32k-tiny", marks=pytest.mark.soak)])
def test_resume_is_exact_after_any_event(make_experiment: Any, preset: str, tmp_path: Path) -> None:
    """Stopped at every event in turn, over and over: weights and optimizers end bit for bit as without a stop."""
    whole, settings = make_experiment("whole", preset, seconds=(0.9, 0.9, 1.2))
    settings.train.save_every = 1
    events = list(train.run(whole, settings))
    expected = newest(whole)
    means = [event.losses for event in of(events, EpochFinished)]

    stopped, seen = make_experiment("stopped", preset, seconds=(0.9, 0.9, 1.2))[0], []
    for _ in range(40):
        stage = train.run(stopped, settings)
        for event in stage:
            seen.append(event)
            if isinstance(event, TrainStepped | EpochFinished | CheckpointSaved):
                stage.close()
                break
        else:
            break
    assert same(newest(stopped), expected)
    assert [event.step for event in of(seen, TrainStepped)] == [event.step for event in of(events, TrainStepped)]
    assert [event.losses for event in of(seen, EpochFinished)] == means
    assert same(read_voice(stopped.small_model).weights, read_voice(whole.small_model).weights)


def test_what_a_training_held_is_cached(make_experiment: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    experiment, settings = make_experiment()
    list(train.run(experiment, settings))
    (entry,) = USED.all().values()
    assert entry["batch_size"] == settings.train.batch_size and 50e6 < entry["memory_bytes"] < 20e9
    USED.path.unlink()
    list(train.run(experiment, settings))
    assert USED.all() == {}, "a training that had nothing to do held nothing"


@pytest.mark.soak
def test_checkpoints_have_rvcs_layout(make_experiment: Any) -> None:
    experiment, settings = make_experiment(preset="v2-40k-tiny")
    settings.train.epochs = 1
    list(train.run(experiment, settings))
    for content in newest(experiment).values():
        assert list(content) == ["model", "iteration", "optimizer", "learning_rate"]
        assert (content["iteration"], content["learning_rate"]) == (1, settings.train.learning_rate)
        group, count = content["optimizer"]["param_groups"][0], len(content["model"])
        assert list(group["params"]) == list(range(count)) == sorted(content["optimizer"]["state"])
        assert {"lr", "betas", "eps", "weight_decay", "amsgrad", "initial_lr"} <= set(group) and group[
            "fused"
        ] is group["foreach"] is None
        assert (group["betas"], group["eps"], group["weight_decay"]) == ((0.8, 0.99), 1e-9, 0.01)
        assert set(content["optimizer"]["state"][0]) == {"step", "exp_avg", "exp_avg_sq"}


def trained(make_experiment: Any) -> tuple[Experiment, Any]:
    experiment, settings = make_experiment()
    settings.train.save_every = 1
    list(train.run(experiment, settings))
    settings.train.epochs = 3
    return experiment, settings


def pairs_alone(experiment: Experiment) -> None:
    """As an experiment from elsewhere."""
    experiment.resume_state.unlink()
    experiment.resume_previous.unlink()


@pytest.mark.soak
def test_a_damaged_pair_gives_way_to_the_one_before(make_experiment: Any) -> None:
    experiment, settings = trained(make_experiment)
    pairs_alone(experiment)
    steps = CheckpointStore(experiment).steps()
    path = experiment.checkpoint("D", steps[0])
    path.write_bytes(path.read_bytes()[:1000])
    events = list(train.run(experiment, settings))
    assert any("damaged" in event.title for event in of(events, Warned))
    assert of(events, TrainStepped)[0].step == steps[1] + 1


def test_training_never_starts_over_silently(make_experiment: Any) -> None:
    experiment, settings = trained(make_experiment)
    for path in [*experiment.folder.glob("G_*.pth"), experiment.resume_state, experiment.resume_previous]:
        path.write_bytes(b"nothing")
    for _ in range(2):
        with pytest.raises(RvcError, match="No checkpoint can be read"):
            list(train.run(experiment, settings))


@pytest.mark.soak
def test_killed_between_two_files_of_a_save(make_experiment: Any) -> None:
    """The half pair is made whole; the result is that of an uninterrupted run."""
    whole, settings = make_experiment("whole")
    settings.train.save_every, settings.train.epochs = 1, 3
    list(train.run(whole, settings))
    experiment, settings = make_experiment("killed")
    settings.train.save_every = 1
    list(train.run(experiment, settings))
    store = CheckpointStore(experiment)
    newest_step = store.steps()[0]
    experiment.checkpoint("D", newest_step).unlink()
    leftover = experiment.path(f".D_{newest_step}.pth.123.part")
    leftover.write_bytes(b"half")
    settings.train.epochs = 3
    events = list(train.run(experiment, settings))
    assert of(events, TrainStepped)[0].step == newest_step + 1
    assert not leftover.exists() and len(list(experiment.folder.glob("G_*"))) == len(
        list(experiment.folder.glob("D_*"))
    )
    assert same(newest(experiment), newest(whole))


@pytest.mark.parametrize("wrong", ["missing", "shape"])
def test_a_checkpoint_that_does_not_fit_is_refused_by_name(make_experiment: Any, wrong: str) -> None:
    experiment, settings = trained(make_experiment)
    pairs_alone(experiment)
    step = CheckpointStore(experiment).steps()[0]
    path = experiment.checkpoint("G", step)
    content = torch.load(path, weights_only=True)
    if wrong == "missing":
        del content["model"]["dec.conv_pre.bias"]
    else:
        content["model"]["dec.conv_pre.bias"] = torch.zeros(3)
    torch.save(content, path)
    with pytest.raises(RvcError, match=r"dec\.conv_pre\.bias"):
        list(train.run(experiment, settings))


@pytest.mark.soak
def test_a_pair_from_elsewhere_resumes_at_the_next_epoch(make_experiment: Any) -> None:
    """RVC repeats the epoch that it saved; we do not."""
    experiment, settings = trained(make_experiment)
    pairs_alone(experiment)
    step = CheckpointStore(experiment).steps()[0]
    events = list(train.run(experiment, settings))
    first = of(events, TrainStepped)[0]
    assert (first.step, first.epoch) == (step + 1, 3)
    assert any("resume state" in event.title for event in of(events, Warned))


@pytest.mark.soak
def test_the_pipeline_resumes_with_checkpoints_of_another_program(make_experiment: Any) -> None:
    """A folder with nothing of ours but the clips: they are not moved to a backup."""
    experiment, settings = trained(make_experiment)
    pairs_alone(experiment)
    step = CheckpointStore(experiment).steps()[0]
    events = list(run_stage(STAGES.get("train"), experiment, settings))
    assert of(events, StageStarted)[0].reason == "checkpoints of another program are here"
    assert of(events, TrainStepped)[0].step == step + 1 and not of(events, MovedAside)
    assert of(list(run_stage(STAGES.get("train"), experiment, settings)), StageSkipped)


@pytest.mark.soak
def test_pretrained_files(make_experiment: Any, tmp_path: Path) -> None:
    experiment, settings = trained(make_experiment)
    step = CheckpointStore(experiment).steps()[0]
    base = torch.load(experiment.checkpoint("G", step), weights_only=True)
    base["model"]["emb_g.weight"] = base["model"]["emb_g.weight"].repeat(3, 1)
    torch.save({"model": base["model"]}, tmp_path / "base.pth")
    other, settings = make_experiment("other")
    settings.train.pretrained_g, settings.train.pretrained_d = (
        str(tmp_path / "base.pth"),
        str(experiment.checkpoint("D", step)),
    )
    stage = train.run(other, settings)
    warned = [event for event in stage if isinstance(event, Warned)]
    assert any("speaker table has 12 rows" in event.message for event in warned)

    shutil.rmtree(other.folder)
    settings.train.pretrained_d = str(tmp_path / "nothing.pth")
    with pytest.raises(BadInput, match=r"nothing\.pth"):
        train.check_ready(other, settings)
    settings.preset = "v2-40k"
    settings.train.pretrained_g = settings.train.pretrained_d = ""
    with pytest.raises(BadInput, match="pretrained weights of v2-40k are missing"):
        train.check_ready(other, settings)
    settings.train.pretrained_g = settings.train.pretrained_d = "none"
    train.check_ready(other, settings)


def test_a_fresh_start_needs_its_pretrained_files_before_old_work_moves(make_experiment: Any) -> None:
    experiment, settings = make_experiment(seconds=(1.0,))
    list(train.run(experiment, settings))
    settings.train.pretrained_g = "/nowhere/G.pth"
    train.check_ready(experiment, settings)
    with pytest.raises(BadInput, match="/nowhere/G"):
        train.check_ready(experiment, settings, fresh=True)


@pytest.mark.soak
def test_losses_that_stay_not_finite_end_the_training(make_experiment: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is spoilt is not saved: the next run resumes from the last checkpoint."""
    experiment, settings = make_experiment(seconds=(1.0,))
    settings.train.save_every, settings.train.epochs, calls = 1, 4, []

    def breaks(*args: Any) -> torch.Tensor:
        calls.append(1)
        return kl_loss(*args) * (float("nan") if len(calls) >= 3 else 1.0)

    monkeypatch.setattr("rvc_engine.training.trainer.kl_loss", breaks)
    with pytest.raises(RvcError, match="the clips were 0_0") as caught:
        list(train.run(experiment, settings))
    assert "step 3" in caught.value.title and len(calls) == 4
    assert all(torch.isfinite(x).all() for x in newest(experiment)["G"]["model"].values())
    monkeypatch.setattr("rvc_engine.training.trainer.kl_loss", kl_loss)
    assert [event.step for event in of(list(train.run(experiment, settings)), TrainStepped)] == [3, 4]


def test_silence_joins_the_set_where_it_was_made(make_experiment: Any, add_clip: Any) -> None:
    experiment, settings = make_experiment(seconds=(1.0,))
    assert train.mute_rows(experiment, settings) == []
    add_clip(experiment, settings, experiment.mute, "mute", 1.0)
    assert [row.line().split("|")[0] for row in train.mute_rows(experiment, settings)] == [
        str(experiment.mute / "0_gt_wavs" / "mute.wav")
    ] * 2


@pytest.mark.soak
def test_each_checkpoint_has_sounds_and_pictures(make_experiment: Any) -> None:
    """And the weights are those of a training without it."""
    weights = []
    for name, wanted in (("with", True), ("without", False)):
        experiment, settings = make_experiment(name)
        settings.train.save_every, settings.train.audition = 1, wanted
        auditions = of(list(train.run(experiment, settings)), Audition)
        assert [event.epoch for event in auditions] == ([1, 2] if wanted else [])
        for event in auditions:
            rate, wave = wavfile.read(event.path)
            assert (rate, wave.dtype, len(wave)) == (16000, np.int16, len(wavfile.read(event.target)[1])) and np.abs(
                wave
            ).max() > 0
            picture = json.loads(Path(event.picture).read_text())
            assert picture["seconds"] == 1.2 and event.clip == "0_0"
            for kind in ("target", "generated"):
                assert len(bytes.fromhex(picture[kind])) == picture["rows"] * picture["columns"]
        weights.append(read_voice(experiment.small_model).weights)
    assert all(torch.equal(weights[0][key], weights[1][key]) for key in weights[1])
    assert not experiment.auditions.exists()


def test_a_speaker_without_a_row_is_refused(make_experiment: Any) -> None:
    experiment, settings = make_experiment()
    settings.train.speaker = 4
    with pytest.raises(BadInput, match="no speaker 4"):
        train.check_ready(experiment, settings)


@pytest.mark.few(3)
@pytest.mark.parametrize("preset", [f"{v}-{r}k-tiny" for v in ("v1", "v2") for r in (32, 40, 48)])
@pytest.mark.parametrize("pitched", [True, False])
def test_every_shape_trains(make_experiment: Any, preset: str, pitched: bool) -> None:
    experiment, settings = make_experiment(preset=preset, pitched=pitched, seconds=(0.6,))
    settings.train.epochs = 1
    assert of(list(train.run(experiment, settings)), TrainStepped)
    voice = read_voice(experiment.small_model)
    assert (voice.config.to_rvc_list(), voice.config.pitch) == (settings.model.to_rvc_list(), pitched)
    assert (voice.config.encoder, voice.config.flow_layers) == (settings.model.encoder, settings.model.flow_layers)
