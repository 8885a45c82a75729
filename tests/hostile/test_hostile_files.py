"""Files from strangers are data: none runs anything, hangs or crashes a process, whatever is in it."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
import tarfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from rvc_engine.conversion.retrieval import build_index, write_index
from rvc_engine.files import weights
from rvc_engine.files.weights import Unreadable, read, write_safetensors
from rvc_engine.models.synthesizer import Synthesizer
from rvc_engine.presets import PRESETS
from rvc_engine.voices.bundle import write_bundle
from rvc_engine.voices.small_model import read_voice, write_small_model
from tests.conftest import ROOT, Rvc, rvc_environment
from tests.hostile.mutate import mutated

HERE = Path(__file__).resolve().parent
MARKER = Path("/tmp/pwned_marker")
MUTATIONS = 2400
FEW = 8


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    with tarfile.open(HERE / "files.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    return folder


@pytest.fixture(autouse=True)
def nothing_runs() -> Iterator[None]:
    MARKER.unlink(missing_ok=True)
    yield
    ran = MARKER.exists()
    MARKER.unlink(missing_ok=True)
    assert not ran, "a file ran code"


def looked_at(paths: list[Path], warm: Path) -> list[dict[str, object]]:
    """What a process with limits saw in each file; fewer rows than files mean that it died."""
    command = [sys.executable, "-m", "tests.hostile.look", str(warm)]
    text = "".join(f"{path}\n" for path in paths)
    done = subprocess.run(
        command, input=text, capture_output=True, text=True, cwd=ROOT, env=rvc_environment(), timeout=900
    )
    rows: list[dict[str, object]] = [json.loads(line) for line in done.stdout.splitlines()]
    last = paths[len(rows)].name if len(rows) < len(paths) else ""
    assert len(rows) == len(paths) and done.returncode == 0, (
        f"died with {done.returncode} at {last}: {done.stderr[-500:]}"
    )
    return rows


def test_every_hostile_file_is_refused_and_the_control_is_read(files: Path) -> None:
    index = json.loads((files / "evil" / "index.json").read_text())
    paths = [files / "evil" / name for name in sorted(index)]
    rows = looked_at(paths, files / "evil" / "ok_control.pt")
    for path, row in zip(paths, rows, strict=True):
        wanted = "read content encoder" if index[path.name]["expect"] == "load" else f"refused {path}"
        assert str(row["result"]).startswith(wanted), row
        assert float(str(row["seconds"])) < 5 and int(str(row["bytes"])) < 1 << 30


def test_the_old_format_is_read(files: Path) -> None:
    content = read(files / "tiny_hubert_fairseq_oldstream.pt")
    assert len(content["model"]) == len(read(files / "evil" / "ok_control.pt")["model"])
    assert all(tensor.isfinite().all() for tensor in content["model"].values())


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("p01_reduce_os_system.pt", "posix.system"),
        pytest.param("p07_conv_layers_string.pt", "conv_feature_layers", marks=pytest.mark.soak),
        pytest.param("p14_old_stream_payload.pt", "posix.system", marks=pytest.mark.soak),
    ],
)
@pytest.mark.soak
def test_the_command_line_refuses_in_one_line(rvc: Rvc, files: Path, name: str, words: str) -> None:
    path = files / "evil" / name
    done = rvc("assets", "verify", "--file", path)
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1
    assert str(path) in done.stderr and words in done.stderr and not done.stdout


@pytest.mark.soak
def test_the_command_line_distinguishes_the_control_from_the_others(rvc: Rvc, files: Path) -> None:
    for name, entry in sorted(json.loads((files / "evil" / "index.json").read_text()).items()):
        done = rvc("assets", "verify", "--file", files / "evil" / name)
        wanted = 0 if entry["expect"] == "load" else 2
        assert done.returncode == wanted and len(done.stderr.splitlines()) == (1 if wanted else 0), (name, done.stderr)


@pytest.mark.soak
def test_every_command_refuses_the_same(rvc: Rvc, home: Path, files: Path, dataset: Path) -> None:
    """Given as a voice, an index, pretrained weights or an encoder."""
    evil = files / "evil" / "p01_reduce_os_system.pt"
    output = home / "out.wav"
    recording = next(dataset.iterdir())
    for words in (
        ("convert", evil, recording, "--output", output),
        ("voice", "info", evil),
        ("voice", "extract", evil, "--output", home / "a.pth"),
        ("voice", "merge", evil, evil, "--output", home / "a.pth"),
        ("voice", "import", evil),
        (
            "run",
            "x",
            "--dataset",
            dataset,
            "--preset",
            "starter-tiny",
            "--pretrained-g",
            evil,
            "--set",
            "pitch.method=praat",
        ),
    ):
        done = rvc(*words)
        assert done.returncode in (1, 2) and "posix.system" in done.stdout + done.stderr, (
            words,
            done.stdout,
            done.stderr,
        )
    (home / "pretrained").mkdir()
    for name in ("hubert_base.pt", "rmvpe.pt"):
        (home / "pretrained" / name).write_bytes(evil.read_bytes())
    done = rvc("features", "y", "--dataset", dataset, "--preset", "v2-40k", "--set", "pitch.method=praat")
    assert done.returncode in (1, 2) and "posix.system" in done.stdout + done.stderr
    assert rvc("pitch", "z", "--dataset", dataset, "--preset", "starter-tiny", "--method", "rmvpe").returncode in (1, 2)
    assert not output.exists()


# --- what the reader builds ------------------------------------------------------------------------
def test_it_builds_what_torch_saved(tmp_path: Path) -> None:
    flat = torch.arange(24.0)
    content = {
        "view": flat[4:16].view(3, 4).t(),
        "same": flat,
        "empty": torch.zeros(0, 3),
        "parameter": torch.nn.Parameter(torch.ones(2)),
        "scalar": torch.tensor(3),
        "bool": torch.tensor([True, False]),
        "plain": [1, -2.5, "text \u97f3", None, True, (1, 2), {"a": 10**30}],
    }
    content |= {
        str(kind): torch.ones(3).to(kind)
        for kind in (torch.float16, torch.bfloat16, torch.float64, torch.int8, torch.uint8)
    }
    for zipped in (True, False):
        path = tmp_path / f"{zipped}.pt"
        torch.save(content, path, _use_new_zipfile_serialization=zipped)
        found = read(path)
        assert found.keys() == content.keys() and found["plain"] == content["plain"]
        for key, value in content.items():
            if isinstance(value, torch.Tensor):
                assert found[key].dtype == value.dtype and torch.equal(found[key], value.detach())
        assert found["view"].untyped_storage().data_ptr() == found["same"].untyped_storage().data_ptr()


def test_numbers_of_numpy_and_modules_metadata(tmp_path: Path) -> None:
    network = torch.nn.Linear(2, 3)
    torch.save({"model": network.state_dict(), "best": np.float64(1.5)}, tmp_path / "a.pt")
    found = read(tmp_path / "a.pt")
    assert found["best"] == 1.5 and torch.equal(found["model"]["weight"], network.weight)


class Runs:
    def __reduce__(self) -> tuple[Callable[..., object], tuple[str, ...]]:
        import os

        return os.system, (f"touch {MARKER}",)


class Nested:
    """Tuples that hold one another: their hash would take 2 ** 60 steps."""

    def pickled(self) -> bytes:
        tuples = b")" + b"q\x01h\x01\x86" * 60
        return b"\x80\x02}" + tuples + b"K\x01s."


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (pickle.dumps({"a": Runs()}, 2), "posix.system"),
        (pickle.dumps({"a": Runs()}, 4), "posix.system"),
        (pickle.dumps({"a": Runs()}, 0), "opcode"),
        (Nested().pickled(), "neither text nor a number"),
        (b"\x80\x02r\xff\xff\xff\x7f.", "empty stack"),
        (b"\x80\x02K\x01r\xff\xff\xff\x7f.", ""),
        (b"\x80\x02" + b"(" * 100_000 + b".", "empty stack"),
        (b"\x80\x02cos\nsystem\x1b[2J\n.", "os.system?[2J"),
        (b"\x80\x02X\xff\xff\xff\x7fabc.", "has a text of"),
    ],
    ids=["calls", "calls-4", "calls-0", "nested", "no-item", "large-memo", "marks", "escapes", "long-text"],
)
def test_pickles_by_hand(tmp_path: Path, data: bytes, words: str) -> None:
    import zipfile

    path = tmp_path / "a.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", data)
        archive.writestr("archive/version", "3\n")
    if not words:
        assert read(path) == 1  # a memo is a dictionary here: a large number in it costs nothing
        return
    with pytest.raises(Unreadable) as refusal:
        read(path)
    assert words in str(refusal.value) and str(refusal.value).isprintable()


def test_a_configuration_that_holds_itself_ends(tmp_path: Path) -> None:
    endless: list[object] = []
    endless.append(endless)
    torch.save({"cfg": endless}, tmp_path / "a.pt")
    with pytest.raises(Unreadable, match="too deep"):
        weights.plain(read(tmp_path / "a.pt")["cfg"])


# --- mutations -------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def valid(tmp_path_factory: pytest.TempPathFactory, files: Path) -> dict[str, Path]:
    """A valid file of each kind, small."""
    folder = tmp_path_factory.mktemp("valid")
    config = PRESETS["v2-40k-tiny"]
    torch.manual_seed(1)
    state = Synthesizer(config).state_dict()
    voice = folder / "voice.pth"
    write_small_model(voice, state, config, epoch=3, step=9, extra={})
    checkpoint = folder / "G_9.pth"
    torch.save(
        {"model": state, "iteration": 3, "optimizer": {"state": {}, "param_groups": []}, "learning_rate": 1e-4},
        checkpoint,
    )
    tensors = folder / "tensors.safetensors"
    write_safetensors(tensors, {"a": torch.ones(30, 4), "b": torch.zeros(7)}, {"kind": "test"})
    index = folder / "added_IVF5_Flat_nprobe_1_x_v2.index"
    rows = np.random.default_rng(0).standard_normal((200, 16)).astype(np.float32)
    write_index(build_index(rows, 5), index)
    kinds = {"fairseq": files / "evil" / "ok_control.pt", "old": files / "tiny_hubert_fairseq_oldstream.pt"}
    kinds |= {"voice": voice, "checkpoint": checkpoint, "safetensors": tensors, "index": index}
    bundle = folder / "voice.rvcvoice"
    write_bundle(bundle, read_voice(voice), "voice", index, {})
    return kinds | {"bundle": bundle}


@pytest.mark.parametrize("count", [FEW, pytest.param(MUTATIONS, marks=pytest.mark.soak)])
@pytest.mark.soak
def test_mutations_never_run_hang_or_crash(tmp_path: Path, valid: dict[str, Path], count: int) -> None:
    rng = np.random.default_rng(20261123)
    outcomes: Counter[str] = Counter()
    whole = looked_at(list(valid.values()), valid["fairseq"])
    assert all(str(row["result"]).startswith("read ") for row in whole), whole
    for first in range(0, count, 120):
        paths = []
        for number in range(first, min(count, first + 120)):
            kind = list(valid)[number % len(valid)]
            path = tmp_path / f"{number}_{valid[kind].name}"
            path.write_bytes(mutated(valid[kind].read_bytes(), rng))
            paths.append(path)
        for row in looked_at(paths, valid["fairseq"]):
            result = str(row["result"])
            assert not result.startswith("broke"), row
            assert float(str(row["seconds"])) < 5
            outcomes[result.split()[0]] += 1
        for path in paths:
            path.unlink()
    assert outcomes["refused"] > count / 2, outcomes
    print(f"{count} mutations of {len(valid)} kinds of files: {dict(outcomes)}")
