"""Batches that are made on the device are those of main memory, and a training on them is the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.io import wavfile

from rvc_engine.errors import RvcError
from rvc_engine.events import Event, TrainStepped, Warned
from rvc_engine.machine.memory_table import gpu_data_bytes
from rvc_engine.training.dataset import Batch, ClipDataset
from rvc_engine.training.device_dataset import DeviceDataset, frames_held
from rvc_engine.training.sampler import MAX_FRAMES
from rvc_engine.training.train_config import TrainConfig
from rvc_engine.work import train, train_attempt
from rvc_engine.work.training_clips import usable_rows

CPU = torch.device("cpu")


def both(made: Any) -> tuple[ClipDataset, DeviceDataset]:
    experiment, settings = made
    rows = [replace(row, speaker=i) for i, row in enumerate(usable_rows(experiment, settings)[0])]
    dataset = ClipDataset(rows, settings.model)
    return dataset, DeviceDataset(dataset, [dataset.frames(row) for row in rows], CPU)


def check_same(made: Batch, wanted: Batch) -> None:
    """All is equal; spectrograms but for rounding, since a library may transform several clips otherwise than one."""
    for field in fields(Batch):
        a, b = getattr(made, field.name), getattr(wanted, field.name)
        if field.name == "spec":
            assert a.shape == b.shape and a.is_contiguous()
            torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)
        elif isinstance(b, torch.Tensor):
            assert a.dtype == b.dtype and a.is_contiguous() and torch.equal(a, b), field.name
        else:
            assert a == b, field.name


@pytest.mark.parametrize(
    ("preset", "pitched"),
    [("starter-tiny", True), ("v2-40k-tiny", True), ("v2-48k-tiny", False), ("v1-32k-tiny", True)],
)
def test_batches_are_those_of_main_memory(make_experiment: Any, preset: str, pitched: bool) -> None:
    """One clip is cut at MAX_FRAMES, one has an odd number of frames, one is shorter than all others of its batch."""
    made = make_experiment(preset=preset, pitched=pitched, seconds=(9.3, 0.8, 1.01, 0.97))
    plain, there = both(made)
    assert plain.frames(plain.rows[0]) == MAX_FRAMES
    asked: list[tuple[Sequence[int], Sequence[int], int]] = [
        ((0, 1), (), 0),
        ((3, 2, 1, 2), (), 0),
        ((1, 3), (80, 97, 101, 900), 0),  # a part of a batch
        ((3,), (97,), 200),  # as long as its bucket, for a CUDA graph
    ]
    for indices, lengths, frames in asked:
        check_same(there.batch(indices, lengths, frames), plain.batch(indices, lengths, frames))


def test_a_shorter_pitch_cuts_its_clip(make_experiment: Any) -> None:
    made = make_experiment(seconds=(1.0, 0.8))
    np.save(made[0].pitch_hz / "0_0.wav.npy", np.full(97, 200.0))
    plain, there = both(made)
    check_same(there.batch([0, 1]), plain.batch([0, 1]))


def test_a_file_that_changed_since_is_cut_to_the_memory_there_is(make_experiment: Any) -> None:
    made = make_experiment(seconds=(1.0, 0.8))
    plain, there = both(made)
    rate = made[1].model.sample_rate
    for name, seconds in (("0_0", 0.9), ("0_1", 2.0)):
        wavfile.write(made[0].ground_truth / f"{name}.wav", rate, np.ones(int(seconds * rate), np.float32) / 2)
    check_same(there.batch([0]), plain.batch([0]))
    assert there.batch([1, 0], (100, 80)).lengths.tolist() == [80, 90]


@pytest.mark.parametrize("damage", ["wave", "features", "coarse", "hz", "short"])
def test_a_damaged_file_is_named_when_it_is_used(make_experiment: Any, damage: str) -> None:
    made = make_experiment(seconds=(1.0, 0.8))
    plain, there = both(made)
    there.batch([0])
    row = plain.rows[1]
    path: Path = getattr(row, damage, row.wave)
    if damage == "short":
        wavfile.write(path, made[1].model.sample_rate, np.zeros(100, np.float32))
    else:
        path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(RvcError) as caught:
        there.batch([0, 1])
    with pytest.raises(RvcError) as wanted:
        plain.batch([0, 1])
    assert (caught.value.title, caught.value.message) == (wanted.value.title, wanted.value.message)
    there.batch([0])


def test_the_memory_is_what_the_estimate_says(make_experiment: Any) -> None:
    plain, there = both(make_experiment(preset="v2-40k-tiny"))
    assert there.bytes == gpu_data_bytes(plain.config, frames_held(plain.config, there.room))
    assert frames_held(plain.config, [300] * 100) < 1.03 * 300 * 100


# --- a training -------------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def once() -> dict[str, list[Event]]:
    return {}


@pytest.fixture
def wanted(make_experiment: Any, once: dict[str, list[Event]]) -> list[Event]:
    """The events of a training with its data in main memory."""
    if not once:
        once["plain"] = list(train.run(*make_experiment("plain")))
    return once["plain"]


def on_the_device(monkeypatch: pytest.MonkeyPatch, *, wrong: Exception | None = None, batches: int = 3) -> None:
    """Every training from now on has its data there; after so many batches `wrong` is raised."""
    made: list[Batch] = []

    class Held(DeviceDataset):
        def batch(self, indices: Sequence[int], lengths: Sequence[int] = (), frames: int = 0) -> Batch:
            if wrong is not None and len(made) == batches:
                raise wrong
            made.append(super().batch(indices, lengths, frames))
            return made[-1]

    def held(settings: Any, train_config: TrainConfig, dataset: Any, frames: Any, device: Any) -> Iterator[Event]:
        yield from ()
        return Held(dataset, frames, device) if train_config.data_on_gpu != "off" else None

    monkeypatch.setattr(train_attempt, "data_on_gpu", held)


def steps(events: Sequence[Event]) -> dict[int, dict[str, float]]:
    """The losses of each step."""
    return {event.step: event.losses for event in events if isinstance(event, TrainStepped)}


def check_same_steps(events: Sequence[Event], wanted: Sequence[Event]) -> None:
    made, expected = steps(events), steps(wanted)
    assert made.keys() == expected.keys() and made
    for step, losses in made.items():
        assert losses == pytest.approx(expected[step], rel=1e-3), step


def test_a_training_is_the_same_also_when_it_resumes(
    make_experiment: Any, wanted: list[Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    on_the_device(monkeypatch)
    whole = list(train.run(*make_experiment("whole")))
    check_same_steps(whole, wanted)
    made, first = make_experiment("twice"), []
    stage = train.run(*made)
    for event in stage:
        first.append(event)
        if isinstance(event, TrainStepped) and event.step == 3:
            stage.close()  # type: ignore[attr-defined]
            break
    assert steps([*first, *train.run(*made)]) == steps(whole)


def test_what_cannot_be_made_there_is_made_of_main_memory(
    make_experiment: Any, wanted: list[Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    on_the_device(monkeypatch, wrong=RuntimeError("cuFFT error: CUFFT_INTERNAL_ERROR"))
    events = list(train.run(*make_experiment("voice")))
    (warned,) = [event for event in events if isinstance(event, Warned) and "made on the GPU" in event.title]
    assert "CUFFT_INTERNAL_ERROR" in warned.message and "--data-on-gpu off" in warned.hint
    check_same_steps(events, wanted)


def test_data_leaves_the_device_when_memory_runs_out(
    make_experiment: Any, wanted: list[Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make_experiment("voice")
    monkeypatch.setenv("RVC_FAULTS", "oom@2")
    on_the_device(monkeypatch)
    events = list(train.run(*made))
    (warned,) = [event for event in events if isinstance(event, Warned) and "Out of memory" in event.title]
    assert "stays in main memory" in warned.message
    kept = made[0].load_settings().train
    assert (kept.data_on_gpu, kept.batch_size) == ("off", 2)
    check_same_steps(events, wanted)
