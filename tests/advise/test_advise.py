"""The advisor against a pretended driver and a pretended measuring process."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from rvc_engine.errors import BadInput
from rvc_engine.machine import advisor as advisor
from rvc_engine.machine import measurements
from rvc_engine.machine.advisor import advise, container_limit, memory_now, recommend
from rvc_engine.machine.cpu import cpu_has_bf16
from rvc_engine.machine.gpus import Gpu, GpuState, read_gpus, visible_gpus
from rvc_engine.machine.measurements import Measured, cost_key, keep_use
from rvc_engine.machine.memory_table import bytes_per_sample, discriminator_parameters, fixed_bytes, gpu_batch_bytes
from rvc_engine.messages import NOTHING
from rvc_engine.presets import PRESETS
from rvc_engine.work import trials
from rvc_engine.workspace import Workspace

ON_CPU = "bf16" if cpu_has_bf16() else "fp32"  # what precision auto is here
GIB = 1 << 30
KEYS = [
    "device",
    "name",
    "memory_total_bytes",
    "memory_free_bytes",
    "memory_others_bytes",
    "preset",
    "precision",
    "minutes",
    "source",
    "batch",
    "largest",
    "checkpointing",
    "largest_checkpointed",
    "recommended",
    "reasons",
    "error_percent",
]


class NVMLError(Exception):
    pass


def held(pid: int, used: int) -> SimpleNamespace:
    return SimpleNamespace(pid=pid, usedGpuMemory=used)


class FakeNvml:
    """One GPU of 24 GiB; `silent` names the questions that it does not answer."""

    NVMLError = NVMLError
    NVML_TEMPERATURE_GPU = 0

    def __init__(self, silent: tuple[str, ...] = (), count: int = 1) -> None:
        self.silent, self.count = silent, count

    def __getattr__(self, name: str) -> Any:
        answers = {
            "nvmlInit": None,
            "nvmlShutdown": None,
            "nvmlDeviceGetCount": self.count,
            "nvmlDeviceGetHandleByIndex": "handle",
            "nvmlDeviceGetMemoryInfo": SimpleNamespace(total=24 * GIB, used=6 * GIB, free=18 * GIB),
            "nvmlDeviceGetUtilizationRates": SimpleNamespace(gpu=37),
            "nvmlDeviceGetComputeRunningProcesses": [
                SimpleNamespace(pid=11, usedGpuMemory=2 * GIB),
                SimpleNamespace(pid=12, usedGpuMemory=4 * GIB),
            ],
            "nvmlDeviceGetPowerUsage": 150_000,
            "nvmlDeviceGetEnforcedPowerLimit": 350_000,
            "nvmlDeviceGetCudaComputeCapability": (8, 6),
            "nvmlDeviceGetMigMode": (0, 0),
            "nvmlDeviceGetName": "A100",
            "nvmlDeviceGetUUID": "GPU-abc",
            "nvmlDeviceGetTemperature": 51,
        }
        if name not in answers:
            raise AttributeError(name)

        def answer(*_: Any) -> Any:
            if name in self.silent:
                raise NVMLError("Not Supported")
            return answers[name]

        return answer


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(advisor, "unused_gpu", lambda state: NOTHING)  # torch could use the pretended GPUs


def one_gpu(monkeypatch: pytest.MonkeyPatch, *silent: str) -> None:
    monkeypatch.setattr(advisor, "gpus_now", lambda: read_gpus(FakeNvml(silent)))


def measured(rows: list[Measured], why: str = "") -> Any:
    return lambda preset, precision, device, batches: (rows, why)


def test_record_has_the_promised_keys_on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    one_gpu(monkeypatch)
    advice = advise("v2-40k", None)
    assert list(advice) == KEYS
    assert (advice["device"], advice["name"], advice["precision"], advice["source"]) == (
        "cuda:0",
        "A100",
        "bf16",
        "table",
    )
    assert (advice["memory_total_bytes"], advice["memory_free_bytes"]) == (24 * GIB, 18 * GIB)
    assert advice["memory_others_bytes"] == 6 * GIB
    assert all(row["samples_per_s"] is None for row in advice["batch"])
    assert advice["recommended"] == 4 <= advice["largest"]
    json.dumps(advice)


class SmallGpu(FakeNvml):
    """4 GiB, most of it free."""

    def __getattr__(self, name: str) -> Any:
        if name == "nvmlDeviceGetMemoryInfo":
            return lambda index: SimpleNamespace(total=4 * GIB, used=GIB // 8, free=4 * GIB - GIB // 8)
        return super().__getattr__(name)


@pytest.mark.parametrize("checkpointing", ["auto", "on", "off"])
def test_a_small_gpu_takes_the_usual_batch_with_checkpointing(checkpointing: str) -> None:
    """v2-40k in fp32: one clip without."""
    state = read_gpus(SmallGpu())
    advice = advise("v2-40k", None, precision="fp32", checkpointing=checkpointing, gpus=state)
    fits, reasons = advice["largest_checkpointed"], [reason.code for reason in advice["reasons"]]
    assert fits >= 4 and advice["checkpointing"] == checkpointing
    assert advice["largest"] == (fits if checkpointing == "on" else 2)
    assert advice["recommended"] == (2 if checkpointing == "off" else 4)
    said = {"auto": "only_checkpointed", "on": "checkpointing_on", "off": "checkpointing_off"}[checkpointing]
    assert f"machine.{said}" in reasons
    row = next(row for row in advice["batch"] if row["batch_size"] == 2)
    assert (row["checkpointed_bytes"] == row["memory_bytes"]) == (checkpointing == "on")


class TwoGpus(FakeNvml):
    """The second has 6 GiB less to give."""

    def __init__(self) -> None:
        super().__init__(count=2)

    def __getattr__(self, name: str) -> Any:
        answer = super().__getattr__(name)
        if name == "nvmlDeviceGetHandleByIndex":
            return lambda index: index
        if name == "nvmlDeviceGetMemoryInfo":
            return lambda index: SimpleNamespace(
                total=24 * GIB, used=(6 + 6 * index) * GIB, free=(18 - 6 * index) * GIB
            )
        return answer


@pytest.mark.parametrize("several", ["0,1", "all"])
def test_the_smallest_of_several_gpus_decides(several: str) -> None:
    state = read_gpus(TwoGpus())
    advice = advise("v2-40k", None, several=several, gpus=state)
    assert advice["device"] == "cuda:1" and advice["memory_free_bytes"] == 12 * GIB
    assert [(d["device"], d["memory_free_bytes"]) for d in advice["devices"]] == [
        ("cuda:0", 18 * GIB),
        ("cuda:1", 12 * GIB),
    ]
    assert advice["largest"] == advise("v2-40k", None, device="cuda:1", gpus=state)["largest"]
    assert "The batch size is per GPU; of 2, cuda:1 has the least free memory." in advice["reasons"]
    assert list(advise("v2-40k", None, several="0", gpus=state)) == KEYS  # one alone is reported as before


def test_processes_on_the_cpu_share_its_memory() -> None:
    assert list(advise("starter", None, several="cpu,cpu")) == KEYS


def test_a_gpu_of_several_that_is_not_there() -> None:
    with pytest.raises(BadInput, match="cuda:2"):
        advise("v2-40k", None, several="0,2", gpus=read_gpus(TwoGpus()))


def test_every_field_of_a_gpu_may_be_missing() -> None:
    questions = [
        "MemoryInfo",
        "UtilizationRates",
        "ComputeRunningProcesses",
        "PowerUsage",
        "EnforcedPowerLimit",
        "CudaComputeCapability",
        "MigMode",
        "Name",
        "UUID",
        "Temperature",
    ]
    state = read_gpus(FakeNvml(tuple(f"nvmlDeviceGet{q}" for q in questions)))
    assert state.gpus == (Gpu(index=0, name="GPU 0"),)
    assert read_gpus(FakeNvml(count=0)) == GpuState(reason="the driver shows no GPU")
    assert "Not Supported" in read_gpus(FakeNvml(("nvmlInit",))).reason


def test_gpu_that_hides_its_memory_falls_back_to_main_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    one_gpu(monkeypatch, "nvmlDeviceGetMemoryInfo")
    advice = advise("v2-40k", None)
    assert advice["device"] == "cpu"
    assert any("does not report memory" in reason for reason in advice["reasons"])


def test_own_run_is_not_others_and_can_be_used_again() -> None:
    memory = memory_now("auto", {12}, read_gpus(FakeNvml()))
    assert (memory.own, memory.others) == (4 * GIB, 2 * GIB)
    untold = memory_now("auto", {12}, read_gpus(FakeNvml(("nvmlDeviceGetComputeRunningProcesses",))))
    assert untold.others is None
    nobody = memory_now("auto", set(), read_gpus(FakeNvml(("nvmlDeviceGetComputeRunningProcesses",))))
    assert nobody.others == 6 * GIB


def test_cuda_visible_devices() -> None:
    gpus = (Gpu(0, uuid="GPU-aa"), Gpu(1, uuid="GPU-bb"))
    assert [g.index for g in visible_gpus(gpus, "1,0")] == [1, 0]
    assert [g.index for g in visible_gpus(gpus, "GPU-b")] == [1]
    assert visible_gpus(gpus, "") == () and visible_gpus(gpus, None) == gpus
    assert [g.index for g in visible_gpus(gpus, "0,-1,1")] == [0]


def test_bad_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    one_gpu(monkeypatch)
    for arguments in ({"preset": "v9"}, {"device": "cuda:3"}, {"device": "tpu"}, {"device": "cuda:x"}):
        with pytest.raises(BadInput):
            advise(arguments.pop("preset", "starter"), None, **arguments)


def test_without_a_gpu_the_main_memory_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(advisor, "gpus_now", lambda: GpuState(reason="no NVIDIA driver"))
    advice = advise("starter", None)
    assert (advice["device"], advice["precision"], advice["recommended"]) == ("cpu", ON_CPU, 8)
    assert 0 < advice["memory_free_bytes"] <= advice["memory_total_bytes"]
    assert any("no NVIDIA driver" in reason for reason in advice["reasons"])


def test_measured_line_is_kept_and_used_next_time(monkeypatch: pytest.MonkeyPatch) -> None:
    one_gpu(monkeypatch)
    rows = [Measured(2, 3 * GIB, 10.0), Measured(4, 4 * GIB, 16.0), Measured(8, int(6.6 * GIB), 22.0)]
    advice = advise("v2-40k", None, measurement=measured(rows))
    assert advice["source"] == "measured"
    assert advice["largest"] == int((18 * 0.9 - 2) / 0.5)  # fixed 2 GiB, half a GiB a sample, a tenth kept free
    assert advice["error_percent"] == pytest.approx(100 * 0.6 / 6.6, abs=0.1)
    by_size = {row["batch_size"]: row for row in advice["batch"]}
    assert by_size[4]["samples_per_s"] == 16.0 and by_size[16]["samples_per_s"] > 16.0
    again = advise("v2-40k", None)
    assert again["source"] == "cached" and again["batch"] == advice["batch"]
    assert advise("v1-40k", None)["source"] == "table"


def test_a_training_checks_the_prediction(monkeypatch: pytest.MonkeyPatch) -> None:
    one_gpu(monkeypatch)
    rows = [Measured(2, 3 * GIB, 10.0), Measured(4, 4 * GIB, 16.0), Measured(8, 6 * GIB, 22.0)]
    assert advise("v2-40k", None, measurement=measured(rows))["error_percent"] == 0
    key = cost_key("v2-40k", "bf16", "cuda", "A100", checkpointing=False)
    keep_use(key, 8, 5 * GIB, 10.0)  # without the clips that a GPU holds
    advice = advise("v2-40k", None)
    assert advice["error_percent"] == pytest.approx(20.0)
    assert any(
        reason == "The last training here, with 8, used 5.37 GB: 20.0 % off the prediction."
        for reason in advice["reasons"]
    )
    assert advise("v1-40k", None)["error_percent"] is None


def test_clips_that_a_cpu_keeps_are_counted(tmp_path: Path) -> None:
    experiment = Workspace(tmp_path).experiment("voice")
    experiment.folder.mkdir(parents=True)
    without = advise("v2-40k", experiment, device="cpu", precision="fp32")
    experiment.clips_csv.write_text("i,source,start_s,seconds,level\n0,a.wav,0,600,1\n")
    ten_minutes = advise("v2-40k", experiment, device="cpu", precision="fp32")
    more = ten_minutes["batch"][0]["memory_bytes"] - without["batch"][0]["memory_bytes"]
    assert more == 600 * 100 * (4 * (400 + 1025 + 768) + 12)
    predicted = next(row["memory_bytes"] for row in ten_minutes["batch"] if row["batch_size"] == 4)
    key = cost_key("v2-40k", "fp32", "cpu", without["name"], checkpointing=False)
    keep_use(key, 4, predicted, 10.0)
    assert advise("v2-40k", None, device="cpu", precision="fp32")["error_percent"] == 0  # whatever is asked for now


def test_data_that_a_gpu_keeps_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With auto where a batch leaves room for it and it takes at most an eighth; the batch comes first."""
    one_gpu(monkeypatch)
    experiment = Workspace(tmp_path).experiment("voice")
    experiment.folder.mkdir(parents=True)
    alone = advise("v2-40k", experiment)

    def advice(minutes: int, asked: str) -> tuple[int, list[int]]:
        experiment.clips_csv.write_text(f"i,source,start_s,seconds,level\n0,a.wav,0,{60 * minutes},1\n")
        found = advise("v2-40k", experiment, data_on_gpu=asked)
        known = {row["batch_size"]: row["memory_bytes"] for row in alone["batch"]}
        rows = {row["batch_size"]: row["memory_bytes"] for row in found["batch"]}
        return found["largest"] - alone["largest"], [rows[size] - known[size] for size in known if size in rows]

    minute, sample = 6000 * (4 * 400 + 2 * 768 + 5), gpu_batch_bytes(PRESETS["v2-40k"])
    fewer, more = advice(10, "auto")
    assert fewer == 0 and more[0] == pytest.approx(10 * minute + sample, abs=2)
    fewer, more = advice(600, "auto")
    assert fewer == 0 and max(more) == 0
    fewer, more = advice(600, "on")
    assert fewer < 0 and more[0] == pytest.approx(600 * minute + sample, abs=2)
    fewer, more = advice(10, "off")
    assert fewer == 0 and set(more) == {0}


def test_failing_measurement_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    one_gpu(monkeypatch)
    advice = advise(
        "v2-40k", None, measurement=measured([], "the system killed it, most likely because memory ran out")
    )
    assert advice["source"] == "table" and any("because memory ran out" in reason for reason in advice["reasons"])
    part = advise("v2-40k", None, measurement=measured([Measured(2, 3 * GIB, 10.0)], "killed"))
    assert part["source"] == "measured" and any("killed" in reason for reason in part["reasons"])


def test_cache_that_cannot_be_written_is_a_reason(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    one_gpu(monkeypatch)
    (tmp_path / "cache").write_text("a file where the folder should be")
    advice = advise("v2-40k", None, measurement=measured([Measured(2, 3 * GIB, 10.0), Measured(4, 4 * GIB, 16.0)]))
    assert any("could not be kept" in reason for reason in advice["reasons"])


ROW = "from rvc_engine.common.lines import to_parent; from rvc_engine.machine.measurements import Measured\n"
ROW += "to_parent().send(Measured(2, 100, 1.5))\n"


@pytest.mark.parametrize(
    ("code", "rows", "why"),
    [
        (
            ROW + "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
            1,
            "the system killed it, most likely because memory ran out",
        ),
        ("raise RuntimeError('CUDA out of memory')", 0, "RuntimeError: CUDA out of memory"),
        (ROW + "print('noise', flush=True)\n" + ROW, 2, ""),
        ("raise SystemExit(7)", 0, "it ended with exit code 7"),
        ("import time; time.sleep(60)", 0, "it took longer than 2 s"),
    ],
)
def test_measuring_process_that_dies(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, code: str, rows: int, why: str
) -> None:
    (tmp_path / "pretended_measuring.py").write_text(code)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(trials, "MEASURING", "pretended_measuring")
    monkeypatch.setattr(trials, "MEASURE_S", 2.0 if "sleep" in code else 60.0)
    assert trials.measure_batches("starter", "fp32", "cpu", (2, 4)) == ([Measured(2, 100, 1.5)] * rows, why)


@pytest.mark.parametrize(
    ("preset", "kind", "minutes", "largest", "size"),
    [
        ("v2-40k", "cuda", 10.0, 50, 4),
        ("v2-40k", "cuda", 30.0, 50, 8),
        ("v2-40k", "cuda", 45.0, 6, 6),
        ("v2-40k", "cuda", 45.0, 0, 1),
        ("v2-40k", "cuda", 1.0, 50, 2),  # 16 clips: 8 steps an epoch
        ("v2-40k", "cuda", 0.1, 50, 1),
        ("v2-40k", "cpu", None, 50, 4),
        ("starter", "cpu", 90.0, 200, 8),
    ],
)
def test_recommended(preset: str, kind: str, minutes: float | None, largest: int, size: int) -> None:
    chosen, reasons = recommend(preset, kind, minutes, largest)
    assert chosen == size and reasons


def test_minutes_come_from_the_clips(tmp_path: Path) -> None:
    experiment = Workspace(tmp_path).experiment("voice")
    experiment.folder.mkdir(parents=True)
    assert advise("starter", experiment, device="cpu")["minutes"] is None
    experiment.clips_csv.write_text(
        "i,source,start_s,seconds,level\n0,a.wav,0,90.0,1\n1,b, c.wav,0,30\n".replace("b, c", "b")
    )
    assert advise("starter", experiment, device="cpu")["minutes"] == 2.0
    experiment.clips_csv.write_text("nonsense\n")
    assert advise("starter", experiment, device="cpu")["minutes"] is None


def test_table_knows_the_published_networks() -> None:
    assert discriminator_parameters(PRESETS["v2-40k"].discriminator) / 1e6 == pytest.approx(71.4, rel=0.01)
    for name, config in PRESETS.items():
        assert 0 < bytes_per_sample(config, "bf16") < bytes_per_sample(config, "fp32"), name
    four = fixed_bytes(PRESETS["v2-40k"], "cpu") + 4 * bytes_per_sample(PRESETS["v2-40k"], "fp32")
    assert four == pytest.approx(4.8e9, rel=0.1)


def test_container_limit(tmp_path: Path) -> None:
    assert container_limit(tmp_path) is None
    (tmp_path / "memory.stat").write_text("anon 5\ninactive_file 300\nactive_file 100\n")
    (tmp_path / "memory.current").write_text("1400\n")
    (tmp_path / "memory.max").write_text("max\n")
    assert container_limit(tmp_path) is None
    (tmp_path / "memory.max").write_text("4000\n")
    assert container_limit(tmp_path) == (4000, 3000)


def test_advising_loads_no_torch() -> None:
    code = (
        "import sys; from rvc_engine.machine.advisor import advise; advise('starter', None); "
        "assert not {'torch', 'numpy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.soak
def test_real_measurement(monkeypatch: pytest.MonkeyPatch) -> None:
    """A real process with real steps: memory grows with the batch, and the answer is kept."""
    monkeypatch.setattr(measurements, "MEASURED_BATCHES", {"cpu": (1, 4)})
    ours = np.ones(2 << 30, np.uint8)  # what the caller holds does not count
    advice = advise("starter-tiny", None, measurement=trials.measure_batches, device="cpu")
    assert advice["source"] == "measured", advice["reasons"]
    rows = {row["batch_size"]: row for row in advice["batch"]}
    assert rows[1]["memory_bytes"] < rows[4]["memory_bytes"] < ours.nbytes and rows[4]["samples_per_s"] > 0
    assert advise("starter-tiny", None, device="cpu")["source"] == "cached"
