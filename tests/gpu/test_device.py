"""What is chosen for a GPU, and which errors say that its memory ran out."""

from __future__ import annotations

import pytest

from rvc_engine.machine.device import out_of_memory
from tests.gpu.conftest import OnGpu

CHOSEN = """
import json, torch
from rvc_engine.machine.device import choose_precision, listening_precision
device = torch.device("cuda")
print(json.dumps([choose_precision("auto", device), listening_precision("auto", device)]))
"""


@pytest.mark.parametrize(
    ("capability", "precision"),
    [
        pytest.param("6.1", "fp16", marks=pytest.mark.soak),
        ("7.5", "fp16"),
        pytest.param("8.6", "bf16", marks=pytest.mark.soak),
        pytest.param("8.9", "bf16", marks=pytest.mark.soak),
        pytest.param("9.0", "bf16", marks=pytest.mark.soak),
        pytest.param("12.0", "bf16", marks=pytest.mark.soak),
    ],
)
def test_bf16_only_where_the_gpu_has_it(on_gpu: OnGpu, capability: str, precision: str) -> None:
    assert on_gpu(CHOSEN, capability=capability)[0] == precision


@pytest.mark.parametrize(
    "text",
    [
        "CUDA error: out of memory\nCUDA kernel errors might be asynchronously reported",
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        "CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`",
        "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
        "cuFFT error: CUFFT_ALLOC_FAILED",
        "GET was unable to find an engine to execute this computation",
        "NCCL error: unhandled cuda error, NCCL version 2.28.9\nncclUnhandledCudaError: Call to CUDA function failed.\n"
        "Last error:\nCuda failure 2 'out of memory'",
        "[enforce fail at alloc_cpu.cpp:119] DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes",
    ],
)
def test_every_library_says_out_of_memory_in_its_own_way(text: str) -> None:
    assert out_of_memory(RuntimeError(text)) is not None


@pytest.mark.parametrize(
    "text", ["CUDA error: an illegal memory access was encountered", "CUDNN_STATUS_NOT_SUPPORTED", "out of range"]
)
def test_other_errors_are_not_taken_for_it(text: str) -> None:
    assert out_of_memory(RuntimeError(text)) is None
