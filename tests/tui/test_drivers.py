"""Whatever the NVIDIA driver answers, or does not answer, the machine's panel shows a state: never an exception, never
a frozen screen."""

from __future__ import annotations

import os
import pty
import select
import sys
import threading
import time
from itertools import combinations
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rvc_engine import events as ev
from rvc_engine.client.machine import Machine, read_machine, share_of
from rvc_engine.client.state import ScreenState
from rvc_engine.machine.advisor import memory_now
from rvc_engine.machine.gpu_reader import NO_ANSWER, GpuReader
from rvc_engine.machine.gpus import Gpu, GpuState, read_gpus
from rvc_engine.messages import NOTHING
from rvc_engine.run.view import RunView
from rvc_tui.bottlenecks import bottlenecks, no_bottleneck
from rvc_tui.widgets.memory import MachinePanel, machine_lines

GIB = 1 << 30
QUESTIONS = (
    "nvmlDeviceGetMemoryInfo",
    "nvmlDeviceGetUtilizationRates",
    "nvmlDeviceGetComputeRunningProcesses",
    "nvmlDeviceGetPowerUsage",
    "nvmlDeviceGetEnforcedPowerLimit",
    "nvmlDeviceGetCudaComputeCapability",
    "nvmlDeviceGetMigMode",
    "nvmlDeviceGetName",
    "nvmlDeviceGetUUID",
    "nvmlDeviceGetTemperature",
)


class NVMLError(Exception):
    pass


class Driver:
    """`wrong`: what a question raises; `answers`: instead of the usual one."""

    NVMLError = NVMLError
    NVML_TEMPERATURE_GPU = 0

    def __init__(self, wrong: dict[str, Exception] | None = None, **answers: Any) -> None:
        self.wrong = wrong or {}
        self.answers = {
            "nvmlInit": None,
            "nvmlShutdown": None,
            "nvmlDeviceGetCount": 1,
            "nvmlDeviceGetMemoryInfo": SimpleNamespace(total=24 * GIB, used=6 * GIB, free=18 * GIB),
            "nvmlDeviceGetUtilizationRates": SimpleNamespace(gpu=37),
            "nvmlDeviceGetComputeRunningProcesses": [SimpleNamespace(pid=11, usedGpuMemory=2 * GIB)],
            "nvmlDeviceGetPowerUsage": 150_000,
            "nvmlDeviceGetEnforcedPowerLimit": 350_000,
            "nvmlDeviceGetCudaComputeCapability": (8, 6),
            "nvmlDeviceGetMigMode": (0, 0),
            "nvmlDeviceGetName": "A100",
            "nvmlDeviceGetTemperature": 51,
            **answers,
        }

    def __getattr__(self, name: str) -> Any:
        def answer(*given: Any) -> Any:
            if name in self.wrong:
                raise self.wrong[name]
            if name == "nvmlDeviceGetHandleByIndex":
                return given[0]
            if name == "nvmlDeviceGetUUID":
                return f"GPU-{given[0]}"
            if name not in self.answers:
                raise NVMLError("Not Supported")
            return self.answers[name]

        return answer


def screen(driver: Driver, *, context: int | None = GIB // 2, reserved: int = 4 * GIB) -> list[str]:
    """The lines of the panel, small and roomy, while a run holds memory of GPU 0."""
    view = RunView()
    view.fold(
        ev.RunStarted(
            run=1, name="a", folder="", pid=7, host="h", version="0", preset="starter", stages=["train"], supervisor=1
        )
    )
    view.fold(
        ev.MemorySampled(rss_bytes=GIB, gpus=[{"uuid": "GPU-0", "index": 0, "reserved": reserved, "context": context}])
    )
    state = ScreenState(view=view)
    state.note_machine(read_machine(GpuReader(lambda: read_gpus(driver)).read(20)))
    panel = MachinePanel(ascii=True)
    lines = [line.plain for line in machine_lines(state, 100, state.machine.at)]
    panel.roomy = True
    assert bottlenecks(state) or no_bottleneck(state)
    return lines + panel.draw(state, 100, state.machine.at).plain.split("\n")


@pytest.fixture(autouse=True)
def _all_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr("rvc_engine.machine.advisor.unused_gpu", lambda state: NOTHING)


UNANSWERED = [(question,) for question in QUESTIONS] + list(combinations(QUESTIONS, 2)) + [QUESTIONS]


@pytest.mark.parametrize(
    "error",
    [NVMLError("Not Supported"), AttributeError("an old binding"), UnicodeDecodeError("utf-8", b"x", 0, 1, "?")],
)
def test_any_field_may_be_unknown(error: Exception) -> None:
    for unanswered in UNANSWERED:
        lines = screen(Driver(dict.fromkeys(unanswered, error)))
        assert lines[0].startswith("GPU 0") and "Traceback" not in str(lines)


@pytest.mark.parametrize(
    ("driver", "said"),
    [
        (Driver({"nvmlInit": NVMLError("Driver Not Loaded")}), "no GPU: no NVIDIA driver (Driver Not Loaded)"),
        (
            Driver({"nvmlInit": OSError("libnvidia-ml.so: cannot open")}),
            "no GPU: the NVIDIA driver fails (libnvidia-ml.so: cannot open)",
        ),
        (Driver(nvmlDeviceGetCount=0), "no GPU: the driver shows no GPU"),
        (
            Driver({"nvmlDeviceGetCount": NVMLError("Unknown Error")}),
            "no GPU: the driver does not list its GPUs (Unknown Error)",
        ),
        (Driver({"nvmlDeviceGetHandleByIndex": NVMLError("GPU is lost")}), "no GPU: the driver shows no GPU"),
        (
            Driver({"nvmlDeviceGetMemoryInfo": ZeroDivisionError()}),
            "no GPU: the NVIDIA driver fails (ZeroDivisionError)",
        ),
        (Driver({"nvmlShutdown": NVMLError("Uninitialized")}), "GPU 0 A100"),
    ],
)
def test_what_is_wrong_is_reported(driver: Driver, said: str) -> None:
    assert said in screen(driver)[0]


def test_no_binding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert read_gpus() == GpuState(reason="pynvml is not installed")


def test_hidden_gpus_are_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert "no GPU: CUDA_VISIBLE_DEVICES hides them" in screen(Driver())[0]


def test_in_a_container_others_are_unknown_and_ours_is_what_the_engine_says() -> None:
    unanswered = Driver({"nvmlDeviceGetComputeRunningProcesses": NVMLError("No Permission")})
    assert "(run 4.0+, others at most 2.0)" in screen(unanswered, context=None)[0]
    hidden = Driver({"nvmlDeviceGetComputeRunningProcesses": NVMLError(""), "nvmlDeviceGetMemoryInfo": NVMLError("")})
    assert "(run 4.0+, others unknown)" in screen(hidden, context=None)[0]


@pytest.mark.parametrize(
    "listed", [[], [SimpleNamespace(pid=999, usedGpuMemory=4 * GIB)], [SimpleNamespace(pid=7, usedGpuMemory=None)]]
)
def test_numbers_of_another_namespace_tell_nothing_of_others(listed: list[Any]) -> None:
    memory = memory_now("auto", {7}, read_gpus(Driver(nvmlDeviceGetComputeRunningProcesses=listed)))
    assert memory.others is None and memory.own == 0


def test_a_slice_of_a_gpu() -> None:
    lines = screen(Driver({"nvmlDeviceGetUtilizationRates": NVMLError("Not Supported")}, nvmlDeviceGetMigMode=(1, 1)))
    assert lines[0].endswith("MIG") and "n/a %" in lines[0]


def test_less_in_use_than_ours_alone() -> None:
    line = screen(Driver(nvmlDeviceGetMemoryInfo=SimpleNamespace(total=24 * GIB, used=GIB, free=23 * GIB)))[0]
    assert "(run 4.5, others 0.0)" in line


def test_no_power_limit() -> None:
    assert "  150 W" in screen(Driver({"nvmlDeviceGetEnforcedPowerLimit": NVMLError("Not Supported")}))[0]


def test_many_gpus_and_one_that_is_lost() -> None:
    lines = screen(Driver(nvmlDeviceGetCount=8))
    assert lines[0].startswith("GPU 0") and "run 4.5" in lines[0]
    assert lines[1].startswith("GPU 1") and "run" not in lines[1] and lines[1].endswith("and 6 more")


def test_share_of_a_run_on_a_gpu_that_is_not_its_own() -> None:
    view = RunView()
    view.fold(ev.MemorySampled(rss_bytes=GIB, gpus=[{"uuid": "GPU-5", "index": 5, "reserved": GIB, "context": None}]))
    assert share_of(Gpu(0, uuid="GPU-0", memory_used=GIB), view, running=True).others == GIB


# --- a driver that hangs ----------------------------------------------------------------------------------------------
def test_a_driver_that_hangs_is_a_state_and_is_asked_once() -> None:
    let_go, asked = threading.Event(), []

    def read() -> GpuState:
        asked.append(1)
        let_go.wait(20)
        return GpuState((Gpu(0),))

    reader = GpuReader(read)
    begun = time.monotonic()
    assert [reader.read(0.1).reason for _ in range(3)] == [NO_ANSWER] * 3
    assert time.monotonic() - begun < 2 and len(asked) == 1
    let_go.set()
    assert reader.read(5).gpus == (Gpu(0),)


def test_a_slow_driver_keeps_its_last_answer_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    waits = iter((0.0, 5.0))
    stop = threading.Event()

    def read() -> GpuState:
        stop.wait(next(waits))
        return GpuState((Gpu(0),))

    reader = GpuReader(read)
    assert reader.read(5).gpus
    assert reader.read(0.05).gpus
    monkeypatch.setattr("rvc_engine.machine.gpu_reader.STALE_S", 0.0)
    assert reader.read(0.05).reason == NO_ANSWER
    stop.set()


def test_no_answer_is_displayed() -> None:
    state = ScreenState()
    state.note_machine(Machine(1.0, (), NO_ANSWER, 50.0, 16 * GIB, 8 * GIB))
    assert machine_lines(state, 100, 1.0)[0].plain.endswith(f"no GPU: {NO_ANSWER}")


def test_the_app_paints_takes_keys_and_leaves_while_the_driver_hangs(tmp_path: Path) -> None:
    (tmp_path / "pynvml.py").write_text(
        "import time\nclass NVMLError(Exception): pass\ndef nvmlInit(): time.sleep(30)\n"
    )
    process, terminal = pty.fork()
    if process == 0:
        paths = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
        os.environ.update({"TERM": "xterm", "COLUMNS": "80", "LINES": "24", "LC_ALL": "C.UTF-8", "PYTHONPATH": paths})
        os.execv(sys.executable, [sys.executable, "-m", "rvc_tui", "--home", str(tmp_path / "home")])

    def until(word: bytes, seconds: float) -> bool:
        got, end = b"", time.monotonic() + seconds
        while word not in got and time.monotonic() < end:
            if select.select([terminal], [], [], 0.1)[0]:
                try:
                    got += os.read(terminal, 1 << 16)
                except OSError:
                    return False
        return word in got

    try:
        assert until(b"driver does not answer", 20), "the machine is not displayed"
        os.write(terminal, b"?")
        assert until(b"dropped", 8), "a key is not answered"
        os.write(terminal, b"\x1b")
        time.sleep(0.5)
        begun = time.monotonic()
        os.write(terminal, b"q")
        until(b"\x1b[?1049l", 10)
        os.waitpid(process, 0)
        assert time.monotonic() - begun < 6
    finally:
        os.close(terminal)
