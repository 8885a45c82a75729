"""Named pipes, sockets, devices, folders and files of the kernel's, wherever a file is expected: refused by looking,
never waited for."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from rvc_engine.commands import cli
from rvc_engine.settings import for_preset
from rvc_engine.workspace import Workspace
from tests.conftest import Rvc
from tests.files.special import KINDS, WORDS, make, within

LIMIT_S = 8.0
linux = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc and /dev/zero as Linux has them")

COMMANDS = {
    "convert, the input": "convert v {it} --output {out}",
    "convert, one of two inputs": "convert v {good} {it} --output {out}",
    "convert, the index": "convert v {good} --index {it} --output {out}",
    "convert, the voice": "convert {it} {good} --output {out}",
    "voice info": "voice info {it}",
    "voice extract": "voice extract {it} --name x",
    "voice merge": "voice merge {it} v --weight 0.5 --name x",
    "voice export": "voice export {it} --output {out}",
    "voice export, the index": "voice export v --index {it} --output {out}",
    "voice import": "voice import {it}",
    "assets verify": "assets verify --file {it}",
    "run, pretrained G": "run new --dataset {folder} --preset starter --pretrained-g {it}",
    "run, pretrained D": "run new --dataset {folder} --preset starter --pretrained-d {it}",
}
FOLDERS = {"convert, the input", "assets verify", "voice extract"}
"""Where a folder means something else."""


@pytest.fixture
def workspace(home: Path) -> Workspace:
    (home / "weights").mkdir()
    (home / "weights" / "v.pth").write_bytes(b"a voice that is not looked at")
    return Workspace(home)


def call(words: str, home: Path, **places: Path) -> tuple[list[str], int]:
    text = [word.format(**places) for word in words.split(" ")]
    with within(LIMIT_S):
        return text, cli.run_words([*text, "--home", str(home)])


@linux
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_says_what_it_was_given(
    command: str,
    kind: str,
    home: Path,
    workspace: Workspace,
    dataset: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if kind == "folder" and command in FOLDERS:
        pytest.skip("a folder is meant otherwise here")
    it = make(kind, tmp_path / "it.pth")
    good = next(dataset.iterdir())
    _, code = call(COMMANDS[command], home, it=it, good=good, out=tmp_path / "out.wav", folder=dataset)
    said = capsys.readouterr().err
    assert code == 2, said
    assert WORDS[kind] in said and "it.pth" in said and len(said.strip().splitlines()) == 1, said
    assert not (home / "logs").exists() and not (tmp_path / "out.wav").exists()


@linux
@pytest.mark.parametrize("kind", ["pipe", "device"])
@pytest.mark.parametrize(
    "what", ["experiment.toml", "runs/0001.jsonl", "run.lock", "heartbeat.json", "receipts/preprocess.json"]
)
def test_what_an_experiment_is_read_from_never_hangs(
    what: str, kind: str, home: Path, workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    experiment = workspace.experiment("voice")
    experiment.save_settings(for_preset("starter"))
    place = experiment.path(*what.split("/"))
    place.parent.mkdir(parents=True, exist_ok=True)
    place.unlink(missing_ok=True)
    make(kind, place)
    for words in ("status voice", "list", "stop voice"):
        _, code = call(words, home)
        assert code in (0, 1, 2), capsys.readouterr().err
    if what == "experiment.toml":
        _, code = call("run voice --dataset .", home)
        assert code == 2 and WORDS[kind] in (said := capsys.readouterr().err) and "experiment.toml" in said


@linux
def test_a_queue_that_is_a_pipe_is_named(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make("pipe", home / "queue.json")
    _, code = call("queue list", home)
    assert code == 2 and "queue.json" in (said := capsys.readouterr().err) and "named pipe" in said


@linux
def test_keys_that_are_a_pipe_are_named(tmp_path: Path) -> None:
    from rvc_tui.keymap import read_keys

    with within(LIMIT_S):
        (problem,) = read_keys(make("pipe", tmp_path / "keys.toml")).problems
    assert "named pipe" in problem and "keys.toml" in problem


@linux
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "folder"])
def test_a_recording_that_is_none_is_passed_over(kind: str, dataset: Path, home: Path) -> None:
    """Of a folder, by its kind; where one is opened all the same, with the reason."""
    from rvc_engine.audio.io import decode
    from rvc_engine.dataset.files import dataset_files
    from rvc_engine.errors import UnusableRecording

    it = make(kind, dataset / "it.wav")
    settings = for_preset("starter", dataset=str(dataset))
    with within(LIMIT_S), pytest.raises(UnusableRecording, match=WORDS[kind]):
        decode(it, 16000)
    assert kind == "kernel" or it not in dataset_files(settings)


@linux
@pytest.mark.parametrize("name", ["resume.pt", "G_10.pth"])
def test_a_state_that_is_a_pipe_is_none(name: str, home: Path) -> None:
    """Where it stands in the way of a whole one, it is passed over."""
    from rvc_engine.training.store import CheckpointStore

    experiment = Workspace(home).experiment("voice")
    experiment.folder.mkdir(parents=True)
    (experiment.folder / "D_10.pth").write_bytes(b"")
    make("pipe", experiment.folder / name)
    with within(LIMIT_S):
        store = CheckpointStore(experiment)
        assert store.candidates() == []
        assert store.epoch_of(10) is None


@linux
def test_a_clip_that_is_a_pipe_is_an_error(tmp_path: Path) -> None:
    from rvc_engine.audio.io import read_wav
    from rvc_engine.errors import UnusableRecording

    with within(LIMIT_S), pytest.raises(UnusableRecording, match="named pipe"):
        read_wav(make("pipe", tmp_path / "0_0.wav"))


@linux
def test_a_hubert_in_a_folder_whose_weights_are_a_pipe(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "config.json").write_text("{}")
    make("pipe", tmp_path / "model.safetensors")
    _, code = call(f"assets verify --file {tmp_path}", tmp_path)
    assert code == 2 and "config.json" in capsys.readouterr().err


@linux
@pytest.mark.soak
def test_a_real_process_does_not_wait_for_a_pipe_nor_for_its_own_input(rvc: Rvc, tmp_path: Path) -> None:
    make("pipe", tmp_path / "it.wav")
    done = rvc("assets", "verify", "--file", tmp_path / "it.wav", timeout=30)
    assert done.returncode == 2 and "named pipe" in done.stderr and "Traceback" not in done.stderr
    done = rvc("assets", "verify", "--file", "/dev/stdin", timeout=30)  # Rvc gives it /dev/null
    assert done.returncode == 2 and "device" in done.stderr


def test_a_file_given_by_its_descriptor_is_a_file(tmp_path: Path) -> None:
    from rvc_engine.common.opening import open_file

    (tmp_path / "x").write_bytes(b"abc")
    with (tmp_path / "x").open("rb") as file:
        place = Path(f"/dev/fd/{file.fileno()}")
        if not os.path.exists(place):
            pytest.skip("there is no /dev/fd here")
        with open_file(place) as again:
            assert again.read() == b"abc"


def test_text_is_read_up_to_a_bound(tmp_path: Path) -> None:
    from rvc_engine.common.opening import read_text

    (tmp_path / "x").write_text("12345")
    assert read_text(tmp_path / "x", limit=5) == "12345"
    with pytest.raises(OSError, match="larger"):
        read_text(tmp_path / "x", limit=4)


def test_only_one_place_opens_files_for_reading() -> None:
    """Everything else asks opening.py, which looks first. What the kernel writes for us (/proc, cgroups) is read as it
    is."""
    allowed = {"opening.py", "lock.py", "advisor.py", "cpu.py", "measure.py", "processes.py"}
    found = []
    for package in ("rvc_engine", "rvc_tui"):
        for path in (Path(__file__).parents[2] / package).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            lines = [
                line
                for line in text.splitlines()
                if any(call in line for call in (".read_text(", ".read_bytes(", '.open("rb")'))
            ]
            found += [f"{path.name}: {line.strip()}" for line in lines if path.name not in allowed]
    assert not found, json.dumps(found, indent=1)


def test_a_pipe_at_the_place_of_a_result_is_replaced_not_written_into(tmp_path: Path) -> None:
    from rvc_engine.disk import write_whole

    with within(LIMIT_S):
        write_whole(make("pipe", tmp_path / "x"), b"abc")
    assert (tmp_path / "x").read_bytes() == b"abc"
