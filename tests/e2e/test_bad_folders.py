"""Folders of recordings that are not what they should be: a clear outcome for each, never a traceback."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from scipy.io import wavfile

from rvc_engine.workspace import Workspace
from tests.conftest import Rvc, rvc_environment

NAMES = [
    "two words.flac",
    'it\'s "quoted".flac',
    "声 録音.flac",
    "mañana 😀.flac",
    "line\nbreak.flac",
    "no suffix",
    "wrong.txt",
    "-dash.flac",
]


def write_tone(path: Path, seconds: float, level: float) -> None:
    samples = level * np.sin(2 * np.pi * 220 * np.arange(int(seconds * 16000)) / 16000)
    wavfile.write(path, 16000, (samples * 32767).astype(np.int16))


def refused(rvc: Rvc, home: Path, folder: Path) -> str:
    done = rvc("run", "voice", "--dataset", folder, "--preset", "starter-tiny")
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (home / "logs").exists() and not (home / "weights").exists()
    return done.stderr


@pytest.mark.soak
def test_an_empty_folder(rvc: Rvc, home: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "empty" in refused(rvc, home, tmp_path / "empty")


@pytest.mark.soak
def test_only_text_files(rvc: Rvc, home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "texts"
    folder.mkdir()
    (folder / "a.txt").write_text("these are words\n" * 100)
    (folder / "b.wav").write_text("not audio either")
    assert "texts" in refused(rvc, home, folder)


@pytest.mark.soak
def test_only_silence(rvc: Rvc, home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "silence"
    folder.mkdir()
    write_tone(folder / "a.wav", 3.0, 0.0)
    assert "silen" in refused(rvc, home, folder)


@pytest.mark.soak
def test_only_a_fifth_of_a_second(rvc: Rvc, home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "short"
    folder.mkdir()
    write_tone(folder / "a.wav", 0.2, 0.5)
    assert "short" in refused(rvc, home, folder)


def test_a_file_instead_of_a_folder(rvc: Rvc, home: Path, speech: list[Path]) -> None:
    assert "not a folder" in refused(rvc, home, speech[0])


AS_NOBODY = """
import email.message, email.parser, importlib.metadata, os, sys
import rvc_engine.machine.advisor, rvc_engine.commands.cli
import rvc_engine.commands.pipeline, rvc_engine.pitch.fcpe, rvc_engine.work.preprocess
if os.geteuid() == 0:  # for root no permission binds; loaded first, because an ordinary user may not see this Python
    os.setegid(65534)
    os.seteuid(65534)
raise SystemExit(rvc_engine.commands.cli.main(sys.argv[1:]))
"""


def refused_as_nobody(home: Path, folder: Path) -> str:
    words = ["run", "voice", "--dataset", str(folder), "--preset", "starter-tiny", "--home", str(home)]
    home.chmod(0o777)
    done = subprocess.run(
        [sys.executable, "-c", AS_NOBODY, *words], capture_output=True, text=True, env=rvc_environment()
    )
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stderr and list(home.iterdir()) == []
    return done.stderr


@pytest.fixture
def open_way(tmp_path: Path) -> Iterator[None]:
    """Temporary folders of tests are closed to other users; let them through for a while."""
    closed = [p for p in (tmp_path, *tmp_path.parents) if p.stat().st_mode & 0o5 != 0o5]
    modes = [p.stat().st_mode for p in closed]
    for path in closed:
        path.chmod(0o755)
    yield
    for path, mode in zip(closed, modes, strict=True):
        path.chmod(mode)


@pytest.mark.usefixtures("open_way")
def test_a_folder_without_permission(home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "locked"
    folder.mkdir()
    folder.chmod(0)
    assert "cannot be read" in refused_as_nobody(home, folder)
    folder.chmod(0o755)


@pytest.mark.soak
@pytest.mark.usefixtures("open_way")
def test_a_file_without_permission(home: Path, dataset: Path) -> None:
    for path in dataset.iterdir():
        path.chmod(0)
    assert "permission" in refused_as_nobody(home, dataset)


def test_bad_files_among_good_ones_are_left_out_with_a_reason(
    rvc: Rvc, home: Path, dataset: Path, speech: list[Path]
) -> None:
    from rvc_engine.audio.io import decode, encode

    whole = dataset.parent / "whole.mp3"
    encode(whole, (np.tile(decode(speech[0], 44100), 4) * 32767).astype(np.int16), 44100, "mp3")
    (dataset / "cut.mp3").write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    (dataset / "empty.wav").write_bytes(b"")
    (dataset / "notes.txt").write_text("words")
    write_tone(dataset / "blip.wav", 0.2, 0.5)
    write_tone(dataset / "silent.wav", 3.0, 0.0)
    (dataset / "sub").mkdir()
    (dataset / "nowhere.flac").symlink_to(dataset / "gone")
    done = rvc("preprocess", "voice", "--dataset", dataset, "--preset", "starter-tiny", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    skipped = {e["item"]: e["reason"] for e in map(json.loads, done.stdout.splitlines()) if e["event"] == "ItemSkipped"}
    assert {"cut.mp3", "empty.wav", "notes.txt", "blip.wav", "silent.wav"} <= set(skipped)
    assert all(len(reason) > 5 and "Traceback" not in reason for reason in skipped.values())
    assert len(Workspace(home).experiment("voice").clips()) >= len(speech)


def test_any_name_is_a_recording(rvc: Rvc, home: Path, tmp_path: Path, speech: list[Path]) -> None:
    folder = tmp_path / "テスト ü 桌面" / "my 'voice'\n😀"
    folder.mkdir(parents=True)
    for name in NAMES:
        shutil.copy(speech[0], folder / name)
    done = rvc("preprocess", "stimme ü 声", "--dataset", folder, "--preset", "starter-tiny", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert not [line for line in done.stdout.splitlines() if '"ItemSkipped"' in line]
    experiment = Workspace(home).experiment("stimme ü 声")
    assert len({clip.split("_")[0] for clip in experiment.clips()}) == len(NAMES)
