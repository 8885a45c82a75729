"""Small files that ask for much are refused in under a second and 100 MB, by every reader of files from strangers."""

from __future__ import annotations

import json
import subprocess
import sys
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch

from rvc_engine.content.phonetic import read_phonetic
from rvc_engine.errors import BadInput
from rvc_engine.files.foreign import Opaque, Unreadable, describe, first_line, parse_json, text_of, weigh
from rvc_engine.files.weights import read_shapes, write_safetensors
from rvc_engine.files.zip_files import open_zip
from rvc_engine.pretrain.moving import read_parts
from rvc_engine.voices.index_file import made_with, sidecar_of
from rvc_engine.voices.unpack import unpack
from tests.conftest import ROOT, Rvc, rvc_environment
from tests.hostile import bombs
from tests.hostile.test_hostile_files import looked_at

MAX_SECONDS = 1.0  # of the CPU: this machine may be busy
MAX_BYTES = 100 << 20


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bombs")
    for name, (make, _) in bombs.BOMBS.items():
        make(folder / name)
    return folder


def test_every_bomb_is_refused_at_once_in_little_memory(made: Path, tmp_path: Path) -> None:
    warm = tmp_path / "warm.pth"
    torch.save({"weight": {}, "config": []}, warm)
    rows = looked_at([made / name for name in bombs.BOMBS], warm)
    for (name, (_, words)), row in zip(bombs.BOMBS.items(), rows, strict=True):
        result = str(row["result"])
        assert result.startswith("refused ") and words in result and name in result, row
        assert len(result) < 1000 and result.isprintable(), row
        assert float(str(row["cpu"])) < MAX_SECONDS and int(str(row["bytes"])) < MAX_BYTES, row
        assert float(str(row["listed_cpu"])) < MAX_SECONDS and int(str(row["listed"])) < 2000, row


def test_shapes_are_read_with_the_same_bounds(made: Path) -> None:
    for name in (
        "voice_config.pth",
        "deep.pth",
        "many_views.pth",
        "million_records.pth",
        "old_stream.pth",
        "many_names.safetensors",
    ):
        with pytest.raises(Unreadable):
            read_shapes(made / name)


@pytest.mark.parametrize(
    "words",
    [
        ("voice", "info", "FILE"),
        pytest.param(("voice", "extract", "FILE", "--output", "a.pth"), marks=pytest.mark.soak),
        pytest.param(("voice", "merge", "FILE", "FILE", "--output", "a.pth"), marks=pytest.mark.soak),
        pytest.param(("voice", "export", "FILE", "--output", "a.zip"), marks=pytest.mark.soak),
        pytest.param(("voice", "import", "FILE"), marks=pytest.mark.soak),
        pytest.param(("assets", "verify", "--file", "FILE"), marks=pytest.mark.soak),
        pytest.param(("convert", "FILE", "RECORDING", "--output", "out.wav"), marks=pytest.mark.soak),
        pytest.param(
            ("run", "x", "--dataset", "DATASET", "--preset", "starter-tiny", "--pretrained-g", "FILE"),
            marks=pytest.mark.soak,
        ),
    ],
    ids=lambda words: "-".join(words[:2]),
)
def test_every_command_refuses_in_one_line(rvc: Rvc, made: Path, dataset: Path, words: tuple[str, ...]) -> None:
    places = {"FILE": made / "voice_config.pth", "DATASET": dataset, "RECORDING": next(dataset.iterdir())}
    done = rvc(*(places.get(word, word) for word in words), timeout=60)
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1 and not done.stdout, (done.stdout, done.stderr)
    assert "voice_config.pth" in done.stderr and "500,000 values" in done.stderr


def test_a_voice_is_refused_before_torch_is_loaded(rvc: Rvc, made: Path) -> None:
    """Loading torch takes longer, and more memory, than a refusal may."""
    code = "import sys; from rvc_engine.commands.cli import main; print(main(sys.argv[1:]), 'torch' in sys.modules)"
    command = [sys.executable, "-c", code, "voice", "info", str(made / "voice_config.pth")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=rvc_environment())
    assert done.stdout == "2 False\n" and "500,000 values" in done.stderr, (done.stdout, done.stderr)


# --- other readers ---------------------------------------------------------------------------------
def test_a_zip_that_expands_without_bound_is_not_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "shared.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("voice.pth", "w") as voice:
        for _ in range(80):
            voice.write(bytes(1 << 20))
    (tmp_path / "out").mkdir()
    with pytest.raises(BadInput, match="more than 100 times"):
        unpack(path, tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize(
    "content",
    [bombs.NESTED, bombs.DIGITS, b'{"encoder": ' + bombs.WIDE + b', "version": "v2", "bytes": 5}', b"7", b"[]"],
)
def test_the_json_beside_an_index_is_bounded(tmp_path: Path, content: bytes) -> None:
    index = tmp_path / "added_IVF1_Flat_nprobe_1_a_v2.index"
    index.write_bytes(b"12345")
    sidecar_of(index).write_bytes(content)
    assert made_with(index) == ("hubert-768", "v2")  # its name decides


@pytest.mark.parametrize(
    "shape",
    [
        {"width": 10**9},
        {"blocks": 10**6},
        {"mels": "a" * 100_000},
        {"dim": True},
        {"kernel": [[]] * 1000},
        [],
        7,
        {"unknown": 1},
    ],
)
def test_a_network_of_any_size_is_not_made(tmp_path: Path, shape: Any) -> None:
    path = tmp_path / "encoder.safetensors"
    write_safetensors(path, {"a": torch.zeros(1)}, {"phonetic": json.dumps(shape)})
    with pytest.raises(Unreadable) as refusal:
        read_phonetic(path)
    assert len(str(refusal.value)) < 400


@pytest.mark.parametrize(
    "content",
    [
        bombs.NESTED,
        b'{"format": 1, "parts": [], "tensors": [], "content": {}}',
        b'{"format": 1, "parts": 7}',
        b"{}",
        b"",
        b'{"format": 1, "parts": [{"file": ""}]}',
        b'{"format": 1, "parts": [], "tensors": [{"dtype": "load"}], "content": {"tensor": 0}}',
    ],
)
def test_the_list_of_a_states_parts_is_bounded(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "train.json").write_bytes(content)
    with pytest.raises(BadInput, match=r"train\.json cannot be used"):
        read_parts(tmp_path, "train")


def test_a_zip_of_many_records_is_refused_before_they_are_listed(made: Path) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(Unreadable), open_zip(made / "million_records.pth"):
            pass
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


# --- words and weight ------------------------------------------------------------------------------
def test_a_value_of_any_size_is_described_in_a_line() -> None:
    for value in (
        bombs.shared(40),
        {1: bombs.shared()},
        "\x1b[2J\u202e" * 9999,
        10**4000,
        -(10**4000),
        float("inf"),
        b"a" * 9999,
        torch.zeros(9),
        Opaque("argparse.Namespace", {"a": bombs.shared()}),
        object(),
        None,
        True,
        (1, 2),
    ):
        text = describe(value)
        assert 0 < len(text) < 400 and text.isprintable()
        assert len(text_of(value, 50)) <= 50
    assert (describe("v3"), describe(3), describe([1, 2])) == ("'v3'", "3", "a list of 2 values")
    assert first_line(ValueError("\n\x1b[1m" + "a" * 9999 + "\nmore")).startswith("?[1maaa")
    assert first_line(AssertionError()) == "AssertionError"


def test_what_is_shared_weighs_as_often_as_it_appears() -> None:
    one = {"a": "abc", "b": [1, 2]}
    assert weigh(one).values == 7 and weigh([one, one]).values == 15 and weigh([one, one]).height == 3
    for value, words in ((bombs.shared(), "values"), (["a" * 1000] * 20_000, "characters")):
        with pytest.raises(Unreadable, match=words):
            weigh(value)


@pytest.mark.parametrize("text", ["", "{", "nul", '"\ud800', "[" * 5000, "1" * 5000, "[1e999999, " + "9" * 700 + "]"])
def test_json_that_is_none(text: str) -> None:
    with pytest.raises(Unreadable):
        parse_json(text)
    assert parse_json(b"\xef\xbb\xbf{}") == {}


# --- one reader ------------------------------------------------------------------------------------
CALLS = ("torch.load(", "pickle.load", "allow_pickle=True", "Unpickler(")


def test_nothing_else_loads_a_pickle() -> None:
    """torch.load and pickle.load nowhere (models/weights.py has a machine of its own), numpy's never with pickles."""
    found: list[str] = []
    for path in sorted((ROOT / "rvc_engine").rglob("*.py")) + sorted((ROOT / "rvc_tui").rglob("*.py")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            code = line.partition("#")[0]
            if any(call in code for call in CALLS):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()}")
    assert not found
