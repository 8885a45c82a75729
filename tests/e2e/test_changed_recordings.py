"""Recordings that are touched, copied, added, renamed, moved away: only what they touch is done anew, and a voice is
never lost."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from rvc_engine.audio.io import encode
from rvc_engine.dataset.clip_table import ClipRow, SourceRow, read_rows
from rvc_engine.events import (
    Event,
    Paused,
    Progressed,
    Resumed,
    StageSkipped,
    StageStarted,
    TrainStepped,
    Warned,
    from_dict,
)
from rvc_engine.experiment import Experiment
from rvc_engine.run.journal import Journal, history
from rvc_engine.run.pipeline import back_up_stage, run_pipeline
from rvc_engine.run.stage_list import usual_stages
from rvc_engine.voices.small_model import read_voice
from rvc_engine.workspace import Workspace
from tests.conftest import Rvc

TINY = (
    "--preset",
    "starter-tiny",
    "--set",
    "pitch.method=praat",
    "--set",
    "train.batch_size=2",
    "--set",
    "train.threads=1",
)


def tone(path: Path, hz: float, seconds: float = 1.6) -> None:
    t = np.arange(int(seconds * 16000)) / 16000
    wave = 0.4 * np.sin(2 * np.pi * hz * t) * (1 + 0.5 * np.sin(2 * np.pi * 3 * t)) / 1.5
    encode(path, (wave * 32767).astype(np.int16), 16000, "wav")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with a finished voice of two epochs, and its recordings beside it."""
    home = tmp_path_factory.mktemp("finished")
    (home / "recordings").mkdir()
    for number in range(3):
        tone(home / "recordings" / f"{number}.wav", 150 + 40 * number)
    done = Rvc(home)("run", "voice", "--dataset", home / "recordings", *TINY, "--epochs", "2", "--plain")
    assert done.returncode == 0, done.stdout + done.stderr
    return home


@pytest.fixture
def rvc(finished: Path, tmp_path: Path) -> Rvc:
    """A copy of that workspace, without its times. The recordings are those of the copy."""
    home = tmp_path / "home"
    shutil.copytree(finished, home, copy_function=shutil.copy)
    toml = home / "logs" / "voice" / "experiment.toml"
    toml.write_text(toml.read_text().replace(str(finished), str(home)))
    return Rvc(home)


def voice_of(rvc: Rvc) -> Experiment:
    return Workspace(rvc.home).experiment("voice")


def run(rvc: Rvc, epochs: int = 0, fresh: bool = False, **train: object) -> list[Event]:
    """The whole pipeline in this process, as `rvc run voice` does it."""
    experiment = voice_of(rvc)
    settings = experiment.load_settings()
    settings.train.epochs = epochs or settings.train.epochs
    for key, value in train.items():
        setattr(settings.train, key, value)
    if fresh:
        for stage in usual_stages():
            back_up_stage(stage, experiment, settings)
    with Journal.next_in(experiment.runs)[1] as journal:
        events = [journal.append(event) for event in run_pipeline(experiment, settings, usual_stages())]
    experiment.save_settings(settings)
    return events


def of(events: list[Event], kind: type) -> list:
    return [event for event in events if isinstance(event, kind)]


def steps_of(experiment: Experiment) -> list[int]:
    return [event.step for event in history(experiment.runs) if isinstance(event, TrainStepped)]


@pytest.mark.soak
def test_a_copy_without_times_and_touched_recordings_are_up_to_date(rvc: Rvc) -> None:
    voice = voice_of(rvc).small_model.read_bytes()
    assert [event.stage for event in of(run(rvc), StageSkipped)] == [
        "preprocess",
        "pitch",
        "features",
        "train",
        "index",
    ]
    os.utime(rvc.home / "recordings" / "1.wav", (1e9, 1e9))
    events = run(rvc)
    assert len(of(events, StageSkipped)) == 5 and not of(events, StageStarted)
    assert voice_of(rvc).small_model.read_bytes() == voice and not voice_of(rvc).path("aside").exists()
    row = next(row for row in read_rows(voice_of(rvc).sources_csv, SourceRow) if row.source == "1.wav")
    assert row.mtime_ns == 10**18, "its time is noted, so that it is not hashed again"


@pytest.mark.soak
def test_one_more_recording_and_the_training_resumes(rvc: Rvc) -> None:
    experiment = voice_of(rvc)
    before, clips = (
        steps_of(experiment),
        {path.name: path.stat().st_mtime_ns for path in experiment.ground_truth.iterdir()},
    )
    tone(rvc.home / "recordings" / "more.wav", 333)
    idle = run(rvc)
    assert not of(idle, TrainStepped) and any(
        "Nothing was trained on the changed set" in event.title for event in of(idle, Warned)
    )
    assert {name: (experiment.ground_truth / name).stat().st_mtime_ns for name in clips} == clips, (
        "only the new one was cut"
    )
    assert len(list(experiment.features(256).iterdir())) == len(clips) + 1
    assert any(event.stage == "train" and "input changed" in event.reason for event in of(run(rvc), StageStarted)), (
        "not forgotten"
    )
    events = run(rvc, epochs=3)
    assert any(
        "resumes on a changed set" in event.title and "1 clip added" in event.message for event in of(events, Warned)
    )
    after = of(events, TrainStepped)
    assert after[0].step == before[-1] + 1 and {event.epoch for event in after} == {3}
    assert len(of(run(rvc), StageSkipped)) == 5


@pytest.mark.soak
def test_a_renamed_recording_keeps_its_clips_and_a_removed_one_takes_its_own(rvc: Rvc) -> None:
    experiment = voice_of(rvc)
    numbers = {row.source: row.i for row in read_rows(experiment.sources_csv, SourceRow)}
    (rvc.home / "recordings" / "0.wav").rename(rvc.home / "recordings" / "zero.wav")
    (rvc.home / "recordings" / "2.wav").unlink()
    events = run(rvc, epochs=3)
    assert of(events, TrainStepped)[0].epoch == 3
    rows = read_rows(experiment.clips_csv, ClipRow)
    assert {row.source: row.i for row in rows} == {"zero.wav": numbers["0.wav"], "1.wav": numbers["1.wav"]}
    assert list(experiment.path("aside").rglob(f"{numbers['2.wav']}_0.wav")), "in a backup"


@pytest.mark.soak
def test_a_restart_is_asked_about_and_the_voice_stays_until_its_successor_is_whole(rvc: Rvc) -> None:
    experiment = voice_of(rvc)
    voice, index = experiment.small_model.read_bytes(), experiment.indexes()[-1]
    refused = rvc("run", "voice", "--set", "train.speaker=1", "--plain")
    assert refused.returncode == 2 and "restart the training" in refused.stderr and "--yes" in refused.stderr
    assert experiment.small_model.read_bytes() == voice and experiment.load_settings().train.speaker == 0

    words = ("run", "voice", "--set", "train.speaker=1", "--yes", "--until", "train", "--json")
    process = rvc.start(*words)
    assert process.stdout is not None
    seen_while_training = False
    for line in process.stdout:
        if '"TrainStepped"' in line and not seen_while_training:
            seen_while_training = experiment.small_model.read_bytes() == voice and index.is_file()
    assert process.wait() == 0 and seen_while_training
    assert experiment.small_model.read_bytes() != voice, "the same epoch and step, and yet another voice"
    backups = [path.read_bytes() for path in experiment.path("aside").rglob("voice.pth")]
    assert voice in backups


@pytest.mark.soak
def test_other_recordings_are_asked_about(rvc: Rvc, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    tone(tmp_path / "other" / "0.wav", 500)
    refused = rvc("run", "voice", "--dataset", tmp_path / "other", "--epochs", "3", "--plain")
    assert refused.returncode == 2 and "other recordings" in refused.stderr and "--yes" in refused.stderr
    assert voice_of(rvc).load_settings().dataset == str(rvc.home / "recordings")
    accepted = rvc("run", "voice", "--dataset", tmp_path / "other", "--epochs", "3", "--yes", "--json")
    first = next(line for line in accepted.stdout.splitlines() if '"TrainStepped"' in line)
    assert accepted.returncode == 0 and json.loads(first)["epoch"] == 3


@pytest.mark.parametrize("gone", ["moved", pytest.param("unmounted", marks=pytest.mark.soak)])
@pytest.mark.soak
def test_later_stages_work_without_the_recordings(rvc: Rvc, gone: str) -> None:
    folder = rvc.home / "recordings"
    folder.rename(rvc.home / "elsewhere")
    if gone == "unmounted":
        folder.mkdir()
    events = run(rvc, epochs=3)
    assert of(events, TrainStepped)[0].epoch == 3
    assert "the recordings are missing" in of(events, StageSkipped)[0].reason
    assert rvc("train", "voice", "--plain").returncode == 0
    missing = rvc("run", "voice", "--dataset", folder / "typing error", "--plain")
    assert missing.returncode == 2 and "typing error" in missing.stderr
    needed = rvc("run", "voice", "--set", "preprocess.clip_s=3", "--plain")
    assert needed.returncode == 2 and "recordings are missing" in needed.stderr


@pytest.mark.soak
def test_recordings_that_vanish_in_mid_run_pause_the_stage(tmp_path: Path) -> None:
    """A disk that is unmounted while its recordings are cut: the stage waits, and resumes when they are back."""
    rvc, folder = Rvc(tmp_path / "home"), tmp_path / "disk"
    folder.mkdir()
    for number in range(4):
        tone(folder / f"{number}.wav", 150 + 20 * number, seconds=40)
    process = rvc.start(
        "preprocess", "voice", "--dataset", folder, "--preset", "starter-tiny", "--workers", "1", "--json"
    )
    assert process.stdout is not None
    events: list[Event] = []
    for line in process.stdout:
        event = from_dict(json.loads(line))
        assert event is not None
        events.append(event)
        if isinstance(event, Progressed) and folder.exists() and not of(events, Paused):
            folder.rename(tmp_path / "unplugged")
        elif isinstance(event, Paused):
            assert "vanished" in event.reason
            (tmp_path / "unplugged").rename(folder)
    assert process.wait() == 0
    assert of(events, Paused) and of(events, Resumed)
    assert {row.outcome for row in read_rows(Workspace(rvc.home).experiment("voice").sources_csv, SourceRow)} == {
        "used"
    }


@pytest.mark.soak
def test_recordings_that_stay_away_fail_the_run(tmp_path: Path) -> None:
    rvc, folder = Rvc(tmp_path / "home"), tmp_path / "disk"
    folder.mkdir()
    for number in range(3):
        tone(folder / f"{number}.wav", 150 + 20 * number, seconds=40)
    words = ("--preset", "starter-tiny", "--set", "preprocess.workers=1", "--set", "train.disk_wait_s=1")
    process = rvc.start("run", "voice", "--dataset", folder, *words, "--json")
    assert process.stdout is not None
    for line in process.stdout:
        if '"Progressed"' in line and folder.exists():
            folder.rename(tmp_path / "unplugged")
    assert process.wait() == 1 and "vanished" in line and '"StageFailed"' in line


def test_a_workspace_of_an_earlier_version_is_up_to_date(rvc: Rvc) -> None:
    """Receipts with times and digests in them, sources.csv without hashes: as commit 1af184d wrote them."""
    from rvc_engine.dataset.contents import as_before_hashes
    from rvc_engine.run.receipts import outputs_digest
    from rvc_engine.stages.receipt import Receipt, fingerprint, receipt_path

    experiment = voice_of(rvc)
    settings = experiment.load_settings()
    lines = experiment.sources_csv.read_text().splitlines()
    experiment.sources_csv.write_text("".join(line.rpartition(",")[0] + "\n" for line in lines))
    for row in read_rows(experiment.sources_csv, SourceRow):
        os.utime(rvc.home / "recordings" / row.source, ns=(row.mtime_ns, row.mtime_ns))
    digests: dict[str, str] = {}
    for name, stage in ((stage.name, stage) for stage in usual_stages()):
        receipt = Receipt.load(receipt_path(experiment, name))
        assert receipt is not None
        needs = {need: digests[need] for need in stage.needs}
        receipt.inputs = fingerprint(as_before_hashes(settings) if name == "preprocess" else needs)
        if name in ("train", "index"):
            receipt.identity = {**{k: v for k, v in receipt.identity.items() if k != "unvoiced"}, "upstream": needs}
        receipt.outputs = outputs_digest(stage, experiment, settings)
        digests[name] = receipt.digest
        receipt.save(receipt_path(experiment, name))
    experiment.training_set.unlink()
    assert len(of(run(rvc), StageSkipped)) == 5
    events = run(rvc, epochs=3)
    assert of(events, TrainStepped)[0].epoch == 3


@pytest.mark.soak
def test_config_json_lets_rvcs_own_program_train_on(rvc: Rvc) -> None:
    """Its trainer counts to train.epochs of config.json whatever -te says, and it keeps a file that is there."""
    path = voice_of(rvc).config_json
    assert json.loads(path.read_text())["train"]["epochs"] == 20000
    theirs = {**json.loads(path.read_text()), "added": "by another program"}
    path.write_text(json.dumps(theirs))
    run(rvc, epochs=3)
    assert json.loads(path.read_text()) == theirs
    theirs["data"]["sampling_rate"] = 48000
    path.write_text(json.dumps(theirs))
    run(rvc, epochs=4)
    assert json.loads(path.read_text())["data"]["sampling_rate"] == 16000
    assert [json.loads(p.read_text())["added"] for p in voice_of(rvc).path("aside").rglob("config.json")] == [
        "by another program"
    ]


@pytest.mark.soak
def test_voices_of_a_training_before_do_not_outrank_the_new_one(rvc: Rvc) -> None:
    """Without NAME.pth the highest epoch is the voice: it stays while the training is done anew, and no longer."""
    experiment = voice_of(rvc)
    kept = experiment.small_model_at(99, 990)
    experiment.small_model.rename(kept)
    events = run(rvc, fresh=True, epochs=1, save_small=False)
    assert of(events, TrainStepped) and experiment.small_models() == [experiment.small_model]
    assert read_voice(experiment.small_model).epoch == 1
    assert list(experiment.path("aside").rglob(kept.name))
