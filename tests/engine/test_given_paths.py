"""What is given instead of a folder of recordings: each refused with what to do, before anything is written."""

from __future__ import annotations

import os
import tarfile
import zipfile
from pathlib import Path

import pytest

from rvc_engine.commands.cli import main
from rvc_engine.common.given_paths import clean_path
from rvc_engine.dataset.files import dataset_files
from rvc_engine.errors import BadInput
from rvc_engine.settings import for_preset

NO_PATHS = {
    "https://example.org/set.zip": "curl -LO",
    "http://example.org/a%20b": "curl -LO",
    "https://www.youtube.com/watch?v=x&t=1": "yt-dlp",
    "https://youtu.be/x": "yt-dlp",
    "youtube.com/watch?v=x": "yt-dlp",
    "www.example.org/set": "is an address",
    "https://huggingface.co/datasets/o/n": "hf download",
    "hf://datasets/o/n": "hf download",
    "s3://bucket/set": "copy it",
    "smb://nas/set": "mount it",
    "file://nas/share/set": "it is on nas",
    "https://[broken": "is an address",
    "C:\\Users\\me\\voice": "/mnt/c/Users/me/voice",
    "d:/voice set": "/mnt/d/voice set",
    '"E:\\voice"': "/mnt/e/voice",
    "file:///C:/Users/me": "/mnt/c/Users/me",
    "\\\\nas\\share\\voice": "mount share of nas",
    "\\\\wsl$\\Ubuntu\\home\\me": "inside WSL it is /home/me",
    "\\\\wsl.localhost\\Ubuntu\\home\\me": "inside WSL it is /home/me",
}


@pytest.mark.parametrize("text", NO_PATHS)
@pytest.mark.parametrize("command", ["run", "dataset", "queue", "convert"])
def test_an_address_or_a_path_of_windows(
    text: str, command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "v.pth").touch()
    words = {
        "run": ["run", "a", "--dataset", text],
        "dataset": ["dataset", text],
        "queue": ["queue", "add", "a", "--dataset", text],
    }
    words["convert"] = ["convert", "v", text, "--output", str(tmp_path / "out")]
    before = sorted(tmp_path.rglob("*"))
    assert main(["--home", str(tmp_path), *words[command]]) == 2
    assert NO_PATHS[text] in capsys.readouterr().err
    assert sorted(tmp_path.rglob("*")) == before


def test_an_address_as_output(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "v.pth").touch()
    (tmp_path / "a.wav").touch()
    assert main(["--home", str(tmp_path), "convert", "v", str(tmp_path / "a.wav"), "--output", "C:\\out\\a.wav"]) == 2
    assert "/mnt/c/out/a.wav" in capsys.readouterr().err


@pytest.mark.parametrize("before", ["file://", "file:", "FILE://", "file://localhost", f"file://{os.uname().nodename}"])
def test_a_file_address_of_this_machine_is_a_path(before: str, tmp_path: Path) -> None:
    from rvc_engine.dataset.files import dataset_path

    folder = tmp_path / "a b% 声#?"
    folder.mkdir()
    for text in (
        before + folder.as_uri().removeprefix("file://"),
        f"'{before}{folder.as_uri().removeprefix('file://')}'",
    ):
        assert dataset_path(text) == clean_path(text) == str(folder)


def test_a_folder_whose_name_looks_like_an_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from rvc_engine.dataset.files import dataset_path

    monkeypatch.chdir(tmp_path)
    for name in ("C:", "www.me", "file:x", "a\\b"):
        (tmp_path / name).mkdir()
        assert dataset_path(name) == str(tmp_path / name)


def archive(path: Path) -> Path:
    inner = path.with_name("inner.txt")
    inner.write_text("x")
    if path.name.endswith(".zip"):
        with zipfile.ZipFile(path, "w") as made:
            made.write(inner, "inner.txt")
    elif ".tar" in path.name:
        with tarfile.open(path, "w:" + path.name.rpartition(".tar")[2].removeprefix(".")) as tar:
            tar.add(inner, "inner.txt")
    else:
        path.write_bytes({".rar": b"Rar!\x1a\x07\x01\x00", ".7z": b"7z\xbc\xaf\x27\x1c"}[path.suffix] + bytes(300))
    return path


@pytest.mark.parametrize(
    "name", ["a b.zip", "a.tar", "a.tar.gz", "a.tar.bz2", "a.tar.xz", "a.rar", "a.7z", "recordings"]
)
def test_an_archive(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = archive(tmp_path / (name if name != "recordings" else "x.zip"))
    path = path.rename(tmp_path / name)  # by its content, not by its name
    with pytest.raises(BadInput, match="unpack it") as caught:
        dataset_files(for_preset("starter", dataset=str(path)))
    assert caught.value.exit_code == 2 and str(path.parent) in caught.value.hint
    assert main(["dataset", str(path)]) == 2 and "unpack it" in capsys.readouterr().err


def test_one_recording_a_pattern_and_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"RIFF")
    hints = {
        "a.wav": "takes the folder it is in",
        "*.wav": "is a pattern",
        "sub\\folder": "write it with /",
        "none": "check the path",
    }
    for name, words in hints.items():
        with pytest.raises(BadInput) as caught:
            dataset_files(for_preset("starter", dataset=str(tmp_path / name)))
        assert words in str(caught.value)
