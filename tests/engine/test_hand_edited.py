"""Files that people edit by hand, as editors of Windows save them."""

from __future__ import annotations

import codecs
import os
from pathlib import Path

import pytest

from rvc_engine.errors import BadInput
from rvc_engine.pretrain.transcripts import Transcripts
from rvc_engine.settings import for_preset
from rvc_engine.training.retention import read_pins
from rvc_engine.workspace import Workspace
from tests.conftest import Rvc

SAVED = {
    "mark": lambda text: codecs.BOM_UTF8 + text.encode(),
    "mark and line ends": lambda text: codecs.BOM_UTF8 + text.replace("\n", "\r\n").encode(),
    "line ends": lambda text: text.replace("\n", "\r\n").encode(),
    "utf-16": lambda text: text.replace("\n", "\r\n").encode("utf-16"),
    "utf-16 big": lambda text: codecs.BOM_UTF16_BE + text.encode("utf-16-be"),
}
AS_SAVED = pytest.mark.parametrize("how", SAVED)


@AS_SAVED
def test_settings(how: str, tmp_path: Path) -> None:
    experiment = Workspace(tmp_path).experiment("a")
    settings = for_preset("starter", dataset="/声 ü/recordings")
    settings.train.epochs = 7
    experiment.save_settings(settings)
    experiment.settings_toml.write_bytes(SAVED[how](experiment.settings_toml.read_text()))
    assert experiment.load_settings() == settings


def test_a_path_in_settings_may_be_no_text(tmp_path: Path) -> None:
    """Names of folders in another encoding are kept byte for byte, and a comment may hold anything."""
    experiment = Workspace(tmp_path).experiment("a")
    experiment.folder.mkdir(parents=True)
    experiment.settings_toml.write_bytes(b"preset = 'starter'\ndataset = '/caf\xe9'\n# \xc4\n")
    assert os.fsencode(experiment.load_settings().dataset) == b"/caf\xe9"


@pytest.mark.parametrize("data", [b"\xff\xfea", b"preset = 3\x00", b"x" * (5 << 20), "プ".encode("shift-jis")])
def test_settings_that_are_no_text(data: bytes, tmp_path: Path) -> None:
    experiment = Workspace(tmp_path).experiment("a")
    experiment.folder.mkdir(parents=True)
    experiment.settings_toml.write_bytes(data)
    with pytest.raises(BadInput, match=r"experiment\.toml"):
        experiment.load_settings()


@AS_SAVED
def test_pins(how: str, tmp_path: Path) -> None:
    """A pin that is overlooked is a checkpoint that is removed."""
    (tmp_path / "pins.txt").write_bytes(SAVED[how]("1200\n# the best\n 3400 \n"))
    assert read_pins(tmp_path / "pins.txt") == {1200, 3400}


def test_pins_with_remarks_in_another_code(tmp_path: Path) -> None:
    (tmp_path / "pins.txt").write_bytes("声\n1200\n".encode("shift-jis") + b"9" * 5000)
    assert read_pins(tmp_path / "pins.txt") == {1200}


@AS_SAVED
def test_keys_of_the_app(how: str, tmp_path: Path) -> None:
    from rvc_tui.keymap import read_keys

    (tmp_path / "keys.toml").write_bytes(SAVED[how]('"app.help" = "f1"\n"no.such" = "x"\n'))
    problems = read_keys(tmp_path / "keys.toml").problems
    assert len(problems) <= 2 and any("no.such" in problem for problem in problems)
    assert not any("not valid" in problem or "cannot be read" in problem for problem in problems)


@AS_SAVED
def test_transcripts(how: str, tmp_path: Path) -> None:
    (tmp_path / "transcripts.csv").write_bytes(SAVED[how]('path,transcript\na.wav,"Grüße,\n声"\n'))
    (tmp_path / "b.txt").write_bytes(SAVED[how]("one line\n"))
    read = Transcripts.read(tmp_path)
    assert read.of("a.wav").text.replace("\r\n", "\n") == "Grüße,\n声" and read.of("b.wav").text == "one line"


@pytest.mark.soak
def test_a_preset_that_there_is_not_is_named_by_every_command(rvc: Rvc, dataset: Path) -> None:
    experiment = Workspace(rvc.home).experiment("voice")
    experiment.save_settings(for_preset("starter", dataset=str(dataset)))
    text = experiment.settings_toml.read_text()
    experiment.settings_toml.write_text(text.replace('preset = "starter"', 'preset = "zzz"', 1))
    for words in (("run", "voice"), ("train", "voice"), ("features", "voice"), ("index", "voice"), ("advise", "voice")):
        done = rvc(*words)
        assert done.returncode == 2 and "zzz" in done.stderr and "v2-40k" in done.stderr, (words, done.stderr)
        assert len(done.stderr.splitlines()) == 1 and "Unexpected" not in done.stderr
    for words in (("status", "voice"), ("list",)):
        done = rvc(*words)
        assert "zzz" in done.stdout + done.stderr, (words, done.stdout, done.stderr)
    assert experiment.settings_toml.read_text().count('"zzz"') == 1
