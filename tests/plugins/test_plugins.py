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
from rvc_engine.experiment import Workspace
from rvc_engine.files.weights import read
from rvc_engine.pitch import track
from rvc_engine.pitch.base import at_10_ms
from rvc_engine.registry import PITCH_TRACKERS, Registry
from rvc_engine.voices.index_file import made_with
from tests.conftest import rvc_environment

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

    def rvc(self, *words: str | Path) -> subprocess.CompletedProcess[str]:
        environment = rvc_environment()
        environment["PYTHONPATH"] = os.pathsep.join([str(self.folder), environment["PYTHONPATH"]])
        command = [sys.executable, "-m", "rvc_engine", *map(str, words), "--home", str(self.home)]
        return subprocess.run(
            command, capture_output=True, text=True, timeout=120, env=environment, stdin=subprocess.DEVNULL
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


def test_a_tracker_that_cannot_be_imported_hides_nothing_else(plugins: Plugins, dataset: Path) -> None:
    plugins.install("toy_pitch", "rvc_engine.pitch", "crossings = toy_pitch:NoSuchClass")
    asked = ("run", "voice", "--dataset", dataset, "--preset", "starter-tiny", "--until", "pitch")
    done = plugins.rvc(*asked, "--set", "pitch.method=crossings")
    assert done.returncode == 2 and "crossings of toy_pitch cannot be loaded" in done.stderr
    assert plugins.rvc(*asked).returncode == 0


def test_a_name_of_this_program_is_not_replaced(plugins: Plugins) -> None:
    plugins.install("toy_pitch", "rvc_engine.pitch", "praat = toy_pitch:ZeroCrossings")
    code = "from rvc_engine.registry import PITCH_TRACKERS as all; print(type(all.get('praat')).__name__, *all.names())"
    environment = rvc_environment()
    environment["PYTHONPATH"] = os.pathsep.join([str(plugins.folder), environment["PYTHONPATH"]])
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert said.stdout.split()[:2] == ["Praat", "praat"] and said.stdout.split().count("praat") == 1


def test_an_unknown_name_is_refused_with_those_that_there_are() -> None:
    registry: Registry[object] = Registry("rvc_engine.nothing", "thing", {"one": "builtins:object"})
    with pytest.raises(BadInput) as caught:
        registry.get("two")
    assert str(caught.value) == "There is no thing 'two' (use one of one)"


def test_every_tracker_keeps_its_promise() -> None:
    seconds = np.arange(16000) / 16000
    wave = 0.2 * sum(np.sin(2 * np.pi * 200 * n * seconds) / n for n in range(1, 12))
    for tracker in PITCH_TRACKERS.all():
        if tracker.works(None):
            hz = track(tracker.name, wave)
            assert len(hz) == 100 and abs(np.median(hz[hz > 0]) - 200) < 4, tracker.name


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
    done = plugins.rvc("run", "voice", "--dataset", dataset, "--preset", "starter-tiny", *sets)
    assert done.returncode == 0, done.stderr
    experiment = Workspace(plugins.home).experiment("voice")
    assert np.load(next(iter(experiment.features(8).glob("*.npy")))).shape[1] == 8
    assert experiment.path("loudness.json").is_file()
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
