"""RMVPE: its file, its windows, its batches, and what its pitch looks like. tests/conformance has the numbers."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from rvc_engine.errors import BadInput
from rvc_engine.files.weights import Unreadable
from rvc_engine.pitch import available_methods, resolve_method, track, track_all
from rvc_engine.pitch import rmvpe_frames as rmvpe
from rvc_engine.pitch.rmvpe_network import read_rmvpe
from rvc_engine.workspace import Workspace


def tone(samples: int, hz: float = 200.0) -> np.ndarray:
    phase = 2 * np.pi * hz * np.arange(samples) / 16000
    return 0.2 * sum(np.sin(k * phase) / k for k in range(1, 6))


@pytest.mark.parametrize(
    "samples", [0, 160, *(pytest.param(n, marks=pytest.mark.soak) for n in (100, 500, 513, 1599, 16000))]
)
@pytest.mark.soak
def test_any_length_and_any_number(samples: int, rmvpe_home: Workspace) -> None:
    for wave in (tone(samples).astype(np.float32), np.zeros(samples), np.full(samples, np.nan)):
        f0 = track("rmvpe", wave, workspace=rmvpe_home)
        assert f0.shape == (samples // 160,) and f0.dtype == np.float64 and np.isfinite(f0).all()
        assert ((f0 == 0) | ((f0 >= 50) & (f0 <= 1100))).all()
    assert not f0.any(), "NaN has no pitch"


def test_a_bin_is_a_pitch() -> None:
    salience = np.zeros((4, 360), dtype=np.float32)
    salience[0, 200], salience[1, 200:202], salience[2, 200] = 0.9, 0.5, 0.03
    hz = rmvpe.hz_of(rmvpe.cents_of(salience))
    assert hz[0] == pytest.approx(31.7 * 2 ** (200 * 20 / 1200), rel=1e-3)
    assert hz[1] == pytest.approx(hz[0] * 2 ** (10 / 1200)), "half way between two bins"
    assert hz[2] == hz[3] == 0, "not above the threshold"


@pytest.mark.parametrize(
    ("start", "stop", "size"), [(0, 32, 6144), (0, 6144, 6144), (0, 6176, 6144), (640, 20000, 6144)]
)
def test_windows_cover_every_frame_once(start: int, stop: int, size: int) -> None:
    stop -= stop % 32
    kept = []
    for begin, end, first, last in rmvpe.windows(start, stop, size):
        assert begin <= first < last <= end and end - begin <= size and begin % 32 == end % 32 == 0
        assert begin in (start, first - rmvpe.CONTEXT_FRAMES) and end in (stop, last + rmvpe.CONTEXT_FRAMES)
        kept += range(first, last)
    assert kept == list(range(start, stop))


@pytest.mark.soak
def test_windows_give_what_the_whole_gives(rmvpe_home: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    wave = 0.05 * np.random.default_rng(1).normal(size=9 * 16000) + tone(9 * 16000)
    whole = track("rmvpe", wave, workspace=rmvpe_home)
    monkeypatch.setattr(rmvpe, "WINDOW_FRAMES", 704)
    monkeypatch.setattr(rmvpe, "CONTEXT_FRAMES", 224)
    parts = track("rmvpe", wave, workspace=rmvpe_home)
    assert (whole > 0).any() and np.allclose(parts, whole, rtol=1e-4)


@pytest.mark.soak
def test_a_batch_gives_what_each_clip_gives(rmvpe_home: Workspace) -> None:
    waves = [tone(n, hz) for n, hz in ((8000, 150), (12000, 300), (8500, 220), (0, 100), (9000, 110))]
    alone = [track("rmvpe", wave, workspace=rmvpe_home) for wave in waves]
    together = list(track_all("rmvpe", waves, workspace=rmvpe_home))
    assert all(np.array_equal(a, b) for a, b in zip(alone, together, strict=True)), (
        "each in its place, equal to the last bit"
    )
    network = rmvpe.load(rmvpe_home.pretrained / "rmvpe.pt", "cpu")
    same = [waves[i] for i in (0, 2, 4)]
    batch = rmvpe.cents_of_waves(network, same, 64, "cpu")
    for row, wave in zip(batch, same, strict=True):
        assert np.allclose(row, rmvpe.cents_of_waves(network, [wave], 64, "cpu")[0], atol=0.5)


def test_it_is_read_once(rmvpe_home: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    path, reads = rmvpe_home.pretrained / "rmvpe.pt", []

    def counted(path: Path) -> Any:
        reads.append(path)
        return torch.nn.Identity()

    monkeypatch.setattr(rmvpe, "read_rmvpe", counted)
    rmvpe.release()
    assert rmvpe.load(path, "cpu") is rmvpe.load(path, "cpu") and len(reads) == 1
    about = path.stat()
    os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns + 1))
    rmvpe.load(path, "cpu")
    assert len(reads) == 2, "the file has changed"
    rmvpe.release()


@pytest.mark.soak
def test_every_form_of_the_file(rmvpe_home: Workspace, rmvpe_tensors: dict[str, Tensor], tmp_path: Path) -> None:
    wrapped, plain = tmp_path / "wrapped.pt", tmp_path / "rmvpe.safetensors"
    torch.save(
        {"model": {key: x for key, x in rmvpe_tensors.items() if not key.endswith("num_batches_tracked")}}, wrapped
    )
    save_file(rmvpe_tensors, plain)
    for path in (rmvpe_home.pretrained / "rmvpe.pt", wrapped, plain):
        network = read_rmvpe(path)
        state = network.state_dict()
        assert not network.training and list(state) == list(rmvpe_tensors)
        assert all(x.dtype == torch.float32 for x in network.parameters())
        assert all(torch.equal(state[key], x.to(state[key].dtype)) for key, x in rmvpe_tensors.items())


@pytest.mark.soak
def test_a_file_that_does_not_fit(rmvpe_tensors: dict[str, Tensor], tmp_path: Path) -> None:
    path = tmp_path / "rmvpe.pt"

    def reason(content: Any) -> str:
        torch.save(content, path)
        with pytest.raises(Unreadable) as caught:
            read_rmvpe(path)
        return str(caught.value)

    some = {"cnn.bias": torch.zeros(3)}
    assert "lacks" in reason(some) and "cnn.weight" in reason(some)
    assert "unknown" in reason({**rmvpe_tensors, "emb_g.weight": torch.zeros(2)})
    assert "dictionary" in reason([1, 2]) and "dictionary" in reason({"epoch": 3})
    assert "fc.1.bias has the shape [361]" in reason({**rmvpe_tensors, "fc.1.bias": torch.zeros(361)})
    assert "fc.1.bias" in reason({**rmvpe_tensors, "fc.1.bias": torch.full((360,), torch.nan)})


@pytest.mark.parametrize("content", [b"", b"not weights", b"PK\x03\x04 torn"])
def test_a_broken_file_is_named(content: bytes, home: Path) -> None:
    workspace = Workspace(home)
    workspace.pretrained.mkdir()
    (workspace.pretrained / "rmvpe.pt").write_bytes(content)
    with pytest.raises(BadInput) as caught:
        track("rmvpe", tone(1600), workspace=workspace)
    assert str(workspace.pretrained / "rmvpe.pt") in caught.value.title and "another pitch method" in caught.value.hint


def test_auto_takes_it_where_it_is(rmvpe_home: Workspace, home: Path) -> None:
    assert resolve_method("auto", rmvpe_home) == resolve_method("rmvpe", rmvpe_home) == "rmvpe"
    assert "rmvpe" in available_methods(rmvpe_home)
    empty = Workspace(home)
    assert resolve_method("auto", empty) == "swift" and "rmvpe" not in available_methods(empty)
    with pytest.raises(BadInput) as caught:
        resolve_method("rmvpe", empty)
    assert "pretrained/rmvpe.pt" in caught.value.message and "rvc assets pull v2-40k" in caught.value.hint
    empty.pretrained.mkdir()
    (empty.pretrained / "rmvpe.safetensors").touch()
    assert resolve_method("auto", empty) == "rmvpe"
