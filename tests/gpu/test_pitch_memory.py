"""Pitch on a simulated GPU whose memory runs out: fewer waves at a time, smaller parts, then the CPU."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from numpy.random import RandomState

from rvc_engine.audio.io import write_wav
from rvc_engine.workspace import Workspace
from tests.gpu.conftest import OnGpu, OnGpus
from tests.gpu.test_runs import TINY
from tests.tiny_voice import save_voice

TRACK = """
import json
from pathlib import Path
import numpy as np
import torch
from rvc_engine.machine.device import use_device
from rvc_engine.pitch import track
from rvc_engine.pitch.checked import CheckedTracker
from rvc_engine.workspace import Workspace
workspace = Workspace(Path({home!r}))
phase = 2 * np.pi * np.cumsum(150 + 30 * np.sin(np.arange({samples}) / 8000)) / 16000
wave = (0.2 * sum(np.sin(k * phase) / k for k in range(1, 6))).astype(np.float32)
tracker = CheckedTracker({method!r}, str(use_device("auto")), workspace)
tracker.load()
found = tracker.track([wave] * {waves})
short = track({method!r}, wave[:16000], workspace=workspace)
print(json.dumps({{
    "frames": [len(hz) for hz in found], "notes": [note.code for note in tracker.notes()],
    "again": list(tracker.notes()), "ran_out": torch.cuda.memory_stats()["num_ooms"],
    "cpu": float(np.median(short)), "median": float(np.median(found[0])),
}}))
"""
ENOUGH = [
    ("rmvpe", 16, 60000, 0.55),  # 16 clips take 794 MiB, one 434
    ("rmvpe", 1, 960000, 0.55),  # a minute takes 788
    ("crepe", 1, 60000, 0.5),  # 1234
]
"""Method, waves, samples of each, GiB of the GPU: enough for fewer waves, or for smaller parts."""
TOO_LITTLE = [("fcpe", 1, 32000, 0.03), ("rmvpe", 2, 32000, 0.2), ("crepe", 1, 16000, 0.03)]
"""Not for the network."""


def tracked(on_gpu: OnGpu, home: Workspace, method: str, waves: int, samples: int, gigabytes: float) -> Any:
    if method != "rmvpe":
        pytest.importorskip(f"torch{method}")
    code = TRACK.format(home=str(home.home), method=method, waves=waves, samples=samples)
    return on_gpu(code, gigabytes=gigabytes)


@pytest.mark.soak
@pytest.mark.parametrize(("method", "waves", "samples", "gigabytes"), ENOUGH)
def test_it_continues_with_smaller_parts(
    on_gpu: OnGpu, rmvpe_home: Workspace, method: str, waves: int, samples: int, gigabytes: float
) -> None:
    found = tracked(on_gpu, rmvpe_home, method, waves, samples, gigabytes)
    print(method, waves, found)
    assert found["frames"] == [samples // 160] * waves and not found["notes"]
    assert 1 <= found["ran_out"] <= 5


@pytest.mark.soak
@pytest.mark.parametrize(("method", "waves", "samples", "gigabytes"), TOO_LITTLE)
def test_it_continues_on_the_cpu(
    on_gpu: OnGpu, rmvpe_home: Workspace, method: str, waves: int, samples: int, gigabytes: float
) -> None:
    """Whose pitch is real, while that of the simulated GPU is not."""
    found = tracked(on_gpu, rmvpe_home, method, waves, samples, gigabytes)
    print(method, found)
    assert found["frames"] == [samples // 160] * waves and found["notes"] == ["pitch.on_cpu"] and not found["again"]
    assert found["median"] == pytest.approx(found["cpu"], rel=0.2)
    assert method == "rmvpe" or 100 < found["median"] < 200


@pytest.mark.soak
def test_the_pitch_of_every_clip_is_there(rvc: OnGpus, rmvpe_home: Workspace, dataset: Path) -> None:
    """The note comes once."""
    (rvc.home / "pretrained" / "rmvpe.pt").symlink_to(rmvpe_home.pretrained / "rmvpe.pt")
    words = ("voice", *TINY, "--set", "pitch.method=rmvpe")
    done = rvc("run", *words, "--dataset", dataset, "--until", "pitch", gigabytes=0.2)
    assert done.returncode == 0 and "Traceback" not in done.stdout + done.stderr, done.stdout + done.stderr
    experiment = Workspace(rvc.home).experiment("voice")
    assert len(list(experiment.pitch_hz.iterdir())) == len(experiment.clips()) > 1
    assert not rvc.events("voice", "ItemSkipped")
    assert ["tracked on the CPU" in event["text"] for event in rvc.events("voice", "Noted")] == [True]


@pytest.mark.soak
@pytest.mark.parametrize("gigabytes", [0.2, 0.55], ids=["without room for the network", "with some"])
def test_every_recording_is_converted(
    rvc: OnGpus,
    rmvpe_home: Workspace,
    tmp_path: Path,
    gigabytes: float,
) -> None:
    (rvc.home / "pretrained" / "rmvpe.pt").symlink_to(rmvpe_home.pretrained / "rmvpe.pt")
    save_voice(rvc.home / "weights" / "voice.pth", "v2-40k-tiny")
    folder, random = tmp_path / "in", RandomState(0)
    folder.mkdir()
    (folder / "a.wav").write_bytes(b"RIFF")
    for name, seconds in (("b", 1), ("c", 80), ("d", 2)):
        write_wav(folder / f"{name}.wav", 0.1 * random.randn(seconds * 16000), 16000)
    words = ("convert", "voice", folder, "--pitch-method", "rmvpe", "--output", rvc.home / "out", "--json")
    done = rvc(*words, gigabytes=gigabytes)
    assert done.returncode == 1 and "Traceback" not in done.stdout + done.stderr, done.stdout + done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [Path(event["path"]).name for event in events if event["event"] == "Converted"] == [
        "b.wav",
        "c.wav",
        "d.wav",
    ]
    noted = [event["text"].partition(":")[0] for event in events if event["event"] == "Noted"]
    assert noted == (["b.wav", "c.wav", "d.wav"] if gigabytes == 0.2 else [])
