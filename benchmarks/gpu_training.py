"""Trainings on a real GPU for gpu_check.py: the engine's train stage alone, on random clips."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from scipy.io import wavfile

from rvc_engine.events import EpochFinished, EventsLeft, TrainStepped, Warned
from rvc_engine.experiment import Experiment
from rvc_engine.settings import for_preset
from rvc_engine.training.dataset import ClipDataset
from rvc_engine.training.device_dataset import DeviceDataset
from rvc_engine.work import train
from rvc_engine.work.training_clips import usable_rows
from rvc_engine.workspace import Workspace

HOG = """
import sys, torch
free, _ = torch.cuda.mem_get_info()
held = torch.empty(free - int(sys.argv[1]), dtype=torch.uint8, device="cuda")
print("held", flush=True)
sys.stdin.read()
"""
"""Leaves so many bytes of the GPU free, until its standard input ends: at the latest with the process that started
it."""


def prepared(home: Path, preset: str, clips: int, **settings: Any) -> tuple[Experiment, Any]:
    """An experiment with the outputs of the stages before train."""
    experiment, chosen = Workspace(home).experiment("voice"), for_preset(preset, pitched=True, dataset="")
    config, random = chosen.model, np.random.default_rng(0)
    chosen.train.pretrained_g = chosen.train.pretrained_d = "none"
    chosen.train.batch_size, chosen.train.epochs, chosen.train.save_every = 8, 3, 1
    for key, value in settings.items():
        setattr(chosen.train, key, value)
    experiment.folder.mkdir(parents=True)
    experiment.save_settings(chosen)
    folders = (experiment.ground_truth, experiment.wavs_16k, experiment.pitch_coarse, experiment.pitch_hz)
    for folder in (*folders, experiment.features(config.feature_dim)):
        folder.mkdir(parents=True)
    for i in range(clips):
        frames, clip = 300 + i, f"0_{i}"
        wave = (random.standard_normal(frames * config.hop_samples) * 0.1).astype(np.float32)
        wavfile.write(experiment.ground_truth / f"{clip}.wav", config.sample_rate, wave)
        low = (random.standard_normal(frames * 160) * 0.1).astype(np.float32)
        wavfile.write(experiment.wavs_16k / f"{clip}.wav", 16000, low)
        features = random.standard_normal((frames // 2, config.feature_dim)).astype(np.float32)
        np.save(experiment.features(config.feature_dim) / f"{clip}.npy", features)
        np.save(experiment.pitch_coarse / f"{clip}.wav.npy", random.integers(1, 255, frames))
        np.save(experiment.pitch_hz / f"{clip}.wav.npy", random.random(frames) * 200 + 60)
    return experiment, chosen


def steps_of(experiment: Experiment, settings: Any, *, stop_after: int = 0) -> list[Any]:
    """The events of a training, stopped after so many steps."""
    events, stage, count = [], train.run(experiment, settings), 0
    for event in stage:
        events.append(event)
        count += isinstance(event, TrainStepped)
        if stop_after and count >= stop_after:
            try:
                stage.close()  # type: ignore[attr-defined]
            except EventsLeft as left:  # losses are read one step late
                events += left.events
            break
    return events


def batches(preset: str, clips: int) -> tuple[str, bool]:
    """Of one experiment, made on the GPU and on the CPU: how far apart they are, and how long each takes."""
    import torch

    device = torch.device("cuda")
    with tempfile.TemporaryDirectory() as folder:
        experiment, settings = prepared(Path(folder), preset, clips)
        dataset = ClipDataset(usable_rows(experiment, settings)[0], settings.model)
        frames = [dataset.frames(row) for row in dataset.rows]
        there = DeviceDataset(dataset, frames, device)
        ways = (there.batch, lambda indices: dataset.batch(indices).to(device))
        different, furthest, seconds = set(), 0.0, [0.0, 0.0]
        for again in (False, True):  # clips are read the first time
            for first in range(0, len(frames), 8):
                made = []
                for way, make in enumerate(ways):
                    started = time.perf_counter()
                    made.append(make(range(first, first + 8)))
                    torch.cuda.synchronize()
                    seconds[way] += (time.perf_counter() - started) * again * 8 / len(frames)
                one, other = map(vars, made)
                for name, values in other.items():
                    if name == "spec":
                        furthest = max(furthest, float((one[name] - values).abs().max() / values.abs().max()))
                    elif isinstance(values, torch.Tensor) and not torch.equal(one[name], values):
                        different.add(name)
    others = f"; not equal: {', '.join(sorted(different))}" if different else ""
    value = f"spectrograms at most {furthest:.2g} of the largest value apart{others}"
    times = " ms, ".join(f"{where} {1e3 * each:.1f}" for where, each in zip(("GPU", "CPU"), seconds, strict=True))
    return f"{value}; a batch of 8: {times} ms", not different and furthest < 1e-5


def steps_with_data(preset: str, clips: int) -> str:
    found = []
    for asked in ("on", "off"):
        with tempfile.TemporaryDirectory() as folder:
            experiment, settings = prepared(Path(folder), preset, clips, data_on_gpu=asked, save_every=3)
            found.append(f"{asked} {timed(steps_of(experiment, settings))}")
    return "; ".join(found)


def timed(events: list[Any]) -> str:
    """The mean of the last steps."""
    last = [event for event in events if isinstance(event, TrainStepped)][-10:]
    seconds, waited = (sum(getattr(event, key) for event in last) / len(last) for key in ("seconds", "data_seconds"))
    return f"{1e3 * seconds:.0f} ms a step, {1e3 * waited:.1f} ms waiting for data"


def stopped_and_resumed(preset: str, clips: int) -> tuple[str, bool]:
    with tempfile.TemporaryDirectory() as folder:
        experiment, settings = prepared(Path(folder), preset, clips)
        first = steps_of(experiment, settings, stop_after=clips // 6)
        rest = steps_of(experiment, settings)
        steps = [event for event in (*first, *rest) if isinstance(event, TrainStepped)]
        numbers = [event.step for event in steps]
        ended = [event.epoch for event in rest if isinstance(event, EpochFinished)]
        whole = numbers == list(range(1, len(numbers) + 1)) and ended[-1:] == [3]
        return f"{len(steps)} steps, each once; {timed(steps)}", whole and experiment.small_model.is_file()


def in_one_rank(preset: str) -> tuple[str, bool]:
    """One process with NCCL, as each of several has."""
    with tempfile.TemporaryDirectory() as folder:
        experiment, settings = prepared(Path(folder), preset, 32, gpus="0", epochs=2)
        started = time.monotonic()
        count = sum(isinstance(event, TrainStepped) for event in steps_of(experiment, settings))
        value = f"one process with NCCL: {count} steps in {time.monotonic() - started:.0f} s"
        return value, count > 0 and experiment.small_model.is_file()


def out_of_memory(preset: str, free_bytes: int) -> tuple[str, bool]:
    """`free_bytes`: of the GPU, while a training with a batch of 32 begins."""
    short = {"batch_size": 32, "epochs": 1, "checkpointing": "off"}
    with tempfile.TemporaryDirectory() as folder:
        experiment, settings = prepared(Path(folder), preset, 96, **short)
        with holding_all_but(free_bytes):
            events = steps_of(experiment, settings)
        warnings = [str(event.title) for event in events if isinstance(event, Warned)]
        value = f"{free_bytes / (1 << 30):.2g} GiB free: batch 32 became {settings.train.batch_size}"
        holds = settings.train.batch_size < 32 and experiment.small_model.is_file()
        return "; ".join([value, *warnings]), holds


@contextmanager
def holding_all_but(free_bytes: int) -> Iterator[None]:
    """Another process holds the rest of the GPU's memory."""
    words = [sys.executable, "-c", HOG, str(free_bytes)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as hog:
        try:
            assert hog.stdout is not None
            if not hog.stdout.readline():
                raise RuntimeError("the memory of the GPU could not be held")
            yield
        finally:
            hog.kill()
