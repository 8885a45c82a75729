"""rvc run as users run it: real processes, real speech, a tiny voice."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import pytest

from rvc_engine.events import (
    CheckpointSaved,
    Event,
    Progressed,
    RunFinished,
    StageStarted,
    StageStopped,
    TrainStepped,
    from_dict,
)
from rvc_engine.run.journal import history
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


def events_of(output: str) -> list[Event]:
    events = [from_dict(json.loads(line)) for line in output.splitlines()]
    assert all(event is not None for event in events)
    return [event for event in events if event is not None]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, speech: list[Path]) -> tuple[Rvc, list[Event]]:
    """One finished run that several tests look at."""
    folder = tmp_path_factory.mktemp("trained")
    (folder / "my recordings").mkdir()
    for path in speech:
        (folder / "my recordings" / path.name).symlink_to(path)
    rvc = Rvc(folder)
    done = rvc("run", "voice", "--dataset", folder / "my recordings", *TINY, "--set", "train.epochs=2", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    return rvc, events_of(done.stdout)


def test_json_is_one_event_a_line_and_ends_with_artefacts(trained: tuple[Rvc, list[Event]]) -> None:
    _, events = trained
    end = events[-1]
    assert isinstance(end, RunFinished)
    paths = [Path(a["path"]) for a in end.artefacts]
    assert [p.suffix for p in paths] == [".pth", ".index"]
    for artefact, path in zip(end.artefacts, paths, strict=True):
        assert path.stat().st_size == artefact["bytes"] > 0
        assert len(artefact["sha256"]) == 64
    steps = [e for e in events if isinstance(e, TrainStepped)]
    assert [e.step for e in steps] == list(range(1, len(steps) + 1))
    assert steps[0].epoch == 1 and "mel" in steps[0].losses


def test_the_layout_is_that_of_rvc(trained: tuple[Rvc, list[Event]]) -> None:
    rvc, _ = trained
    experiment = Workspace(rvc.home).experiment("voice")
    clips = experiment.clips()
    assert clips
    for folder, name in (
        (experiment.ground_truth, "{}.wav"),
        (experiment.wavs_16k, "{}.wav"),
        (experiment.pitch_coarse, "{}.wav.npy"),
        (experiment.pitch_hz, "{}.wav.npy"),
        (experiment.features(256), "{}.npy"),
    ):
        assert sorted(p.name for p in folder.iterdir()) == sorted(name.format(clip) for clip in clips)
    for name in (
        "experiment.toml",
        "clips.csv",
        "sources.csv",
        "config.json",
        "filelist.txt",
        "total_fea.npy",
        "runs/0001.jsonl",
    ):
        assert experiment.path(name).is_file(), name
    assert list(experiment.folder.glob("G_*.pth")) and list(experiment.folder.glob("D_*.pth"))
    assert not list(experiment.folder.rglob("*.part"))


def test_status_list_and_attach_tell_the_same_end(trained: tuple[Rvc, list[Event]]) -> None:
    rvc, events = trained
    status = json.loads(rvc("status", "voice", "--json").stdout)
    needed = {
        "name",
        "state",
        "stage",
        "done",
        "total",
        "epoch",
        "step",
        "losses",
        "pid",
        "started_at",
        "updated_at",
        "run",
        "error",
        "artefacts",
    }
    assert needed <= set(status)
    assert (status["state"], status["epoch"], status["error"]) == ("finished", 2, None)
    assert status["artefacts"] == events[-1].artefacts  # type: ignore[attr-defined]
    assert [v["name"] for v in json.loads(rvc("list", "--json").stdout)] == ["voice"]
    attached = rvc("attach", "voice", "--json")
    assert attached.returncode == 0
    assert [type(e) for e in events_of(attached.stdout)] == [type(e) for e in events]


@pytest.mark.soak
def test_a_second_run_skips_what_is_up_to_date_and_more_epochs_continue(trained: tuple[Rvc, list[Event]]) -> None:
    rvc, _ = trained
    again = rvc("run", "voice", "--plain")
    assert again.returncode == 0
    assert again.stdout.count("skipped (up to date)") == 5
    assert again.stdout.rstrip().splitlines()[-1].startswith("artefact: ")
    more = rvc("train", "voice", "--epochs", "3", "--json")
    steps = [e for e in events_of(more.stdout) if isinstance(e, TrainStepped)]
    assert more.returncode == 0
    assert {e.epoch for e in steps} == {3}
    experiment = Workspace(rvc.home).experiment("voice")
    every = [e.step for e in history(experiment.runs) if isinstance(e, TrainStepped)]
    assert every == list(range(1, len(every) + 1))


@pytest.mark.soak
def test_convert_by_name(trained: tuple[Rvc, list[Event]], speech: list[Path], tmp_path: Path) -> None:
    rvc, _ = trained
    done = rvc(
        "convert",
        "voice",
        *speech,
        "--output",
        tmp_path / "out",
        "--pitch-method",
        "praat",
        "--format",
        "flac",
        "--plain",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert sorted(p.stem for p in (tmp_path / "out").iterdir()) == sorted(p.stem for p in speech)
    assert done.stdout.rstrip().splitlines()[-1].startswith("artefact: ")


def test_another_preset_is_refused_unless_fresh(trained: tuple[Rvc, list[Event]]) -> None:
    rvc, _ = trained
    refused = rvc("run", "voice", "--preset", "v1-40k-tiny")
    assert refused.returncode == 2
    assert "--fresh" in refused.stderr


def test_a_run_without_a_preset_says_which_it_takes(rvc: Rvc, dataset: Path) -> None:
    done = rvc("run", "voice", "--dataset", dataset, "--until", "preprocess", "--plain")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "starter" in done.stdout.splitlines()[0] and "hubert_base" in done.stdout.splitlines()[0]


@pytest.mark.soak
def test_a_preset_whose_weights_are_missing_is_refused_with_the_fix(rvc: Rvc, home: Path, dataset: Path) -> None:
    refused = rvc("run", "voice", "--dataset", dataset, "--preset", "v2-40k")
    assert refused.returncode == 2
    assert "hubert" in refused.stderr and "starter" in refused.stderr
    assert not (home / "logs").exists()


@pytest.mark.parametrize(
    "words",
    [
        ("run",),
        ("run", "x"),
        ("run", "x", "--dataset", "/nowhere"),
        ("run", "x", "--set", "train.epochs=0"),
        ("run", "x", "--set", "epochs"),
        ("run", "x", "--nonsense"),
        ("run", "/tmp", "--dataset", "/nowhere"),
        ("train", "x", "--epochs", "x"),
        ("nonsense",),
        ("status", "nobody"),
        ("attach", "nobody"),
        ("convert", "nobody", "/nowhere.wav", "--output", "/tmp/x.wav"),
    ],
)
def test_bad_arguments_are_exit_2_with_one_line_and_nothing_written(
    rvc: Rvc, home: Path, words: tuple[str, ...]
) -> None:
    done = rvc(*words)
    assert done.returncode == 2
    assert done.stderr.strip() and "Traceback" not in done.stderr
    assert list(home.iterdir()) == []


@pytest.mark.soak
def test_stop_saves_and_the_next_run_resumes_without_a_gap(rvc: Rvc, home: Path, dataset: Path) -> None:
    start = rvc("run", "voice", "--dataset", dataset, *TINY, "--set", "train.epochs=400", "--detach")
    assert start.returncode == 0, start.stderr
    assert "rvc attach voice" in start.stdout
    experiment = Workspace(home).experiment("voice")

    def steps() -> list[int]:
        return [e.step for e in history(experiment.runs) if isinstance(e, TrainStepped)]

    deadline = time.monotonic() + 60
    while len(steps()) < 3:
        assert time.monotonic() < deadline, experiment.engine_log.read_text()
        time.sleep(0.1)
    second = rvc("run", "voice", "--plain")
    assert second.returncode == 3
    assert "rvc stop voice" in second.stderr
    stopped = rvc("stop", "voice")
    assert stopped.returncode == 0 and "stopped" in stopped.stdout
    assert isinstance(list(history(experiment.runs))[-1], StageStopped)
    done = len(steps())
    epochs = json.loads(rvc("status", "voice", "--json").stdout)["epoch"] + 1
    resumed = rvc("run", "voice", "--set", f"train.epochs={epochs}", "--json")
    assert resumed.returncode == 0, resumed.stdout + resumed.stderr
    assert len(steps()) > done
    assert steps() == list(range(1, len(steps()) + 1))


@pytest.mark.soak
def test_sigterm_to_the_command_stops_the_run_with_130(rvc: Rvc, home: Path, dataset: Path) -> None:
    process = rvc.start("run", "voice", "--dataset", dataset, *TINY, "--set", "train.epochs=400", "--json")
    assert process.stdout is not None
    for line in process.stdout:
        if isinstance(from_dict(json.loads(line)), TrainStepped):
            break
    process.send_signal(signal.SIGTERM)
    rest = process.stdout.read()
    assert process.wait(60) == 130
    assert isinstance(events_of(rest)[-1], StageStopped)


@pytest.mark.soak
def test_a_killed_follower_leaves_the_run_alone(rvc: Rvc, home: Path, dataset: Path) -> None:
    process = rvc.start("run", "voice", "--dataset", dataset, *TINY, "--set", "train.epochs=400", "--json")
    assert process.stdout is not None
    first = from_dict(json.loads(process.stdout.readline()))
    process.kill()
    process.wait()
    experiment = Workspace(home).experiment("voice")
    assert first is not None
    deadline = time.monotonic() + 60
    while not any(isinstance(e, TrainStepped) for e in history(experiment.runs)):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert json.loads(rvc("status", "voice", "--json").stdout)["state"] == "running"
    assert rvc("stop", "voice").returncode == 0


@pytest.mark.soak
def test_a_killed_engine_is_reported_and_the_next_run_resumes(rvc: Rvc, home: Path, dataset: Path) -> None:
    process = rvc.start(
        "run",
        "voice",
        "--dataset",
        dataset,
        *TINY,
        "--set",
        "train.epochs=400",
        "--set",
        "train.save_every=1",
        "--json",
    )
    assert process.stdout is not None
    pid = 0
    for line in process.stdout:
        event = from_dict(json.loads(line))
        pid = pid or json.loads(line).get("pid", 0)
        if isinstance(event, CheckpointSaved) and event.kind == "checkpoint":
            break
    os.kill(pid, signal.SIGKILL)
    rest = process.stdout.read()
    assert process.wait(60) == 1
    assert "SIGKILL" in rest.splitlines()[-1]
    status = json.loads(rvc("status", "voice", "--json").stdout)
    assert status["state"] == "failed" and "was killed" in status["error"]["title"]
    epoch = status["epoch"] + 2
    resumed = rvc("run", "voice", "--set", f"train.epochs={epoch}", "--json")
    assert resumed.returncode == 0, resumed.stdout + resumed.stderr
    steps = [e for e in events_of(resumed.stdout) if isinstance(e, TrainStepped)]
    assert steps[0].epoch > 1


@pytest.mark.soak
def test_fresh_moves_the_old_work_to_a_backup(rvc: Rvc, home: Path, dataset: Path) -> None:
    for words in (("--until", "preprocess"), ("--until", "preprocess", "--fresh", "--preset", "v1-40k-tiny")):
        done = rvc("run", "voice", "--dataset", dataset, *(TINY if "--fresh" not in words else ()), *words, "--json")
        assert done.returncode == 0, done.stdout + done.stderr
    experiment = Workspace(home).experiment("voice")
    assert experiment.load_settings().preset == "v1-40k-tiny"
    assert list(experiment.path("aside").rglob("0_gt_wavs/*.wav"))
    events = events_of(done.stdout)
    assert any(isinstance(e, StageStarted) for e in events) and any(isinstance(e, Progressed) for e in events)


@pytest.mark.soak
def test_a_flag_of_several_stages_is_given_to_each(rvc: Rvc, home: Path, dataset: Path) -> None:
    """What hints say (--workers 1, --device cpu) works; --set is for one of them, and counts more."""
    words = (
        "--preset",
        "starter-tiny",
        "--workers",
        "1",
        "--device",
        "cpu",
        "--set",
        "pitch.workers=2",
        "--until",
        "preprocess",
    )
    assert rvc("run", "voice", "--dataset", dataset, *words).returncode == 0
    settings = Workspace(home).experiment("voice").load_settings()
    assert (settings.preprocess.workers, settings.pitch.workers) == (1, 2)
    assert (settings.pitch.device, settings.features.device, settings.train.device) == ("cpu", "cpu", "cpu")
    refused = rvc("run", "voice", "--workers", "-3")
    assert refused.returncode == 2 and "workers" in refused.stderr
