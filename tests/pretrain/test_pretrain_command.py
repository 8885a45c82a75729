"""rvc pretrain as users run it: real processes, four recordings of two speakers, tiny networks."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from pathlib import Path

import pytest

from rvc_engine.commands.cli import main
from rvc_engine.disk import sha256_of
from rvc_engine.errors import BadInput
from rvc_engine.events import CheckpointSaved, Event, RunFinished, RunStarted, StageSkipped, TrainStepped
from rvc_engine.experiment import Experiment
from rvc_engine.files.weights import metadata_of, read_tensors
from rvc_engine.run.journal import history
from rvc_engine.run.stage_list import stages_of
from rvc_engine.settings import apply, for_base, for_preset
from rvc_engine.settings_file import render_toml
from rvc_engine.voices.checkpoint import read_checkpoint
from rvc_engine.workspace import Workspace
from tests.conftest import Rvc
from tests.e2e.test_rvc_run import events_of
from tests.pretrain.conftest import two_speakers
from tests.pretrain.packages import needs_packages

STAGES = ["preprocess", "encoder", "pitch", "features", "train", "base"]
pytestmark = needs_packages
ENCODER = {
    "steps": 60,
    "width": 16,
    "blocks": 1,
    "batch": 2,
    "crop-s": 0.5,
    "versions": 1,
    "save-every": 5,
    "threads": 1,
    "workers": 1,
}
TINY = [word for key, value in ENCODER.items() for word in (f"--encoder-{key}", str(value))]
TINY += [
    "--preset",
    "phonetic-tiny",
    "--encoder-recogniser",
    "none",
    "--method",
    "praat",
    "--batch-size",
    "2",
    "--set",
    "train.threads=1",
]
TINY += ["--no-audition", "--no-save-small"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Rvc, Path, list[Event]]:
    """One finished base that several tests look at."""
    home = tmp_path_factory.mktemp("home")
    dataset = two_speakers(home / "speech")
    done = Rvc(home)("pretrain", "base", "--dataset", dataset, *TINY, "--epochs", "2", "--json")
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    return Rvc(home), dataset, events_of(done.stdout)


def experiment_of(rvc: Rvc, name: str = "base") -> Experiment:
    return Workspace(rvc.home).experiment(name)


@pytest.mark.soak
def test_every_stage_runs_and_the_end_names_the_files(made: tuple[Rvc, Path, list[Event]]) -> None:
    rvc, _, events = made
    started, end = events[0], events[-1]
    assert isinstance(started, RunStarted) and started.stages == STAGES
    assert isinstance(end, RunFinished)
    names = [Path(artefact["path"]).name for artefact in end.artefacts]
    assert names == [
        "encoder.safetensors",
        "probes.json",
        "base.pth",
        "G.safetensors",
        "D.safetensors",
        "encoder.safetensors",
        "card.md",
    ]
    steps = [event for event in events if isinstance(event, TrainStepped)]
    assert [s.step for s in steps if s.stage == "encoder"] == list(range(1, 61))
    assert set(steps[0].losses) == {"phones", "reconstruction", "consistency", "speaker"}
    again = rvc("pretrain", "base", "--json")
    assert [e.stage for e in events_of(again.stdout) if isinstance(e, StageSkipped)] == STAGES
    assert main(["run", "base", "--until", "index", "--home", str(rvc.home)]) == 2


@pytest.mark.soak
def test_the_base_is_what_voices_start_from(made: tuple[Rvc, Path, list[Event]]) -> None:
    rvc, _, _ = made
    experiment = experiment_of(rvc)
    g, d = (experiment.base / f"{kind}.safetensors" for kind in "GD")
    assert (read_checkpoint(g).kind, read_checkpoint(d).kind) == ("G", "D")
    table = read_tensors(g)["emb_g.weight"].float()
    assert table[0].allclose(table[[1, 2]].mean(0), atol=2e-3) and not table[0].equal(table[3])
    about = metadata_of(g)
    assert (about["preset"], about["version"], about["encoder"], about["kind"]) == (
        "phonetic-tiny",
        "starter-1",
        "phonetic-256-1",
        "G",
    )
    assert about["encoder_sha256"] == sha256_of(experiment.base / "encoder.safetensors")
    model_card = (experiment.base / "card.md").read_text()
    for words in (
        "2 speakers",
        "CMU ARCTIC",
        "CC-BY-4.0",
        "rvc pretrain base",
        "encoder.steps=60",
        "seed 1234",
        "Probes",
    ):
        assert words in model_card
    assert str(rvc.home) not in model_card
    probes = json.loads((experiment.encoder / "probes.json").read_text())
    assert probes["step"] == 60 and probes["phone_accuracy"] is None and probes["speaker"]["features"] is not None


@pytest.mark.soak
def test_a_voice_is_trained_from_it(made: tuple[Rvc, Path, list[Event]]) -> None:
    rvc, dataset, _ = made
    experiment = experiment_of(rvc)
    started = [
        "--pretrained-g",
        str(experiment.base / "G.safetensors"),
        "--pretrained-d",
        str(experiment.base / "D.safetensors"),
    ]
    words = [
        "run",
        "voice",
        "--dataset",
        dataset / "ann",
        "--preset",
        "phonetic-tiny",
        *started,
        "--method",
        "praat",
        "--batch-size",
        "2",
    ]
    (rvc.home / "pretrained" / "starter").mkdir(parents=True)
    shutil.copy(experiment.base / "encoder.safetensors", rvc.home / "pretrained" / "starter")
    done = rvc(*words, "--set", "train.threads=1", "--epochs", "1", "--json")
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    steps = [event for event in events_of(done.stdout) if isinstance(event, TrainStepped)]
    base_steps = [
        event for event in history(experiment.runs) if isinstance(event, TrainStepped) and event.stage == "train"
    ]
    assert steps[0].losses["mel"] < base_steps[0].losses["mel"]
    toml = experiment_of(rvc, "voice").settings_toml.read_text()
    assert "[encoder]" not in toml and "base =" not in toml


def kill_after_a_save(rvc: Rvc, words: list[str | Path]) -> None:
    """SIGKILL for the engine as soon as its first state is saved."""
    process = rvc.start(*words, "--json")
    experiment, deadline = experiment_of(rvc), time.monotonic() + 60
    while time.monotonic() < deadline:
        if experiment.runs.is_dir() and any(isinstance(event, CheckpointSaved) for event in history(experiment.runs)):
            break
        time.sleep(0.02)
    os.kill(next(event.pid for event in history(experiment.runs) if isinstance(event, RunStarted)), signal.SIGKILL)
    process.communicate(timeout=30)
    assert process.returncode == 1 and not experiment.own_encoder.exists()


@pytest.mark.soak
def test_killed_and_moved_to_another_machine_it_comes_to_the_same_end(
    made: tuple[Rvc, Path, list[Event]], home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The encoder's training killed and resumed, then one epoch here and one there, give what an uninterrupted run
    gave."""
    first, dataset, _ = made
    here, there, parts = Rvc(home), Rvc(tmp_path / "there"), tmp_path / "parts"
    words: list[str | Path] = ["pretrain", "base", "--dataset", dataset, *TINY]
    kill_after_a_save(here, words)
    begun = here(*words, "--epochs", "1", "--json")
    assert begun.returncode == 0, begun.stdout[-2000:] + begun.stderr
    steps = [
        event.step for event in events_of(begun.stdout) if isinstance(event, TrainStepped) and event.stage == "encoder"
    ]
    assert 1 < steps[0] <= 60 and steps[-1] == 60
    whole, resumed = (read_tensors(experiment_of(rvc).own_encoder) for rvc in (first, here))
    assert all(whole[key].equal(resumed[key]) for key in whole)

    assert main(["pretrain", "base", "--save-state", str(parts), "--home", str(home)]) == 0
    files = list(parts.iterdir())
    assert {"encoder.json", "train.json"} <= {path.name for path in files} and all(
        path.stat().st_size < 16_000_000 for path in files
    )
    continued = there(*words, "--epochs", "2", "--load-state", parts, "--json")
    assert continued.returncode == 0, continued.stdout[-2000:] + continued.stderr
    done = [event for event in events_of(continued.stdout) if isinstance(event, TrainStepped)]
    assert {event.stage for event in done} == {"train"} and {event.epoch for event in done} == {2}
    g, other = (read_tensors(experiment_of(rvc).base / "G.safetensors") for rvc in (first, there))
    assert all(g[key].equal(other[key]) for key in g)

    part = next(parts.glob("train-*.safetensors"))
    part.write_bytes(part.read_bytes()[:-10])
    before = sorted(path.name for path in experiment_of(there).folder.iterdir())
    capsys.readouterr()
    assert main(["pretrain", "base", "--load-state", str(parts), "--home", str(there.home)]) == 2
    assert part.name in capsys.readouterr().err
    assert sorted(path.name for path in experiment_of(there).folder.iterdir()) == before


def test_bad_input_is_refused_before_anything_is_written(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset = two_speakers(tmp_path / "speech")

    def refused(*words: str | Path, says: str) -> None:
        assert main(["pretrain", "base", *map(str, words), "--home", str(home)]) == 2
        assert says in capsys.readouterr().err
        assert not (home / "logs" / "base").exists()

    refused("--dataset", dataset, *TINY, "--encoder-steps", "0", says="encoder.steps")
    refused("--dataset", dataset, *TINY, "--encoder", dataset / "ann", says="--encoder")
    refused("--dataset", dataset, *TINY, "--load-state", tmp_path, says="no training state")
    refused("--save-state", tmp_path / "out", says="no experiment")
    (dataset / "bob").rename(dataset / "0")
    (dataset / "ann").rename(dataset / "1")
    refused("--dataset", dataset, *TINY, says="row 0")
    shutil.copy(next((dataset / "1").glob("*.flac")), dataset)
    refused("--dataset", dataset, *TINY, says="no speaker")


def test_voices_have_none_of_it() -> None:
    settings = for_preset("phonetic-tiny")
    assert [stage.name for stage in stages_of(settings)] == ["preprocess", "pitch", "features", "train", "index"]
    with pytest.raises(BadInput, match=r"encoder\.steps"):
        apply(settings, "encoder.steps", 5)
    assert "[encoder]" not in render_toml(settings) and "base =" not in render_toml(settings)
    base = for_base("v2-40k")
    assert "encoder" not in [stage.name for stage in stages_of(base)]  # HuBERT is not trained
    assert "base = true" in render_toml(base)


@pytest.mark.soak
async def test_the_app_shows_a_base(made: tuple[Rvc, Path, list[Event]]) -> None:
    from rvc_engine.client.engine_client import EngineClient
    from rvc_tui.app import RvcApp
    from rvc_tui.places import PLACES

    rvc, _, _ = made
    app = RvcApp(EngineClient(rvc.home, "base"), first="train")
    async with app.run_test(size=(100, 30)) as pilot:
        for _ in range(200):
            await pilot.pause(0.05)
            if app.session.state.outlook.plan and app.session.state.view.run:
                break
        assert [row[0] for row in app.session.state.outlook.plan] == STAGES
        seen = ""
        for place in PLACES:
            app.action_go(place.name)
            await pilot.pause(0.1)
            seen += "\n".join(strip.text for strip in app.screen._compositor.render_strips())
        assert app.is_running
        assert "Train the content encoder" in seen or "encoder " in seen


@pytest.mark.soak
def test_the_app_displays_the_encoders_steps(made: tuple[Rvc, Path, list[Event]]) -> None:
    from rvc_engine.run.view import RunView
    from rvc_tui.widgets.chart import ChartPanel
    from rvc_tui.widgets.pace import PacePanel

    _, _, events = made
    view = RunView()
    for event in events:
        view.fold(event)
        if isinstance(event, TrainStepped) and event.step == 40:
            break
    assert view.stage == "encoder"
    assert PacePanel(ascii=True).pace(view, event.at).plain.startswith("step 40/60")
    assert {curve.name for curve in ChartPanel(ascii=True).others(view)} <= {
        "phones",
        "reconstruction",
        "consistency",
        "speaker",
    }
    for event in events:
        view.fold(event)
    assert view.curves.last_step == max(e.step for e in events if isinstance(e, TrainStepped) and e.stage == "train")
