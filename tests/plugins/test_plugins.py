"""What another package adds by entry points: one file of it is enough, and every front end has it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from rvc_engine.errors import BadInput
from rvc_engine.files.weights import read
from rvc_engine.pitch import track
from rvc_engine.pitch.base import at_10_ms
from rvc_engine.registry import PITCH_TRACKERS, Registry
from rvc_engine.sections import TOP_LEVEL
from rvc_engine.settings import ExperimentSettings
from rvc_engine.voices.index_file import made_with
from rvc_engine.workspace import Workspace
from tests.conftest import INSTALLED, rvc_environment
from tests.pitch_methods import ALL

HERE = Path(__file__).parent


class Plugins:
    """A folder of installed packages, and `rvc` with it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.home = folder / "packages", folder / "home"
        self.folder.mkdir()

    def install(self, file: str, group: str, point: str) -> None:
        """As pip does: the module, and a dist-info folder with its entry points."""
        shutil.copy(HERE / f"{file}.py", self.folder)
        about = self.folder / f"{file}-1.0.dist-info"
        about.mkdir()
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {file}\nVersion: 1.0\n")
        (about / "entry_points.txt").write_text(f"[{group}]\n{point}\n")

    def environment(self) -> dict[str, str]:
        environment = rvc_environment()
        return {**environment, "PYTHONPATH": os.pathsep.join([str(self.folder), environment["PYTHONPATH"]])}

    def rvc(self, *words: str | Path) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "rvc_engine", *map(str, words), "--home", str(self.home)]
        return subprocess.run(
            command, capture_output=True, text=True, timeout=120, env=self.environment(), stdin=subprocess.DEVNULL
        )


@pytest.fixture
def plugins(tmp_path: Path) -> Plugins:
    return Plugins(tmp_path)


def test_a_pitch_tracker(plugins: Plugins, dataset: Path) -> None:
    plugins.install("toy_pitch", "rvc_engine.pitch", "crossings = toy_pitch:ZeroCrossings")
    assert "|crossings" in plugins.rvc("pitch", "--help").stdout.replace("\n", "").replace(" ", "")
    words = (
        "--dataset",
        dataset,
        "--preset",
        "starter-tiny",
        "--set",
        "pitch.method=crossings",
        "--set",
        "pitch.workers=2",
    )
    done = plugins.rvc("run", "voice", *words, "--until", "pitch")
    assert done.returncode == 0, done.stderr
    experiment = Workspace(plugins.home).experiment("voice")
    hz = np.concatenate([np.load(path) for path in sorted(experiment.pitch_hz.glob("*.npy"))])
    assert (hz > 0).any() and set(np.unique(hz)) <= {50.0 * n for n in range(23)}


@pytest.mark.soak
def test_a_tracker_that_cannot_be_imported_hides_nothing_else(plugins: Plugins, dataset: Path) -> None:
    plugins.install("toy_pitch", "rvc_engine.pitch", "crossings = toy_pitch:NoSuchClass")
    asked = ("run", "voice", "--dataset", dataset, "--preset", "starter-tiny", "--until", "pitch")
    done = plugins.rvc(*asked, "--set", "pitch.method=crossings")
    assert done.returncode == 2 and "crossings of toy_pitch cannot be loaded" in done.stderr
    assert plugins.rvc(*asked).returncode == 0


def test_a_name_of_this_program_is_not_replaced(plugins: Plugins) -> None:
    plugins.install("toy_pitch", "rvc_engine.pitch", "praat = toy_pitch:ZeroCrossings")
    code = "from rvc_engine.registry import PITCH_TRACKERS as all; print(type(all.get('praat')).__name__, *all.names())"
    said = subprocess.check_output([sys.executable, "-c", code], text=True, env=plugins.environment()).split()
    assert said[:2] == ["Praat", "praat"] and said.count("praat") == 1


def test_a_preset_that_cannot_be_loaded_hides_nothing_else(plugins: Plugins, dataset: Path) -> None:
    plugins.install("toy_pitch", "rvc_engine.presets", "broad = toy_pitch:NoSuchFunction")
    done = plugins.rvc("run", "voice", "--dataset", dataset, "--preset", "broad")
    assert done.returncode == 2 and "The preset broad of toy_pitch cannot be loaded" in done.stderr
    assert not plugins.home.exists() or not list(plugins.home.iterdir())
    code = "from rvc_engine.presets import PRESETS; print('broad' in PRESETS, 'broad' in list(PRESETS), *PRESETS)"
    said = subprocess.check_output([sys.executable, "-c", code], text=True, env=plugins.environment()).split()
    assert said[:3] == ["True", "False", "starter"] and "v2-48k-tiny" in said


@pytest.mark.soak
def test_a_training_hook_that_cannot_be_loaded_stops_before_anything_runs(plugins: Plugins, dataset: Path) -> None:
    plugins.install("toy_pitch", "rvc_engine.training_hooks", "counter = toy_pitch:NoSuchHook")
    done = plugins.rvc("run", "voice", "--dataset", dataset, "--preset", "starter-tiny")
    assert done.returncode == 2 and "The training hook counter of toy_pitch cannot be loaded" in done.stderr
    assert not list(plugins.home.glob("logs/*/0_gt_wavs"))


def test_what_is_for_tests_is_not_in_the_program(tmp_path: Path, dataset: Path) -> None:
    environment = rvc_environment()
    paths = environment["PYTHONPATH"].split(os.pathsep)
    environment["PYTHONPATH"] = os.pathsep.join(path for path in paths if path != INSTALLED)
    rvc = [sys.executable, "-m", "rvc_engine"]
    words = ["run", "voice", "--dataset", str(dataset), "--preset", "starter-tiny", "--home", str(tmp_path / "home")]
    done = subprocess.run([*rvc, *words], capture_output=True, text=True, env=environment)
    assert done.returncode == 2 and "There is no preset 'starter-tiny'" in done.stderr
    help = subprocess.check_output([*rvc, "features", "--help"], text=True, env=environment)
    assert "hubert-768" in help and "hubert-random" not in help


def test_an_unknown_name_is_refused_with_those_that_there_are() -> None:
    registry: Registry[object] = Registry("rvc_engine.nothing", "thing", {"one": "builtins:object"})
    with pytest.raises(BadInput) as caught:
        registry.get("two")
    assert str(caught.value) == "There is no thing 'two' (use one of one)"


@pytest.mark.parametrize("name", ALL)
def test_every_tracker_keeps_its_promise(name: str) -> None:
    if not PITCH_TRACKERS.get(name).works(None):
        pytest.skip(f"{name} is not here")
    seconds = np.arange(16000) / 16000
    wave = 0.2 * sum(np.sin(2 * np.pi * 200 * n * seconds) / n for n in range(1, 12))
    hz = track(name, wave)
    assert len(hz) == 100 and abs(np.median(hz[hz > 0]) - 200) < 4


def test_frames_of_another_length_are_brought_to_10_ms() -> None:
    found = np.array([100.0, 200.0, 0.0, 0.0, 300.0])  # 16 ms apart
    hz = at_10_ms(found, 256, 8)
    assert hz[0] == 100 and hz[1] == pytest.approx(162.5)  # 10 of 16 ms
    assert hz[2] == 200 and hz[3] == 0  # nearer to the voiced frame, nearer to the unvoiced one
    assert hz[5] == 0 and hz[6] == hz[7] == 300


def test_a_pipeline_of_toys(plugins: Plugins, dataset: Path) -> None:
    """A tracker, an encoder, a vocoder and a stage of others, one file each, from recordings to a conversion."""
    plugins.install("toy_pitch", "rvc_engine.pitch", "crossings = toy_pitch:ZeroCrossings")
    plugins.install("toy_content", "rvc_engine.content", "bands-8 = toy_content:Bands")
    plugins.install("toy_vocoder", "rvc_engine.vocoders", "one-layer = toy_vocoder:OneLayer")
    plugins.install("toy_stage", "rvc_engine.stages", "loudness = toy_stage:Loudness")
    chosen = ("pitch.method=crossings", "features.encoder=bands-8", "train.vocoder=one-layer", "train.epochs=1")
    sets = [word for choice in (*chosen, "train.batch_size=2") for word in ("--set", choice)]
    words = ("--dataset", dataset, "--preset", "starter-tiny", *sets, "--set", "train.threads=1")
    done = plugins.rvc("run", "voice", *words, "--quiet-below", "0.01")
    assert done.returncode == 0, done.stderr
    experiment = Workspace(plugins.home).experiment("voice")
    assert np.load(next(iter(experiment.features(8).glob("*.npy")))).shape[1] == 8
    assert experiment.path("loudness.json").is_file()
    assert (
        "[loudness]" in experiment.settings_toml.read_text()
        and "quiet_below = 0.01" in experiment.settings_toml.read_text()
    )
    content = read(experiment.small_model)
    assert content["encoder"] == "bands-8" and content["vocoder"] == "one-layer"
    output = plugins.home / "out.wav"
    converted = plugins.rvc("convert", "voice", next(dataset.iterdir()), "--output", output)
    assert converted.returncode == 0 and output.is_file(), converted.stdout + converted.stderr


@pytest.mark.soak
def test_a_content_encoder(plugins: Plugins, dataset: Path) -> None:
    """Cut, extract, train, index and convert with it; the voice and the index say so, and RVC's own is another."""
    plugins.install("toy_content", "rvc_engine.content", "bands-8 = toy_content:Bands")
    words = ("--dataset", dataset, "--preset", "starter-tiny", "--set", "pitch.method=praat", "--set", "train.epochs=1")
    done = plugins.rvc("run", "voice", *words, "--set", "features.encoder=bands-8", "--set", "train.batch_size=2")
    assert done.returncode == 0, done.stderr
    experiment = Workspace(plugins.home).experiment("voice")
    features = next(iter(experiment.features(8).glob("*.npy")))
    assert np.load(features).shape[1] == 8
    (info,) = json.loads(plugins.rvc("voice", "info", experiment.small_model, "--json").stdout)
    assert info["encoder"] == "bands-8" and info["encoder_is"] == "eight bands of the spectrum"
    assert made_with(experiment.indexes()[-1])[0] == "bands-8"
    source = next(dataset.iterdir())
    assert plugins.rvc("convert", "voice", source, "--output", plugins.home / "out.wav").returncode == 0
    again = plugins.rvc("run", "voice", "--set", "features.encoder=preset", "--yes", "--fresh", "--until", "features")
    assert again.returncode == 0 and "features: old work moved to" in again.stdout


@pytest.mark.soak
def test_a_voice_of_an_encoder_that_is_not_here_names_it(plugins: Plugins, dataset: Path, tmp_path: Path) -> None:
    plugins.install("toy_content", "rvc_engine.content", "bands-8 = toy_content:Bands")
    words = ("--dataset", dataset, "--preset", "starter-tiny", "--set", "pitch.method=praat", "--set", "train.epochs=1")
    plugins.rvc("run", "voice", *words, "--set", "features.encoder=bands-8", "--set", "train.batch_size=2")
    shutil.rmtree(plugins.folder)
    done = plugins.rvc("voice", "info", plugins.home / "weights" / "voice.pth")
    assert done.returncode == 2 and "bands-8" in done.stderr and "does not know" in done.stderr
    done = plugins.rvc("status", "voice")
    assert "Traceback" not in done.stderr
    done = plugins.rvc("run", "voice")
    assert done.returncode == 2 and "features.encoder" in done.stderr and "bands-8" in done.stderr


@pytest.mark.soak
def test_a_vocoder(plugins: Plugins, dataset: Path) -> None:
    plugins.install("toy_vocoder", "rvc_engine.vocoders", "one-layer = toy_vocoder:OneLayer")
    words = ("--dataset", dataset, "--preset", "starter-tiny", "--set", "pitch.method=praat", "--set", "train.epochs=1")
    done = plugins.rvc("run", "voice", *words, "--set", "train.vocoder=one-layer", "--set", "train.batch_size=2")
    assert done.returncode == 0, done.stderr
    path = Workspace(plugins.home).experiment("voice").small_model
    content = read(path)
    assert content["vocoder"] == "one-layer" and "dec.frame.weight" in content["weight"]
    source = next(dataset.iterdir())
    assert plugins.rvc("convert", "voice", source, "--output", plugins.home / "out.wav").returncode == 0
    shutil.rmtree(plugins.folder)
    done = plugins.rvc("voice", "info", path)
    assert done.returncode == 2 and "its vocoder is 'one-layer'" in done.stderr


@pytest.mark.soak
def test_a_voice_of_a_preset_says_nothing_of_its_vocoder(plugins: Plugins, dataset: Path) -> None:
    """Other programs read it as before."""
    words = ("--dataset", dataset, "--preset", "v2-40k-tiny", "--set", "pitch.method=praat", "--set", "train.epochs=1")
    done = plugins.rvc("run", "voice", *words, "--set", "train.batch_size=2", "--until", "train")
    assert done.returncode == 0, done.stderr
    assert "vocoder" not in read(Workspace(plugins.home).experiment("voice").small_model)


RUN = ("--preset", "starter-tiny", "--set", "pitch.method=praat")


@pytest.mark.soak
def test_a_stage_brings_its_command_and_its_settings(plugins: Plugins, dataset: Path) -> None:
    """One file: a command with its flags, a section of experiment.toml, --set, and an identity that they change."""
    plugins.install("toy_stage", "rvc_engine.stages", "loudness = toy_stage:Loudness")
    assert "  loudness    a stage of toy_stage" in plugins.rvc("--help").stdout
    printed = " ".join(plugins.rvc("loudness", "--help").stdout.split())
    assert "--quiet-below N Clips with a lower peak are left out. [0.0..1.0, default 0.0]".replace(
        ".0", ""
    ) in printed.replace(".0", "")
    assert "--quiet-below" in plugins.rvc("run", "--help").stdout
    refused = plugins.rvc("loudness", "voice", "--dataset", dataset, *RUN, "--quiet-below", "2")
    assert refused.returncode == 2 and "loudness.quiet_below = '2' is not allowed" in refused.stderr
    done = plugins.rvc("loudness", "voice", "--dataset", dataset, *RUN, "--plain")
    assert done.returncode == 0 and "pitch" not in done.stdout, done.stdout + done.stderr
    experiment = Workspace(plugins.home).experiment("voice")
    assert len(json.loads(experiment.path("loudness.json").read_text())) == len(experiment.clips()) > 0
    assert "loudness: skipped (up to date)" in plugins.rvc("loudness", "voice", "--plain").stdout
    changed = plugins.rvc("loudness", "voice", "--set", "loudness.quiet_below=1", "--plain")
    assert "old work moved to" in changed.stdout and "changed: quiet_below 0.0 -> 1.0" in changed.stdout, changed.stderr
    assert "left out" in changed.stdout and json.loads(experiment.path("loudness.json").read_text()) == {}
    assert "quiet_below = 1.0" in experiment.settings_toml.read_text()


@pytest.mark.soak
def test_settings_of_a_stage_that_is_not_here_are_kept(plugins: Plugins, dataset: Path) -> None:
    plugins.install("toy_stage", "rvc_engine.stages", "loudness = toy_stage:Loudness")
    words = ("--dataset", dataset, *RUN, "--until", "preprocess")
    assert plugins.rvc("run", "voice", *words, "--set", "loudness.quiet_below=0.25").returncode == 0
    text = Workspace(plugins.home).experiment("voice").settings_toml
    (plugins.folder / "toy_stage.py").write_text("import no_such_module")
    broken = plugins.rvc("run", "voice", "--until", "preprocess", "--plain")
    why = "the settings of loudness are kept and not used: The stage loudness of toy_stage cannot be loaded"
    assert broken.returncode == 0 and why in broken.stdout, broken.stderr
    shutil.rmtree(plugins.folder)
    done = plugins.rvc("run", "voice", "--set", "train.epochs=7", "--until", "preprocess", "--plain")
    why = "the settings of loudness are kept and not used: no installed package has this stage"
    assert done.returncode == 0 and why in done.stdout, done.stderr
    assert "epochs = 7" in text.read_text() and "[loudness]" in text.read_text(), "it was rewritten"
    for words in (("status", "voice"), ("list",)):
        assert why in plugins.rvc(*words).stdout
    assert json.loads(plugins.rvc("status", "voice", "--json").stdout)["problem"] == why
    refused = plugins.rvc("run", "voice", "--set", "loudness.quiet_below=0.5")
    assert refused.returncode == 2 and "There is no setting 'loudness.quiet_below'" in refused.stderr
    plugins.folder.mkdir()
    plugins.install("toy_stage", "rvc_engine.stages", "loudness = toy_stage:Loudness")
    again = plugins.rvc("loudness", "voice", "--plain")
    assert again.returncode == 0 and "kept and not used" not in again.stdout
    assert "quiet_below = 0.25" in text.read_text()


@pytest.mark.soak
def test_a_stage_takes_no_flag_of_this_program(plugins: Plugins, dataset: Path) -> None:
    plugins.install("toy_stage", "rvc_engine.stages", "loudness = toy_stage:Loudness")
    file = plugins.folder / "toy_stage.py"
    more = """
    epochs: int = setting(3, "Another meaning.")
    json: bool = setting(False, "As a flag of every command.")
    workers: int = setting(0, "Worker processes; 0 means one per core.", kind="speed", ge=0, le=256)
"""
    file.write_text(file.read_text().replace("\n\nclass Loudness(Stage)", f"{more}\n\nclass Loudness(Stage)"))
    printed = " ".join(plugins.rvc("run", "--help").stdout.split())
    assert "--epochs N|auto Total number of epochs" in printed and "for preprocess, pitch, loudness" in printed
    assert "As a flag of every command" not in printed
    assert "--epochs N Another meaning" in " ".join(plugins.rvc("loudness", "--help").stdout.split())
    words = (
        "--dataset",
        dataset,
        *RUN,
        "--until",
        "preprocess",
        "--set",
        "loudness.json=true",
        "--set",
        "loudness.epochs=5",
    )
    done = plugins.rvc("run", "voice", *words, "--workers", "1", "--epochs", "9")
    assert done.returncode == 0, done.stderr
    settings = Workspace(plugins.home).experiment("voice").settings_toml.read_text()
    assert "json = true" in settings and settings.count("workers = 1") == 3
    assert "epochs = 9" in settings and "epochs = 5" in settings


@pytest.mark.soak
def test_the_app_has_a_form_for_a_stage(plugins: Plugins) -> None:
    plugins.install("toy_stage", "rvc_engine.stages", "loudness = toy_stage:Loudness")
    environment = rvc_environment()
    environment["PYTHONPATH"] = os.pathsep.join([str(plugins.folder), environment["PYTHONPATH"]])
    done = subprocess.run(
        [sys.executable, HERE.parent / "tui" / "toy_stage_displayed.py"],
        capture_output=True,
        text=True,
        timeout=120,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    pages = json.loads(done.stdout)
    assert "> screen: loudness" in " ".join(pages["palette"].replace("│", "").split()), pages["palette"]
    assert "[loudness]  1-9 0 a: other screens" in pages["form"] and "quiet_below        0.0" in pages["form"]
    assert "Clips with a lower peak are left out." in pages["form"]
    assert "7 index  [loudness]  8 convert" in pages["wide"]
    assert "quiet_below        0.5" in pages["changed"] and pages["kept"] == 0.5
    assert ["change", "loudness.quiet_below", "0.5"] in pages["calls"]
    assert '# "screen.loudness" = ""  # the screen loudness' in pages["keys file"]


@pytest.mark.soak
def test_a_stage_with_a_name_that_something_else_has(plugins: Plugins, dataset: Path) -> None:
    """It gets neither a section nor a command of that name, and hides nothing."""
    points = "\n".join(f"{name} = toy_stage:Loudness" for name in ("dataset", "model", "status", "train"))
    plugins.install("toy_stage", "rvc_engine.stages", points)
    done = plugins.rvc(
        "run", "voice", "--dataset", dataset, *RUN, "--until", "preprocess", "--set", "model.quiet_below=1"
    )
    assert done.returncode == 0, done.stderr
    text = Workspace(plugins.home).experiment("voice").settings_toml.read_text()
    assert "[model]\n" in text and "quiet_below = 1.0" in text and "[dataset]" not in text and "[train]" in text
    assert plugins.rvc("status", "voice").stdout.startswith("voice: finished")
    fields = {
        name for name, field in ExperimentSettings.model_fields.items() if not hasattr(field.annotation, "of_kind")
    }
    assert fields == TOP_LEVEL


def test_help_loads_no_other_package(plugins: Plugins) -> None:
    plugins.install("toy_stage", "rvc_engine.stages", "loudness = toy_stage:Loudness")
    (plugins.folder / "toy_stage.py").write_text("raise SystemExit('it was loaded')")
    done = plugins.rvc("--help")
    assert done.returncode == 0 and "a stage of toy_stage" in done.stdout and "it was loaded" not in done.stderr


def test_entry_points_are_looked_for_once() -> None:
    code = """
import importlib.metadata as metadata
found, calls = metadata.entry_points, []
metadata.entry_points = lambda **which: (calls.append(which), found(**which))[1]
from rvc_engine.commands.cli import main
main(["--help"])
import rvc_tui.app
from rvc_engine.settings import for_preset
from rvc_engine.pitch import PITCH_TRACKERS
from rvc_engine.settings_file import render_toml
render_toml(for_preset("starter")), PITCH_TRACKERS.all()
print(calls.count({}), [which for which in calls if "rvc" in str(which)])  # pydantic looks for its own
"""
    said = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=rvc_environment(), check=True
    )
    assert said.stdout.split("\n")[-2] == "1 []"


@pytest.mark.parametrize("line", ["[trian]\nepochs = 3", "loudness = 3", "[[loudness]]\nx = 1"])
def test_what_is_no_section_is_refused(tmp_path: Path, line: str) -> None:
    experiment = Workspace(tmp_path).experiment("x")
    experiment.folder.mkdir(parents=True)
    experiment.settings_toml.write_text(f"preset = 'starter'\n{line}\n")
    with pytest.raises(BadInput, match=r"experiment\.toml") as caught:
        experiment.load_settings()
    assert str(caught.value.message).startswith(line.strip("[").split()[0].strip("[]"))


def test_a_section_that_is_not_ours_may_hold_anything(tmp_path: Path) -> None:
    experiment = Workspace(tmp_path).experiment("x")
    experiment.folder.mkdir(parents=True)
    section = "[others]\nday = 2026-11-23\ndeep = {a = [1, {b = 'c'}]}\nnumber = inf\nname = '声 \"x\"'\n"
    experiment.settings_toml.write_text(f"preset = 'starter'\n{section}")
    settings = experiment.load_settings()
    assert settings.problem.startswith("the settings of others are kept") and settings.train.epochs == 20
    before = settings.unused["others"]
    settings.train.epochs = 5
    experiment.save_settings(settings)
    again = experiment.load_settings()
    assert again.unused["others"] == before and again.train.epochs == 5 and again == settings


@pytest.mark.soak
def test_a_stage(plugins: Plugins, dataset: Path) -> None:
    """It runs after what it needs, is skipped when it is up to date, and runs again when its input changes."""
    plugins.install("toy_stage", "rvc_engine.stages", "loudness = toy_stage:Loudness")
    words = ("--dataset", dataset, "--preset", "starter-tiny", "--set", "pitch.method=praat", "--set", "train.epochs=1")
    done = plugins.rvc("run", "voice", *words, "--set", "train.batch_size=2", "--plain")
    assert done.returncode == 0, done.stderr
    experiment = Workspace(plugins.home).experiment("voice")
    peaks = json.loads(experiment.path("loudness.json").read_text())
    assert sorted(peaks) == sorted(experiment.clips()) and all(0 < peak <= 1 for peak in peaks.values())
    assert "artefact: " + str(experiment.path("loudness.json")) in done.stdout
    again = plugins.rvc("run", "voice", "--plain")
    assert again.returncode == 0 and "loudness: skipped (up to date)" in again.stdout
    next(iter(sorted(dataset.iterdir()))).unlink()
    after = plugins.rvc("run", "voice", "--plain", "--until", "loudness", "--yes")
    assert after.returncode == 0 and "loudness: started (its input changed)" in after.stdout
    shutil.rmtree(plugins.folder)
    status = plugins.rvc("status", "voice", "--json")
    assert json.loads(status.stdout)["stages"]["loudness"]["state"] == "done", "its run is still reported"
