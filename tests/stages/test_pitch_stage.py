"""The pitch stage: three files a clip, resumable, and nothing dropped but what cannot be read."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby
from pathlib import Path

import numpy as np
import pytest

from rvc_engine.audio.io import write_wav
from rvc_engine.errors import BadInput, RvcError
from rvc_engine.events import Event, ItemSkipped, Progressed
from rvc_engine.experiment import Experiment
from rvc_engine.pitch import rmvpe_frames as rmvpe
from rvc_engine.pitch.checked import CheckedTracker
from rvc_engine.pitch.coarse import coarse, fill_unvoiced
from rvc_engine.registry import PITCH_TRACKERS
from rvc_engine.settings import ExperimentSettings, for_preset
from rvc_engine.work import pitch
from rvc_engine.work.pitch_networks import by_length, overlapped
from rvc_engine.workspace import Workspace
from tests.pitch_methods import METHODS


def add_clip(experiment: Experiment, name: str, wave: np.ndarray) -> None:
    write_wav(experiment.ground_truth / f"{name}.wav", wave, 16000)
    write_wav(experiment.wavs_16k / f"{name}.wav", wave, 16000)


@pytest.fixture
def experiment(home: Path) -> Experiment:
    experiment = Workspace(home).experiment("voice")
    t = np.arange(16000) / 16000
    for i in range(3):
        tone = sum(np.sin(2 * np.pi * (120 + 40 * i) * k * t) / k for k in range(1, 7)) * 0.15
        add_clip(experiment, f"{i}_0", np.concatenate([np.zeros(8000), tone, np.zeros(4321)]))
    return experiment


def settings_with(method: str = "praat", unvoiced: str = "interpolate", workers: int = 1) -> ExperimentSettings:
    settings = for_preset("starter")
    settings.pitch.method, settings.pitch.unvoiced, settings.pitch.workers = method, unvoiced, workers  # type: ignore[assignment]
    settings.pitch.device = "cpu"
    return settings


def run(experiment: Experiment, settings: ExperimentSettings) -> list[Event]:
    return list(pitch.run(experiment, settings))


def files_of(experiment: Experiment, clip: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    folders = (experiment.pitch_coarse, experiment.pitch_hz, experiment.voicing)
    numbers, hz, voiced = (np.load(folder / f"{clip}.wav.npy") for folder in folders)
    return numbers, hz, voiced


@pytest.mark.parametrize("method", ["auto", *METHODS])
@pytest.mark.soak
def test_three_files_a_clip(experiment: Experiment, method: str) -> None:
    events = run(experiment, settings_with(method))
    assert all(isinstance(event, Progressed) for event in events)
    counts = [event.done for event in events if isinstance(event, Progressed)]
    # a number is reported again where a clip takes long
    assert [done for done, _ in groupby(counts)] == [0, 1, 2, 3]
    for i in range(3):
        numbers, hz, voiced = files_of(experiment, f"{i}_0")
        assert numbers.shape == hz.shape == voiced.shape == (28321 // 160,)
        assert numbers.dtype.kind == "i" and hz.dtype == np.float64 and voiced.dtype == bool
        assert voiced[55:145].mean() > 0.95 and not voiced[:45].any()
        assert np.median(hz) == pytest.approx(120 + 40 * i, rel=0.02) and (hz > 0).all()
        assert np.array_equal(numbers, coarse(hz))
    assert not list(experiment.folder.rglob(".*"))


def test_unvoiced_frames_can_stay_at_zero(experiment: Experiment) -> None:
    run(experiment, settings_with(unvoiced="zero"))
    numbers, hz, voiced = files_of(experiment, "0_0")
    assert np.array_equal(hz > 0, voiced) and (numbers[~voiced] == 1).all() and not voiced.all()
    filled = fill_unvoiced(hz)
    assert (filled > 0).all() and np.array_equal(filled[voiced], hz[voiced])


def test_a_wholly_unvoiced_clip_is_kept(experiment: Experiment) -> None:
    add_clip(experiment, "3_0", np.zeros(8000))
    events = run(experiment, settings_with())
    numbers, hz, voiced = files_of(experiment, "3_0")
    assert not hz.any() and (numbers == 1).all() and not voiced.any()
    assert not any(isinstance(event, ItemSkipped) for event in events)


def test_it_resumes_from_what_is_there(experiment: Experiment) -> None:
    stage = pitch.run(experiment, settings_with())
    next(stage), next(stage)
    stage.close()
    before = (experiment.pitch_hz / "0_0.wav.npy").stat().st_mtime_ns
    (experiment.pitch_hz / ".1_0.wav.npy.77.part").write_bytes(b"torn")
    events = run(experiment, settings_with())
    assert isinstance(events[0], Progressed) and (events[0].done, events[0].total) == (1, 3)
    assert (experiment.pitch_hz / "0_0.wav.npy").stat().st_mtime_ns == before
    assert not list(experiment.folder.rglob(".*"))
    assert len(run(experiment, settings_with())) == 1


def test_workers(experiment: Experiment) -> None:
    t = np.arange(8000) / 16000
    for i in range(3, 25):
        add_clip(experiment, f"{i}_0", 0.3 * np.sin(2 * np.pi * 200 * t) + 0.1 * np.sin(2 * np.pi * 400 * t))
    events = run(experiment, settings_with(workers=2))
    assert isinstance(events[-1], Progressed) and events[-1].done == 25
    assert len(list(experiment.pitch_coarse.iterdir())) == 25


def test_a_damaged_clip_is_skipped(experiment: Experiment) -> None:
    (experiment.wavs_16k / "1_0.wav").write_bytes(b"RIFF")
    skipped = [event for event in run(experiment, settings_with()) if isinstance(event, ItemSkipped)]
    assert [event.item for event in skipped] == ["1_0"] and skipped[0].reason
    for i in (0, 2):
        (experiment.wavs_16k / f"{i}_0.wav").unlink()
        (experiment.pitch_hz / f"{i}_0.wav.npy").unlink()
    with pytest.raises(RvcError):
        run(experiment, settings_with())


def test_reading_and_writing_meanwhile_change_nothing(experiment: Experiment, tmp_path: Path) -> None:
    """As for a network on a GPU, where the method takes one clip at a time."""
    (experiment.wavs_16k / "1_0.wav").write_bytes(b"RIFF")
    run(experiment, settings_with())
    folders = (experiment.pitch_coarse, experiment.pitch_hz, experiment.voicing)
    own = [tmp_path / name for name in ("coarse", "hz", "voicing")]
    for folder in own:
        folder.mkdir()
    task = pitch.PitchTask([], "praat", "cpu", True, experiment.wavs_16k, *own, experiment.workspace)
    parts = [replace(task, clips=[clip]) for clip in experiment.clips()]
    tracker = CheckedTracker("praat", "cpu", experiment.workspace)
    results = [result for some in overlapped(parts, tracker) for result in some]
    assert [clip for clip, _ in results] == experiment.clips()
    assert {clip for clip, reason in results if reason} == {"1_0"}
    for theirs, ours in zip(folders, own, strict=True):
        assert sorted(path.name for path in ours.iterdir()) == sorted(path.name for path in theirs.iterdir())
        assert all(np.array_equal(np.load(path), np.load(theirs / path.name)) for path in ours.iterdir())


def test_no_clips_and_no_such_method(home: Path, experiment: Experiment) -> None:
    with pytest.raises(RvcError, match="No clip"):
        run(Workspace(home).experiment("other"), settings_with())
    with pytest.raises(BadInput):
        run(experiment, settings_with("rmvpe"))
    assert not experiment.pitch_hz.exists()


# --- RMVPE, with weights that mean nothing ---------------------------------------------------------
@pytest.fixture
def with_rmvpe(experiment: Experiment, rmvpe_home: Workspace) -> Experiment:
    experiment.workspace.pretrained.symlink_to(rmvpe_home.pretrained)
    return experiment


@pytest.mark.soak
def test_rmvpe_resumes_to_the_same_numbers(with_rmvpe: Experiment) -> None:
    experiment = with_rmvpe
    pitch.check_ready(experiment, settings_with("auto"))
    run(experiment, settings_with("auto"))
    before = [files_of(experiment, f"{i}_0") for i in range(3)]
    assert all(len(hz) == 28321 // 160 for _, hz, _ in before)
    (experiment.pitch_hz / "1_0.wav.npy").unlink()
    (experiment.voicing / "2_0.wav.npy").unlink()
    run(experiment, settings_with("rmvpe"))
    after = [files_of(experiment, f"{i}_0") for i in range(3)]
    assert all(
        np.array_equal(a, b) for old, new in zip(before, after, strict=True) for a, b in zip(old, new, strict=True)
    )
    assert rmvpe._loaded.cache_info().currsize == 0, "the network is given back"


def test_broken_weights_are_named_before_anything_is_done(experiment: Experiment) -> None:
    experiment.workspace.pretrained.mkdir()
    (experiment.workspace.pretrained / "rmvpe.pt").write_bytes(b"<html>not found</html>")
    for attempt in (
        lambda: pitch.check_ready(experiment, settings_with("auto")),
        lambda: run(experiment, settings_with("auto")),
    ):
        with pytest.raises(BadInput, match=r"rmvpe\.pt"):
            attempt()
    assert not experiment.pitch_hz.exists()


def test_clips_of_a_length_go_together_on_a_gpu(experiment: Experiment) -> None:
    for i in range(3, 40):
        add_clip(experiment, f"{i}_0", np.zeros(8000 if i % 2 else 3200))
    clips = experiment.clips()
    task = pitch.PitchTask(
        [], "rmvpe", "cuda", True, experiment.wavs_16k, *[experiment.folder] * 3, experiment.workspace
    )
    parts = [part.clips for part in by_length(task, clips)]
    assert (
        sorted(clip for part in parts for clip in part) == sorted(clips)
        and max(map(len, parts)) == PITCH_TRACKERS.get("rmvpe").together
    )
    assert {int(clip[:-2]) % 2 for clip in parts[0]} == {0}, "the shortest first"
    assert [part.clips for part in by_length(replace(task, device="cpu"), clips)] == [[clip] for clip in clips]
