"""Trainings on a real GPU for gpu_check.py: the engine's train stage alone, on random clips."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from scipy.io import wavfile

from rvc_engine.events import EpochFinished, TrainStepped, Warned
from rvc_engine.experiment import Experiment
from rvc_engine.settings import for_preset
from rvc_engine.training.dataset import ClipDataset
from rvc_engine.training.device_dataset import DeviceDataset
from rvc_engine.work import train
from rvc_engine.work.training_clips import usable_rows
from rvc_engine.workspace import Workspace

CLIPS = 96
HOG = """
import sys, time, torch
free, _ = torch.cuda.mem_get_info()
held = torch.empty(free - int(sys.argv[1]), dtype=torch.uint8, device="cuda")
print("held", flush=True)
time.sleep(600)
"""
"""Leaves so many bytes of the GPU free."""


def prepared(home: Path, name: str, preset: str, **settings: Any) -> tuple[Experiment, Any]:
    """An experiment with the outputs of the stages before train."""
    experiment, chosen = Workspace(home).experiment(name), for_preset(preset, pitched=True, dataset="")
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
    for i in range(CLIPS):
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
            stage.close()  # type: ignore[attr-defined]
            break
    return events


def batches() -> tuple[str, bool]:
    """Of one experiment, made on the GPU and on the CPU: how far apart they are, and how long each takes."""
    import torch

    device = torch.device("cuda")
    with tempfile.TemporaryDirectory() as folder:
        experiment, settings = prepared(Path(folder), "voice", "v2-40k")
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


def steps_with_data() -> str:
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for asked in ("on", "off"):
            experiment, settings = prepared(Path(folder), asked, "v2-40k", data_on_gpu=asked, save_every=3)
            found.append(f"{asked} {timed(steps_of(experiment, settings))}")
    return "; ".join(found)


def timed(events: list[Any]) -> str:
    """The mean of the last steps."""
    last = [event for event in events if isinstance(event, TrainStepped)][-10:]
    seconds, waited = (sum(getattr(event, key) for event in last) / len(last) for key in ("seconds", "data_seconds"))
    return f"{1e3 * seconds:.0f} ms a step, {1e3 * waited:.1f} ms waiting for data"


def runs() -> Iterator[tuple[str, str, bool]]:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        experiment, settings = prepared(home, "whole", "v2-40k")
        first = steps_of(experiment, settings, stop_after=15)
        rest = steps_of(experiment, settings)
        steps = [event for event in (*first, *rest) if isinstance(event, TrainStepped)]
        numbers = [event.step for event in steps]
        ended = [event.epoch for event in rest if isinstance(event, EpochFinished)]
        whole = numbers == list(range(1, len(numbers) + 1)) and ended[-1:] == [3]
        yield "training", f"{len(steps)} steps, each once; {timed(steps)}", whole and experiment.small_model.is_file()

        experiment, settings = prepared(home, "ranks", "starter", gpus="0", epochs=2)
        started = time.monotonic()
        events = steps_of(experiment, settings)
        count = sum(isinstance(event, TrainStepped) for event in events)
        value = f"one process with NCCL: {count} steps in {time.monotonic() - started:.0f} s"
        yield "ranks", value, count > 0 and experiment.small_model.is_file()

        experiment, settings = prepared(home, "full", "v2-40k", batch_size=32, epochs=1, checkpointing="off")
        with subprocess.Popen([sys.executable, "-c", HOG, str(5 << 30)], stdout=subprocess.PIPE) as hog:
            try:
                assert hog.stdout is not None
                hog.stdout.readline()
                events = steps_of(experiment, settings)
            finally:
                hog.kill()
        warnings = [str(event.title) for event in events if isinstance(event, Warned)]
        value = f"5 GiB free: batch 32 became {settings.train.batch_size}; {'; '.join(warnings)}"
        yield "memory runs out", value, settings.train.batch_size < 32 and experiment.small_model.is_file()
