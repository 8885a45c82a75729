"""Whole runs on simulated GPUs: every stage, saving, stopping, resuming, auditions, two GPUs, and memory that runs
out. Kernels compute nothing, so the audio is silence; files, events and exit codes are real."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

import pytest

from rvc_engine.machine.measurements import Measured, cost_key, keep_rows
from rvc_engine.workspace import Workspace
from tests.gpu.conftest import OnGpus
from tests.tiny_voice import save_voice

TINY = ("--preset", "v2-40k-tiny", "--set", "pitch.method=praat", "--set", "train.threads=1")


def test_the_whole_pipeline(rvc: OnGpus, dataset: Path) -> None:
    done = rvc("run", "voice", "--dataset", dataset, *TINY, "--epochs", "2", "--batch-size", "2", "--save-every", "1")
    assert done.returncode == 0, done.stdout + done.stderr
    experiment = Workspace(rvc.home).experiment("voice")
    assert experiment.small_model.is_file() and list(experiment.auditions.rglob("*.wav"))
    steps = [event["step"] for event in rvc.events("voice", "TrainStepped")]
    assert steps == list(range(1, len(steps) + 1))
    assert any("data is kept on the GPU" in event["text"] for event in rvc.events("voice", "Noted"))


@pytest.mark.soak
def test_a_stop_saves_and_the_next_run_resumes(rvc: OnGpus, dataset: Path) -> None:
    running = rvc.start("run", "voice", "--dataset", dataset, *TINY, "--epochs", "500", "--batch-size", "2")
    deadline = time.monotonic() + 120
    while len(rvc.events("voice", "TrainStepped")) < 4 and running.poll() is None and time.monotonic() < deadline:
        time.sleep(0.2)
    running.send_signal(signal.SIGINT)
    output, _ = running.communicate(timeout=60)
    assert running.returncode == 130 and "Traceback" not in output, output
    (stopped,) = rvc.events("voice", "StageStopped")
    last = rvc.events("voice", "TrainStepped")[-1]
    assert stopped["saved"]
    done = rvc("run", "voice", "--epochs", str(last["epoch"] + 1))
    assert done.returncode == 0, done.stdout + done.stderr
    steps = [event["step"] for event in rvc.events("voice", "TrainStepped")]
    assert steps == list(range(1, len(steps) + 1))


@pytest.mark.soak
def test_two_gpus(rvc: OnGpus, dataset: Path) -> None:
    words = ("run", "voice", "--dataset", dataset, *TINY, "--epochs", "60", "--batch-size", "1", "--gpus", "0,1")
    done = rvc(*words, gpus=2)
    assert done.returncode == 0, done.stdout + done.stderr
    assert rvc.events("voice", "TrainStepped") and Workspace(rvc.home).experiment("voice").small_model.is_file()
    held = [[gpu["index"] for gpu in event["gpus"]] for event in rvc.events("voice", "MemorySampled")]
    assert [0, 1] in held  # the engine itself holds nothing there, its two processes do


@pytest.mark.soak
def test_memory_that_runs_out_in_training_halves_the_batch(rvc: OnGpus, dataset: Path) -> None:
    """A step of 4 clips does not fit into 123 MiB."""
    words = ("run", "voice", "--dataset", dataset, *TINY, "--epochs", "2", "--batch-size", "4")
    words += ("--set", "train.precision=fp16", "--set", "train.checkpointing=off")
    done = rvc(*words, gigabytes=0.12)
    assert done.returncode == 0, done.stdout + done.stderr
    warnings = [event["title"] for event in rvc.events("voice", "Warned")]
    assert "Out of memory at step 1" in warnings
    assert Workspace(rvc.home).experiment("voice").load_settings().train.batch_size in (1, 2)


@pytest.mark.soak
def test_checkpointing_is_on_where_the_batch_does_not_fit_without(rvc: OnGpus, dataset: Path) -> None:
    """Into 123 MiB, by the estimate: the batch stays as it was asked for."""
    words = ("run", "voice", "--dataset", dataset, *TINY, "--epochs", "2", "--batch-size", "4")
    done = rvc(*words, "--set", "train.precision=fp16", gigabytes=0.12)
    assert done.returncode == 0, done.stdout + done.stderr
    assert any("gradient checkpointing is on" in event["text"] for event in rvc.events("voice", "Noted"))
    assert not [event for event in rvc.events("voice", "Warned") if "Out of memory" in event["title"]]
    settings = Workspace(rvc.home).experiment("voice").load_settings().train
    assert (settings.batch_size, settings.checkpointing) == (4, "auto")


@pytest.mark.soak
def test_memory_that_runs_out_turns_checkpointing_on_before_the_batch_shrinks(
    rvc: OnGpus, dataset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """4 clips fit by a measurement, which is wrong. It stays on in the next run, which resumes."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(rvc.home / "cache"))
    key = cost_key("v2-40k-tiny", "fp16", "cuda", "Pretended GPU", checkpointing=False)
    assert not keep_rows(key, [Measured(1, 1000), Measured(2, 2000)])
    words = ("run", "voice", "--dataset", dataset, *TINY, "--epochs", "2", "--batch-size", "4")
    done = rvc(*words, "--set", "train.precision=fp16", "--data-on-gpu", "off", gigabytes=0.12)
    _check_it_was_turned_on(rvc, done, 4)
    last = rvc.events("voice", "TrainStepped")[-1]
    again = rvc("run", "voice", "--epochs", str(last["epoch"] + 1), gigabytes=0.12)
    assert again.returncode == 0, again.stdout + again.stderr
    assert rvc.events("voice", "TrainStepped")[-1]["step"] > last["step"]


@pytest.mark.soak
def test_it_is_turned_on_in_all_processes(rvc: OnGpus, dataset: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RVC_FAULTS", "oom@2")
    words = ("run", "voice", "--dataset", dataset, *TINY, "--epochs", "4", "--batch-size", "2", "--gpus", "0,1")
    _check_it_was_turned_on(rvc, rvc(*words, "--data-on-gpu", "off", gpus=2), 2)


@pytest.mark.soak
@pytest.mark.parametrize("gpus", [1, 2])
def test_memory_that_runs_out_takes_the_data_off_the_gpu_first(
    rvc: OnGpus, dataset: Path, monkeypatch: pytest.MonkeyPatch, gpus: int
) -> None:
    """The next run, which resumes, does not keep it there either."""
    monkeypatch.setenv("RVC_FAULTS", "oom@2")
    words = ("run", "voice", "--dataset", dataset, *TINY, "--epochs", "4", "--batch-size", "2")
    done = rvc(*words, *(("--gpus", "0,1") if gpus == 2 else ()), gpus=gpus)
    assert done.returncode == 0, done.stdout + done.stderr
    (warned,) = [event for event in rvc.events("voice", "Warned") if "Out of memory" in event["title"]]
    assert "the training data now stays in main memory" in warned["message"]
    settings = Workspace(rvc.home).experiment("voice").load_settings().train
    assert (settings.data_on_gpu, settings.checkpointing, settings.batch_size) == ("off", "auto", 2)
    monkeypatch.delenv("RVC_FAULTS")
    assert rvc("run", "voice", "--epochs", "5", gpus=gpus).returncode == 0
    assert len([event for event in rvc.events("voice", "Noted") if "data is kept on the GPU" in event["text"]]) == 1


def _check_it_was_turned_on(rvc: OnGpus, done: subprocess.CompletedProcess[str], batch_size: int) -> None:
    assert done.returncode == 0, done.stdout + done.stderr
    (warned,) = [event for event in rvc.events("voice", "Warned") if "Out of memory" in event["title"]]
    assert "gradient checkpointing is now on" in warned["message"]
    experiment = Workspace(rvc.home).experiment("voice")
    settings = experiment.load_settings().train
    assert (settings.batch_size, settings.checkpointing) == (batch_size, "on") and experiment.small_model.is_file()


@pytest.mark.soak
@pytest.mark.parametrize("megabytes", [2, 60])
def test_memory_that_runs_out_ends_a_run_clearly(rvc: OnGpus, dataset: Path, megabytes: int) -> None:
    """2 MiB do not hold the encoder, 60 not a step of one clip."""
    words = ("run", "voice", "--dataset", dataset, *TINY, "--epochs", "1", "--batch-size", "1")
    done = rvc(*words, gigabytes=megabytes / 1024)
    assert done.returncode == 1 and "Out of memory" in done.stderr + done.stdout, done.stdout + done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    (failed,) = rvc.events("voice", "StageFailed")
    assert failed["stage"] == ("features" if megabytes == 2 else "train")


@pytest.mark.soak
def test_convert(rvc: OnGpus, dataset: Path) -> None:
    save_voice(rvc.home / "weights" / "voice.pth", "v2-40k-tiny")
    recording = next(dataset.iterdir())
    words = ("convert", "voice", recording, "--pitch-method", "praat")
    done = rvc(*words, "--output", rvc.home / "out")
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(list((rvc.home / "out").iterdir())) == 1
    full = rvc(*words, "--output", rvc.home / "other", gigabytes=0.002)
    assert full.returncode == 1 and "Out of memory" in full.stdout, full.stdout + full.stderr
    assert "Traceback" not in full.stdout + full.stderr
