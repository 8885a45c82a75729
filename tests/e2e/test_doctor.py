"""`rvc doctor`: a finding a line, an exit code that means something, and no traceback whatever is missing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from rvc_engine.doctor import gpu
from rvc_engine.doctor.findings import FAIL, NONE, OK, WARN
from tests.conftest import Rvc, rvc_environment

STATES = {OK, WARN, FAIL, NONE}


def test_everything_is_looked_at(rvc: Rvc) -> None:
    done = rvc("doctor", "--json")
    report = json.loads(done.stdout)
    rows = {row["name"]: row for row in report["findings"]}
    wanted = {
        "python",
        "torch",
        "driver",
        "memory",
        "shared memory",
        "disk",
        "workspace",
        "packages",
        "downloads",
    }
    assert wanted | {"pitch", "codecs in", "codecs out", "weights", "terminal"} <= set(rows)
    assert all(row["state"] in STATES and row["found"] for row in rows.values())
    assert all(row["advice"] for row in rows.values() if row["state"] in (WARN, FAIL)), "each has something to do"
    assert done.returncode == 0 and report["ok"], done.stdout
    methods = rows["pitch"]["found"].partition(";")[0].split(", ")
    assert {"praat", "swift"} <= set(methods) and "rmvpe" not in methods, "its weights are not here"
    assert rows["weights"]["state"] == WARN and "rvc assets pull v2-40k" in rows["weights"]["advice"]


@pytest.mark.soak
def test_a_weight_that_is_not_as_published_fails(rvc: Rvc, home: Path) -> None:
    (home / "pretrained").mkdir()
    (home / "pretrained" / "rmvpe.pt").write_bytes(b"half of it")
    done = rvc("doctor")
    assert done.returncode == 1 and "weights must be fixed" in done.stderr
    assert "rmvpe.pt is not the published file" in done.stdout and "-> rvc assets pull v1-32k" in done.stdout


WITHOUT = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        package = name.partition(".")[0]
        if package in ("torch", "av", "pyworld", "pynvml", "psutil", "huggingface_hub", "pydantic", "tomlkit"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Absent())
from rvc_engine.commands.cli import main
raise SystemExit(main(["doctor", "--json", "--home", sys.argv[1]]))
"""


def test_absent_packages_are_findings(home: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, str(home)], capture_output=True, text=True, env=rvc_environment(), timeout=60
    )
    assert done.returncode == 1 and "Traceback" not in done.stderr, done.stderr
    rows = {row["name"]: row for row in json.loads(done.stdout)["findings"]}
    for name in ("torch", "cuda", "memory", "packages", "codecs", "weights"):
        assert rows[name]["state"] == FAIL and "pip install" in rows[name]["advice"], rows[name]
    assert rows["nvml"]["state"] == WARN and rows["downloads"]["state"] == WARN
    assert "harvest" in rows["pitch"]["found"].partition("not installed: ")[2]
    assert rows["disk"]["state"] == OK, "the rest is looked at all the same"


class FakeNvml:
    """A machine with two GPUs, the second one sliced."""

    NVMLError = RuntimeError
    NVML_TEMPERATURE_GPU = 0

    def __getattr__(self, name: str) -> object:
        answers = {
            "nvmlDeviceGetCount": 2,
            "nvmlDeviceGetName": b"A100",
            "nvmlDeviceGetUUID": "GPU-1",
            "nvmlSystemGetDriverVersion": "590.1",
            "nvmlDeviceGetMemoryInfo": SimpleNamespace(total=80_000_000_000, used=0, free=79_000_000_000),
            "nvmlDeviceGetCudaComputeCapability": (9, 0),
            "nvmlInit": None,
            "nvmlShutdown": None,
        }
        if name == "nvmlDeviceGetHandleByIndex":
            return lambda index: index
        if name == "nvmlDeviceGetMigMode":
            return lambda index: (index, 0)
        if name not in answers:
            raise AttributeError(name)
        return lambda *words: answers[name]


def test_gpus_driver_and_mig(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    rows = {row.name: row for row in gpu.driver(home, FakeNvml())}
    assert rows["driver"].found == "NVIDIA 590.1" and rows["nvml"].found == "2 GPUs"
    assert rows["gpu 1"].state == OK and "79.0 GB free of 80.0 GB, compute capability 9.0" in rows["gpu 1"].found
    assert rows["gpu 0"].state == WARN and "hidden by CUDA_VISIBLE_DEVICES=1" in rows["gpu 0"].found
    assert rows["mig"].state == OK and "nvidia-smi -L" in rows["mig"].advice


@pytest.mark.soak
def test_numerics_are_tried_and_reported(rvc: Rvc, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "cache"))
    done = rvc("doctor", "--numerics", "--preset", "starter", "--device", "cpu", "--json")
    rows = {row["name"]: row for row in json.loads(done.stdout)["findings"]}
    assert done.returncode == 0 and rows["fp32"]["state"] == OK and "gradients are correct" in rows["bf16"]["found"]
    assert rows["precision"]["found"] in ("training uses bf16 here", "training uses fp32 here")
    assert (home / "cache" / "rvc-tui" / "numerics.json").is_file()
