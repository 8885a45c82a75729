"""rvc voice and rvc convert on a voice that was trained here: extract, merge, export, import, info, and conversion with
each result."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from rvc_engine.audio.io import decode, write_wav
from rvc_engine.commands.cli import main
from rvc_engine.run.pipeline import run_pipeline
from rvc_engine.run.stage_list import stages_until
from rvc_engine.voices.small_model import read_voice
from rvc_engine.workspace import Workspace
from tests.conftest import SAMPLES, Rvc
from tests.e2e.test_tiny_pipelines import tiny_settings

Words = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with the trained voice "kathleen"."""
    folder = tmp_path_factory.mktemp("trained")
    dataset = folder / "recordings"
    dataset.mkdir()
    for path in sorted((SAMPLES / "target").glob("*.flac"), key=lambda p: p.stat().st_size)[:2]:
        shutil.copy(path, dataset)
    experiment = Workspace(folder / "home").experiment("kathleen")
    settings = tiny_settings("v2-40k", dataset)
    experiment.folder.mkdir(parents=True)
    experiment.save_settings(settings)
    for _ in run_pipeline(experiment, settings, stages_until("index", settings)):
        pass
    return folder / "home"


@pytest.fixture
def home(trained: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained, tmp_path / "home"))


@pytest.fixture
def run(home: Path, capsys: pytest.CaptureFixture[str]) -> Words:
    """`rvc WORDS --home HOME` in this process: exit code, standard output, standard error."""

    def call(*words: str | Path) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main([*map(str, words), "--home", str(home)])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def converted(run: Words, voice: str | Path, output: Path, *more: str) -> np.ndarray:
    source = output.with_name("source.wav")
    write_wav(source, decode(sorted((SAMPLES / "sources").glob("*.flac"))[0], 16000)[8000:20000], 16000)
    code, out, err = run(
        "convert", voice, source, "--output", output, "--pitch-method", "praat", "--device", "cpu", "--json", *more
    )
    assert code == 0, out + err
    return decode(output, 16000)


@pytest.mark.soak
def test_every_form_of_a_voice_converts_alike(run: Words, home: Path, tmp_path: Path) -> None:
    """The trained one, extracted again, in a bundle, and imported from a bundle, a zip and a folder of two files."""
    expected = converted(run, "kathleen", tmp_path / "0.wav")
    without = converted(run, "kathleen", tmp_path / "1.wav", "--index", "none")
    assert not np.array_equal(expected, without)

    for output in ("k.rvcvoice", "k.zip", "files"):
        assert (
            run("voice", "export", "kathleen", "--output", tmp_path / output, "--licence", "CC0", "--name", "k")[0] == 0
        )
    assert np.array_equal(converted(run, tmp_path / "k.rvcvoice", tmp_path / "2.wav"), expected)
    assert np.array_equal(converted(run, tmp_path / "k.rvcvoice", tmp_path / "3.wav", "--index", "none"), without)
    # its name says HuBERT; a tiny preset has none
    index = next((tmp_path / "files").glob("*.index")).rename(tmp_path / "k.index")
    for name, words in {
        "a b": ("k.rvcvoice",),
        "zip": ("k.zip",),
        "files": ("files/k.pth", "--index", str(index)),
    }.items():
        code, out, err = run("voice", "import", tmp_path / words[0], "--name", name, *words[1:])
        assert code == 0 and out.split("\n")[0] == str(home / "weights" / f"{name}.pth"), err
        assert np.array_equal(converted(run, name, tmp_path / f"{name}.wav"), expected)
    code, _, err = run("voice", "import", tmp_path / "k.zip", "--name", "kathleen")
    assert code == 2 and "already a voice 'kathleen'" in err

    assert run("voice", "extract", "kathleen", "--name", "out")[0] == 0
    assert np.array_equal(converted(run, "out", tmp_path / "4.wav"), without)
    assert read_voice(home / "weights" / "out.pth").pitch_hz == read_voice(home / "weights" / "kathleen.pth").pitch_hz
    assert run("voice", "merge", "kathleen", "out", "--weight", "0.3", "--output", tmp_path / "merged.pth")[0] == 0
    assert np.array_equal(converted(run, tmp_path / "merged.pth", tmp_path / "5.wav"), without)


def test_info_says_what_it_is(run: Words, home: Path, tmp_path: Path) -> None:
    source = sorted((SAMPLES / "sources").glob("*.flac"))[0]
    run("voice", "export", "kathleen", "--output", tmp_path / "k.rvcvoice", "--consent", "my own voice")
    checkpoint = next((home / "logs" / "kathleen").glob("G_*.pth"))
    code, out, err = run("voice", "info", "kathleen", tmp_path / "k.rvcvoice", checkpoint, "--source", source, "--json")
    assert code == 0, err
    voice, bundle, training = json.loads(out)
    assert (voice["what"], voice["version"], voice["sample_rate"], voice["epochs"], voice["pitch"]) == (
        "voice",
        "v2",
        40000,
        1,
        True,
    )
    assert 150 < voice["pitch_hz"][1] < 300 and 0 < voice["minutes"] < 1 and -24 < voice["transpose"] < 24
    assert bundle["weights_sha256"] == voice["weights_sha256"] and (bundle["consent"], bundle["has_index"]) == (
        "my own voice",
        True,
    )
    assert (training["what"], training["is"]) == ("training checkpoint G", "a v2 40k generator with pitch")
    assert training["voice"] == f"rvc voice extract {checkpoint} --name kathleen"
    code, out, _ = run("voice", "info", "kathleen")
    assert code == 0 and "40000 Hz" in out and "Hz in the middle" in out and voice["sha256"] in out


def test_info_prints_nothing_that_a_terminal_obeys(run: Words, home: Path, tmp_path: Path) -> None:
    content = dict(torch.load(home / "weights" / "kathleen.pth", weights_only=True))
    content["info"], content["author\x1b[2J"] = "\x1b]0;owned\x07", "x\x1b[31m\n"
    torch.save(content, tmp_path / "v.pth")
    code, out, _ = run("voice", "info", tmp_path / "v.pth")
    assert code == 0 and "\x1b" not in out and "\x07" not in out


@pytest.mark.soak
def test_a_checkpoint_as_a_voice_is_answered_with_the_command_that_works(
    run: Words, home: Path, tmp_path: Path
) -> None:
    checkpoint = next((home / "logs" / "kathleen").glob("G_*.pth"))
    for words in (
        ("convert", checkpoint, SAMPLES / "sources", "--output", tmp_path / "o"),
        ("voice", "import", checkpoint),
    ):
        code, _, err = run(*words)
        assert code == 2 and f"rvc voice extract {checkpoint} --name kathleen" in err and err.count("\n") == 1
    (home / "weights" / "kathleen.pth").unlink()
    for path in (home / "weights").glob("kathleen_e*.pth"):
        path.unlink()
    code, _, err = run("convert", "kathleen", SAMPLES / "sources", "--output", tmp_path / "o")
    assert code == 2 and "rvc voice extract kathleen" in err
    assert run("voice", "extract", checkpoint, "--name", "kathleen")[0] == 0
    converted(run, "kathleen", tmp_path / "o.wav")


def test_a_folder_of_another_program_is_extracted_from(run: Words, home: Path, tmp_path: Path) -> None:
    """G_ and config.json alone."""
    other = tmp_path / "theirs" / "voice"
    other.mkdir(parents=True)
    shutil.copy(next((home / "logs" / "kathleen").glob("G_*.pth")), other / "G_2333333.pth")
    code, out, err = run("voice", "extract", other, "--output", tmp_path / "v.pth")
    assert code == 0, err
    assert read_voice(Path(out.strip())).epochs == 1
    code, _, err = run("voice", "extract", other, "--output", tmp_path / "v.pth")
    assert code == 2 and "already exists" in err
    code, _, err = run("voice", "merge", "kathleen", "nobody", "--output", tmp_path / "m.pth")
    assert code == 2 and "There is no voice 'nobody'" in err and err.count("\n") == 1
    code, _, err = run("voice", "extract", other, "--epoch", "9", "--name", "x")
    assert code == 2 and "epoch 9" in err and "epochs 1" in err


@pytest.mark.parametrize(
    "words", ["info {}", "merge {} {} --output m.pth", "import {}", "extract {} --name x", "export {} --output out"]
)
def test_files_that_are_no_voice_are_refused_in_one_line(run: Words, tmp_path: Path, words: str) -> None:
    path = tmp_path / "bad.pth"
    for content in (b"", b"hello", b"PK\x03\x04" + bytes(50)):
        path.write_bytes(content)
        code, out, err = run("voice", *(word.format(path) for word in words.split()))
        assert code == 2 and not out and str(path) in err and err.count("\n") == 1


@pytest.mark.soak
def test_as_a_real_process(home: Path, tmp_path: Path) -> None:
    rvc = Rvc(home)
    done = rvc("voice", "export", "kathleen", "--output", tmp_path / "k.zip")
    assert done.returncode == 0 and done.stdout.strip() == str(tmp_path / "k.zip"), done.stderr
