"""Which GPU is meant: MIG instances, the order of numbers, a driver that torch cannot use."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from rvc_engine.events import Event, Warned
from rvc_engine.machine import torch_build
from rvc_engine.machine.environment import engine_environment
from rvc_engine.machine.gpus import Gpu, GpuState, held_by_torch, read_gpus, visible_gpus
from rvc_engine.machine.memory_samples import added_up
from rvc_engine.machine.torch_build import cuda_of_torch, unused_gpu
from rvc_engine.messages.message import cause_of, fix_of
from rvc_engine.run import pipeline
from rvc_engine.settings import for_preset

GIB = 1 << 30
PARTS = (
    Gpu(0, "A100 MIG 3g.20gb", "MIG-11111111-aaaa", memory_free=19 * GIB, place=(1, 0)),
    Gpu(0, "A100 MIG 2g.10gb", "MIG-22222222-bbbb", memory_free=9 * GIB, place=(2, 0)),
)
WHOLE = Gpu(0, "A100", "GPU-cccc", mig=True, instances=PARTS)
PLAIN = Gpu(1, "A100", "GPU-dddd")


class NVMLError(Exception):
    pass


class MigNvml:
    """A GPU with MIG on; the second of its places is empty."""

    NVMLError = NVMLError
    NVML_TEMPERATURE_GPU = 0

    def __getattr__(self, name: str) -> Any:
        def answer(*about: Any) -> Any:
            handle = about[0] if about else None
            match name:
                case "nvmlInit" | "nvmlShutdown":
                    return None
                case "nvmlDeviceGetCount":
                    return 1
                case "nvmlSystemGetDriverVersion":
                    return b"580.65.06"
                case "nvmlDeviceGetHandleByIndex":
                    return "whole"
                case "nvmlDeviceGetMigMode":
                    return (1, 1)
                case "nvmlDeviceGetMaxMigDeviceCount":
                    return 2
                case "nvmlDeviceGetMigDeviceHandleByIndex" if about[1] == 0:
                    return "part"
                case "nvmlDeviceGetUUID":
                    return {"whole": "GPU-cccc", "part": "MIG-11111111-aaaa"}[handle]
                case "nvmlDeviceGetGpuInstanceId":
                    return 1
                case "nvmlDeviceGetComputeInstanceId":
                    return 0
                case "nvmlDeviceGetMemoryInfo" if handle == "part":
                    return SimpleNamespace(total=20 * GIB, used=GIB, free=19 * GIB)
                case "nvmlDeviceGetCudaComputeCapability" if handle == "whole":
                    return (8, 0)
            raise NVMLError("Not Supported")

        return answer


def test_the_parts_of_a_gpu_with_mig_are_read() -> None:
    state = read_gpus(MigNvml())
    (gpu,) = state.gpus
    assert state.driver == "580.65.06" and gpu.mig
    (part,) = gpu.instances
    assert (part.uuid, part.memory_free, part.capability, part.place) == (
        "MIG-11111111-aaaa",
        19 * GIB,
        (8, 0),
        (1, 0),
    )


@pytest.mark.parametrize(
    ("visible", "names"),
    [
        ("MIG-22222222-bbbb", ["A100 MIG 2g.10gb"]),
        ("MIG-GPU-cccc/1/0", ["A100 MIG 3g.20gb"]),  # as drivers before 470 named them
        ("MIG-99999999-eeee", []),
        ("MIG-22222222-bbbb,MIG-11111111-aaaa", ["A100 MIG 2g.10gb", "A100 MIG 3g.20gb"]),
        (None, ["A100 MIG 3g.20gb"]),  # CUDA takes the first
    ],
)
def test_an_instance_is_found_by_its_uuid(visible: str | None, names: list[str]) -> None:
    assert [gpu.name for gpu in visible_gpus((WHOLE,), visible)] == names


def torch_with(reserved: tuple[int, ...], uuids: tuple[str, ...] = ()) -> Any:
    """torch with a GPU for each number of bytes; one that is old has no uuids."""
    cuda = SimpleNamespace(
        device_count=lambda: len(reserved),
        memory_reserved=lambda place: reserved[place],
        get_device_properties=lambda place: SimpleNamespace(**({"uuid": uuids[place]} if uuids else {})),
    )
    return SimpleNamespace(cuda=cuda)


def test_engine_reports_what_it_holds_on_each_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    second = torch_with((0, 4 * GIB))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr("os.getpid", lambda: 42)
    gpus = (Gpu(0, uuid="GPU-a"), Gpu(1, uuid="GPU-b", processes={42: 5 * GIB, 43: GIB}))
    assert held_by_torch(second, GpuState(gpus)) == [{"uuid": "GPU-b", "index": 1, "reserved": 4 * GIB, "context": GIB}]
    # torch's second is the first; a container does not list this process
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1,0")
    assert held_by_torch(second, GpuState((Gpu(0, uuid="GPU-a", processes={}), gpus[1])))[0] == {
        "uuid": "GPU-a",
        "index": 0,
        "reserved": 4 * GIB,
        "context": None,
    }
    assert held_by_torch(second, GpuState())[0]["uuid"] == ""  # no NVML


def test_memory_is_reported_of_the_gpu_that_torch_uses() -> None:
    """CUDA numbers the GPUs the other way round than the driver, as it does where the second is faster."""
    turned = torch_with((4 * GIB, 0), ("dddd", "cccc"))
    (held,) = held_by_torch(turned, GpuState((WHOLE, PLAIN)))
    assert (held["uuid"], held["index"]) == ("GPU-dddd", 1)
    (alone,) = held_by_torch(turned, GpuState())  # a rank, which asks no driver
    assert alone["uuid"] == "GPU-dddd"


def test_processes_on_one_gpu_are_added_up() -> None:
    engine = {"uuid": "GPU-a", "index": 1, "reserved": 3, "context": 2}
    ranks = [{"uuid": uuid, "index": 0, "reserved": 5, "context": None} for uuid in ("GPU-a", "GPU-b")]
    assert added_up([engine]) == [engine]
    assert [(gpu["uuid"], gpu["index"], gpu["reserved"], gpu["context"]) for gpu in added_up([engine, *ranks])] == [
        ("GPU-a", 1, 8, None),
        ("GPU-b", 0, 5, None),
    ]


def test_engines_number_gpus_as_the_driver_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_DEVICE_ORDER", raising=False)
    assert engine_environment()["CUDA_DEVICE_ORDER"] == "PCI_BUS_ID"
    monkeypatch.setenv("CUDA_DEVICE_ORDER", "FASTEST_FIRST")
    assert engine_environment()["CUDA_DEVICE_ORDER"] == "FASTEST_FIRST"


def test_the_cuda_of_torch_is_read_without_it() -> None:
    import torch

    assert cuda_of_torch() == (torch.version.cuda or "")


@pytest.mark.parametrize(
    ("cuda", "driver", "words"),
    [
        ("13.0", "535.183.01", "The CPU is used instead of A100: the NVIDIA driver is too old"),
        ("12.8", "520.61.05", "The CPU is used instead of A100: the NVIDIA driver is too old"),
        ("", "580.65.06", "The CPU is used instead of A100: torch has no CUDA support"),
    ],
)
def test_a_gpu_that_torch_cannot_use_is_reported(
    monkeypatch: pytest.MonkeyPatch, cuda: str, driver: str, words: str
) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(torch_build, "cuda_of_torch", lambda: cuda)
    found = unused_gpu(GpuState((PLAIN,), driver=driver))
    assert found == words and fix_of(found)
    if cuda == "13.0":
        assert cause_of(found) == "torch's CUDA 13.0 needs driver 580 or newer; this one is 535.183.01"
    assert not unused_gpu(GpuState())


def test_a_run_says_once_that_it_uses_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    old = GpuState((PLAIN,), driver="470.1")
    monkeypatch.setattr(torch_build, "cuda_of_torch", lambda: "13.0")
    monkeypatch.setattr(pipeline, "unused_gpu", lambda: unused_gpu(old))
    monkeypatch.setattr(pipeline, "_reported", set())
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    seen: list[Event] = []

    class Listening(SimpleNamespace):
        name = "features"

        def settings(self, settings: Any) -> Any:
            return settings.features

    stage: Any = Listening()
    for _ in range(2):
        seen += pipeline._unused_gpu(stage, for_preset("starter"))
    (warning,) = seen
    assert isinstance(warning, Warned) and "driver is too old" in warning.title and warning.hint
    on_cpu = for_preset("starter")
    on_cpu.features.device = "cpu"
    monkeypatch.setattr(pipeline, "_reported", set())
    assert not list(pipeline._unused_gpu(stage, on_cpu))


@pytest.mark.parametrize(("busy", "policy"), [(5.0, None), (100.0, "PASSIVE")])
def test_threads_wait_passively_on_a_busy_machine(
    monkeypatch: pytest.MonkeyPatch, busy: float, policy: str | None
) -> None:
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    monkeypatch.setattr("psutil.cpu_percent", lambda interval: busy)
    assert engine_environment().get("OMP_WAIT_POLICY") == policy
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    assert engine_environment()["OMP_WAIT_POLICY"] == "ACTIVE"
