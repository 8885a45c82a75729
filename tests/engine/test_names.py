"""Names of any length that is allowed: every file derived from one fits; names that would do harm are refused for new
experiments."""

from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path

import pytest

from rvc_engine.common import names
from rvc_engine.disk import remove_temporaries, whole_file, write_whole
from rvc_engine.errors import BadInput
from rvc_engine.experiment import Experiment
from rvc_engine.run.runner import remove_partial_files
from rvc_engine.settings import for_preset
from rvc_engine.voices.index_file import made_with, sidecar_of
from rvc_engine.voices.lookup import name_for, refuse_name
from rvc_engine.workspace import Workspace

LONG = ["x" * 200, "声" * 66, "😀" * 50, "é" * 100, "a" * 199 + "b"]
LONGER = [name[:-1] + other for name in LONG for other in "12"]  # alike but for their ends


@pytest.mark.parametrize("name", LONG)
@pytest.mark.parametrize("limit", [255, 143])
def test_every_file_of_a_long_name_fits(name: str, limit: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """143: what eCryptfs takes; there the folder itself is the longest that fits."""
    name = name.encode()[: min(200, limit)].decode(errors="ignore")
    monkeypatch.setattr(names, "room_in", lambda folder: limit)
    experiment = Workspace(tmp_path).experiment(name)
    experiment.folder.mkdir(parents=True)
    seen: list[str] = []
    index = experiment.index_path(123456, "starter-1")
    for path in (experiment.small_model, experiment.small_model_at(123456, 123456789), index, sidecar_of(index)):
        with whole_file(path, durable=False) as temporary:
            temporary.write_bytes(b"x")
            seen += [temporary.name, path.name]
    assert max(len(os.fsencode(each)) for each in seen) <= limit
    assert (
        experiment.indexes() == [index]
        and made_with(index)[1] == "starter-1"
        and index.name.startswith("added_IVF123456_Flat_nprobe_1_")
    )
    assert set(experiment.small_models()) == {experiment.small_model, experiment.small_model_at(123456, 123456789)}
    assert name[:8] in index.name


def test_a_name_that_fits_stays_as_it_is(tmp_path: Path) -> None:
    experiment = Workspace(tmp_path).experiment("it's 声")
    assert experiment.index_path(3, "v2").name == "added_IVF3_Flat_nprobe_1_it's 声_v2.index"
    assert experiment.small_model_at(1, 2).name == "it's 声_e1_s2.pth"


def test_long_names_stay_apart() -> None:
    for one, other in pairwise(LONGER):
        assert names.fitted(one, "_e1_s2.pth", 120) != names.fitted(other, "_e1_s2.pth", 120)
        fitted = names.fitted(one, "", 120)
        assert names.is_name_of(fitted, one) and not names.is_name_of(fitted, other) and len(fitted.encode()) <= 120


def test_only_its_own_halves_are_removed(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    one, other = (workspace.experiment("声" * 60 + end) for end in ("a", "b"))
    workspace.weights.mkdir()
    halves = []
    for experiment in (one, other):
        for path in (experiment.small_model, experiment.small_model_at(12, 340)):
            halves.append(path.with_name(f".{names.short(path.name)}.{os.getpid()}.part"))
            halves[-1].touch()
    remove_partial_files(one)
    assert [half.exists() for half in halves] == [False, False, True, True]
    remove_temporaries(workspace.weights)
    assert not any(half.exists() for half in halves)


@pytest.mark.parametrize("name", ["x" * 251 + ".wav", "声" * 83 + ".mp3", "n" * 255, "." + "y" * 254])
def test_the_longest_file_name_can_be_written(name: str, tmp_path: Path) -> None:
    write_whole(tmp_path / name, b"whole")
    assert os.listdir(tmp_path) == [name] and (tmp_path / name).read_bytes() == b"whole"


HARMFUL = {
    "..p": "a dot",
    ".hidden": "a dot",
    "...": "a dot",
    "voice.": "a dot",
    " voice": "a space",
    "voice ": "a space",
    "\u3000": "a space",
    "two\nlines": "invisible",
    "tab\tbed": "invisible",
    "bell\x07": "invisible",
    "\x1b[31mred": "invisible",
    "abc\u202ehtp.exe": "invisible",
    "\u2028": "a space",
    "\ufeffvoice": "invisible",
    "a\u200bb": "invisible",
    "con": "device",
    "NUL": "device",
    "aux.take1": "device",
    "Com1": "device",
    "lpt9": "device",
    "alice.pth": "file",
    "alice.ZIP": "file",
    "C:\\voices": "end of a name",
    "a|b": "end of a name",
    "alice_e12_s340": "saved voice",
    "x" * 201: "201 bytes",
    "声" * 67: "201 bytes",
    "-rf": "options",
    "": "folder",
}


@pytest.mark.parametrize("name", HARMFUL)
def test_a_harmful_name_is_refused_for_something_new(name: str, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    with pytest.raises(BadInput) as caught:
        workspace.experiment(name)
    assert HARMFUL[name] in str(caught.value) and caught.value.hint and str(caught.value).isprintable()
    with pytest.raises(BadInput):
        workspace.experiment(f"{tmp_path}/elsewhere/{name or '.pth'}")
    if name != "alice_e12_s340":  # RVC programs hand voices around under such names
        with pytest.raises(BadInput):
            refuse_name(name)


@pytest.mark.parametrize(
    "name", [name for name in HARMFUL if name and names.size_of(name) <= 200 and not name.startswith("-")]
)
def test_what_has_a_harmful_name_already_still_opens(name: str, tmp_path: Path) -> None:
    experiment = Experiment(tmp_path / "logs" / name, Workspace(tmp_path))
    experiment.save_settings(for_preset("starter"))
    assert Workspace(tmp_path).experiment(name).load_settings().preset == "starter"
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / f"{name}x.pth").touch()
    assert Workspace(tmp_path).experiment(f"{name}x").small_models()


@pytest.mark.parametrize(
    "name",
    [
        'it\'s "x"',
        "声 ü",
        "👩‍👩‍👧",
        "a.b",
        "x  y",
        "名\u3000前",
        "console",
        "v1.0",
        "[a]",
        "~x",
        "e12_s3",
        os.fsdecode(b"\xff"),
    ],
)
def test_a_name_that_does_no_harm_is_taken(name: str, tmp_path: Path) -> None:
    assert Workspace(tmp_path).experiment(name).name == name


def test_a_name_longer_than_the_file_system_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "room_in", lambda folder: 143)
    with pytest.raises(BadInput, match="allows names of at most 143 bytes"):
        Workspace(tmp_path).experiment("x" * 144)
    assert Workspace(tmp_path).experiment("x" * 143)


def test_the_name_of_an_imported_voice(tmp_path: Path) -> None:
    class Unpacked:
        name = "con"

    assert name_for(None, Unpacked(), tmp_path / "alice_e12_s340.pth") == "alice_e12_s340"  # type: ignore[arg-type]
    assert name_for(None, Unpacked(), tmp_path / "..pth.pth") == "voice"  # type: ignore[arg-type]
    assert name_for(None, Unpacked(), tmp_path / f"{'声' * 66}.pth") == "声" * 66  # type: ignore[arg-type]
