"""A name of all 200 bytes, in letters of three, through every command that makes a file of it; and a copied
experiment."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from rvc_engine.commands.cli import main
from rvc_engine.disk import sha256_of
from rvc_engine.events import RunFinished
from rvc_engine.experiment import Experiment
from rvc_engine.run.journal import Journal
from rvc_engine.run.pipeline import run_pipeline
from rvc_engine.run.stage_list import stages_until
from rvc_engine.run.status import read_view
from rvc_engine.settings import ExperimentSettings, for_preset
from rvc_engine.voices.index_file import sidecar_of
from rvc_engine.workspace import Workspace
from tests.conftest import Rvc
from tests.e2e.test_tiny_pipelines import tiny_settings

NAME = "声" * 66 + "ab"


@pytest.fixture(scope="module")
def trained(
    tmp_path_factory: pytest.TempPathFactory, speech: list[Path]
) -> tuple[Experiment, ExperimentSettings, list[RunFinished]]:
    home, recordings = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("recordings")
    shutil.copy(speech[0], recordings / "a.flac")
    shutil.copy(speech[1], recordings / "b.flac")
    experiment = Workspace(home).experiment(NAME)
    settings = tiny_settings("v2-40k", recordings)
    settings.train.save_small = True
    settings.train.audition = False
    return experiment, settings, run_and_record(experiment, settings)


def run_and_record(experiment: Experiment, settings: ExperimentSettings) -> list[RunFinished]:
    """As the engine does: settings and a journal too."""
    from rvc_engine.events import RunStarted

    experiment.save_settings(settings)
    number, journal = Journal.next_in(experiment.runs)
    ends = []
    with journal:
        journal.append(
            RunStarted(
                run=number,
                name=experiment.name,
                folder=str(experiment.folder),
                pid=1,
                host="x",
                version="0",
                preset=settings.preset,
                stages=["train"],
            )
        )
        for event in run_pipeline(experiment, settings, stages_until("index", settings)):
            journal.append(event)
            ends += [event] if isinstance(event, RunFinished) else []
    return ends


def rvc(home: Path, *words: str | Path) -> int:
    return main(["--home", str(home), *map(str, words)])


@pytest.mark.soak
def test_training_and_what_follows(
    trained: tuple[Experiment, ExperimentSettings, list[RunFinished]],
    speech: list[Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    experiment, _, ends = trained
    home = experiment.workspace.home
    assert len(ends) == 1 and len(experiment.small_models()) == 2 and experiment.small_model.name == f"{NAME}.pth"
    assert (
        rvc(
            home,
            "convert",
            NAME,
            speech[0],
            "--output",
            tmp_path,
            "--pitch-method",
            "praat",
            "--device",
            "cpu",
            "--plain",
        )
        == 0
    )
    assert rvc(home, "voice", "extract", NAME, "--replace") == 0
    assert (
        rvc(home, "voice", "list")
        == rvc(home, "voice", "info", NAME)
        == rvc(home, "list")
        == rvc(home, "status", NAME)
        == 0
    )
    for place in ("folder", "all.zip", "all.rvcvoice"):
        capsys.readouterr()
        assert rvc(home, "voice", "export", NAME, "--output", tmp_path / place, "--json") == 0
        written = [Path(path) for path in json.loads(capsys.readouterr().out)]
        assert all(path.is_file() for path in written)
        there = tmp_path / f"home of {place}"
        words = ["--index", str(written[1])] if place == "folder" else []
        if place == "folder":  # RVC's two files do not say which encoder: the tiny preset's is not that of its version
            shutil.copy(sidecar_of(experiment.indexes()[-1]), sidecar_of(written[1]))
        assert rvc(there, "voice", "import", written[0], *words, "--name", NAME) == 0
        imported = Workspace(there).experiment(NAME)
        assert imported.small_models() == [imported.small_model] and len(imported.indexes()) == 1
    assert rvc(home, "queue", "add", NAME) == rvc(home, "queue", "list") == 0


@pytest.mark.soak
def test_a_copy_reports_its_own_name(
    trained: tuple[Experiment, ExperimentSettings, list[RunFinished]], capsys: pytest.CaptureFixture[str]
) -> None:
    original, settings, _ = trained
    workspace = original.workspace
    copy = Experiment(workspace.logs / "copy", workspace)
    shutil.copytree(original.folder, copy.folder)
    before = {
        path: sha256_of(path) for path in [*workspace.weights.iterdir(), *original.folder.rglob("*")] if path.is_file()
    }
    view = read_view(copy)
    assert (view.name, view.folder, view.state) == ("copy", str(copy.folder), "finished")
    assert [artefact["path"] for artefact in view.artefacts] == [str(copy.indexes()[0])]  # it has no voice of its own
    for words in (
        ["status", "copy"],
        ["status", "copy", "--json"],
        ["attach", "copy", "--plain"],
        ["attach", "copy", "--json"],
    ):
        capsys.readouterr()
        assert rvc(workspace.home, *words) == 0
        said = capsys.readouterr().out
        assert (
            "copy" in said and f"logs/{NAME}" not in said and f"weights/{NAME}" not in said and f"of {NAME}" not in said
        )
    rvc(workspace.home, "list", "--json")
    assert {row["name"] for row in json.loads(capsys.readouterr().out)} == {NAME, "copy"}

    run_and_record(copy, settings)  # resumes from its own state, and writes its own voice
    assert {path: sha256_of(path) for path in before} == before
    assert copy.small_model.is_file() and str(copy.small_model) in {
        artefact["path"] for artefact in read_view(copy).artefacts
    }
    assert str(original.folder) not in copy.filelist.read_text()
    assert read_view(original).name == NAME and len(read_view(original).artefacts) == 2


def test_a_moved_workspace_finds_its_files(
    trained: tuple[Experiment, ExperimentSettings, list[RunFinished]], tmp_path: Path
) -> None:
    shutil.copytree(trained[0].workspace.home, tmp_path / "moved")
    view = read_view(Workspace(tmp_path / "moved").experiment(NAME))
    assert len(view.artefacts) == 2 and all(artefact["path"].startswith(str(tmp_path)) for artefact in view.artefacts)


@pytest.mark.soak
@pytest.mark.parametrize("name", ["x" * 200, NAME])
def test_as_real_processes(name: str, home: Path, dataset: Path, speech: list[Path], rvc: Rvc) -> None:
    small = ["--set", "train.save_small=true", "--set", "train.threads=1", "--epochs", "1", "--batch-size", "2"]
    done = rvc(
        "run",
        name,
        "--dataset",
        dataset,
        "--preset",
        "starter-tiny",
        *small,
        "--set",
        "pitch.method=praat",
        "--plain",
        timeout=300,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    done = rvc("convert", name, *speech, "--output", home / "out", "--pitch-method", "praat", "--plain")
    assert done.returncode == 0 and len(os.listdir(home / "out")) == 3
    assert rvc("queue", "add", name, "--epochs", "2").returncode == 0
    done = rvc("queue", "run", timeout=300)
    assert done.returncode == 0 and "done" in rvc("queue", "list").stdout, done.stderr
    assert for_preset("starter") and read_view(Workspace(home).experiment(name)).state == "finished"
