"""Which device and precision torch uses."""

from __future__ import annotations

import gc
import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import torch

from rvc_engine.errors import BadInput, RvcError
from rvc_engine.machine.cpu import cores, cpu_has_bf16, cpu_name
from rvc_engine.machine.gpu_reader import gpus_now
from rvc_engine.machine.gpus import ALL_GPUS, has_bf16, named_devices
from rvc_engine.messages import Message

Task = TypeVar("Task")
Result = TypeVar("Result")


def choose_device(name: str) -> torch.device:
    """auto, cpu, cuda or cuda:N. Raises BadInput when that device is not there."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise BadInput("machine.no_device", name=name) from error
    if device.type == "cuda" and (not torch.cuda.is_available() or (device.index or 0) >= torch.cuda.device_count()):
        reason = Message("machine.gpus_seen_by_torch", count=torch.cuda.device_count())
        raise BadInput("machine.device_not_available", reason, name=name)
    return device


def use_device(name: str) -> torch.device:
    """As `choose_device`, and this process computes on it from now on: a GPU becomes its current one, and
    attention does not use cuDNN, which builds a new plan for each length."""
    device = choose_device(name)
    if device.type == "cuda":
        torch.cuda.set_device(device.index or 0)
        torch.backends.cuda.enable_cudnn_sdp(False)
    return device


def choose_devices(gpus: str) -> list[str]:
    """What `train.gpus` names: all, or 0,1 (cuda:0 and cuda:1), or cpu,cpu (processes on the CPU). Raises
    BadInput."""
    names = (
        [f"cuda:{index}" for index in range(torch.cuda.device_count())]
        if gpus.strip() == ALL_GPUS
        else named_devices(gpus)
    )
    if not names:
        raise BadInput("machine.all_of_no_gpu")
    on_gpu = [name for name in names if name != "cpu"]
    if 0 < len(on_gpu) < len(names) or len(set(on_gpu)) < len(on_gpu):
        raise BadInput("machine.gpus_mixed", gpus=gpus)
    for name in names:
        choose_device(name)
    return names


def choose_precision(name: str, device: torch.device) -> str:
    """fp32, fp16 or bf16; auto is bf16 where the CPU or GPU has it, else fp16 on a GPU and fp32 on a
    CPU."""
    if name != "auto":
        if name == "fp16" and device.type == "cpu":
            raise BadInput("machine.fp16_does_not_train_on_cpu")
        return name
    if device.type != "cuda":
        return "bf16" if cpu_has_bf16() else "fp32"
    return "bf16" if gpu_has_bf16(device) else "fp16"


def gpu_has_bf16(device: torch.device | int) -> bool:
    """In hardware: torch.cuda.is_bf16_supported is true for GPUs that emulate it too, many times slower."""
    return has_bf16(torch.cuda.get_device_capability(device))


def listening_precision(name: str, device: torch.device) -> str:
    """Of networks that do not learn: fp32, fp16 or bf16; auto is fp16 on a GPU and fp32 on a CPU, where results
    stay comparable."""
    if name == "auto":
        return "fp16" if device.type == "cuda" else "fp32"
    if name == "fp16" and device.type == "cpu":
        raise BadInput("machine.fp16_no_use_on_cpu")
    return name


def without_shortcuts() -> None:
    """From now on: CUDA without TF32 and without cuDNN."""
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = torch.backends.cudnn.enabled = False


def name_of(device: torch.device) -> str:
    """What it is called, for people and for the cache."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else cpu_name()


def name_with_driver(device: torch.device) -> str:
    """With the driver's version: the key of what another driver may change."""
    return f"{name_of(device)} | driver {gpus_now().driver or '?'}" if device.type == "cuda" else name_of(device)


def sent_to(device: torch.device, values: torch.Tensor) -> torch.Tensor:
    """A copy on the device; to a GPU it goes through pinned memory, without waiting for it."""
    if device.type == "cuda" and values.device.type == "cpu":
        values = values.pin_memory()
    return values.to(device, non_blocking=True)


def free_memory(device: torch.device) -> None:
    """Return the memory that this process no longer uses to the device. Networks are in reference cycles, so garbage
    is collected first."""
    gc.collect()
    if device.type == "cuda":
        torch._C._cuda_clearCublasWorkspaces()  # of each stream 32 MiB on Hopper, which outlive the stream
        torch.cuda.empty_cache()


def free_bytes(device: torch.device) -> int:
    """Of a GPU, also what this process keeps for its next tensors; 0: not known."""
    if device.type != "cuda" or not torch.cuda.is_available():
        return 0
    kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return torch.cuda.mem_get_info(device)[0] + kept


def set_threads(count: int) -> None:
    """Threads of torch on a CPU; 0 means one a core."""
    torch.set_num_threads(count or cores())


def each_on_a_core(work: Callable[[Task], Result], tasks: Sequence[Task]) -> list[Result]:
    """The results in order: several tasks at a time, each by one thread of torch, also where there is only one.
    Rounding depends on the threads, so this way a result depends neither on its company nor on the cores, and a run
    that was killed ends as one that was not."""
    threads = torch.get_num_threads()
    try:
        with ThreadPoolExecutor(
            max(1, min(threads, len(tasks))), initializer=torch.set_num_threads, initargs=(1,)
        ) as pool:
            return list(pool.map(work, tasks))
    finally:
        torch.set_num_threads(threads)


@contextmanager
def memory_errors(explained: Callable[[RvcError], RvcError] = lambda known: known) -> Iterator[None]:
    """Where memory runs out inside, raises what `explained` makes of out_of_memory's RvcError."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        known = out_of_memory(error)
        if known is None:
            raise
        raise explained(known) from error


def with_less(work: Callable[[int], Result], size: int, least: int, device: str) -> Result:
    """work(size); on a GPU whose memory runs out, with half of it, down to `least`. Raises what `work` raises."""
    while True:
        try:
            return work(size)
        except (RuntimeError, MemoryError) as error:
            if device == "cpu" or size <= least or out_of_memory(error) is None:
                raise
        size = max(least, size // 2)  # what the error held is free by now
        free_memory(torch.device(device))


OUT_OF_MEMORY = re.compile(
    r"can't allocate memory"  # the CPU's allocator
    r"|(CUDA|cuda driver|NCCL|nccl)\b.*out of memory"
    r"|CUBLAS_STATUS_ALLOC_FAILED|CUBLAS_STATUS_NOT_INITIALIZED.*cublasCreate"
    r"|CUDNN_STATUS_ALLOC_FAILED|CUDNN_STATUS_INTERNAL_ERROR_(HOST|DEVICE)_ALLOCATION_FAILED|CUFFT_ALLOC_FAILED"
    r"|unable to find an engine to execute",  # of cuDNN: none has room for its workspace
    re.IGNORECASE | re.DOTALL,
)
"""RuntimeErrors with such a message mean out of memory: torch and CUDA's libraries have many."""
ADVICE_OF_TORCH = re.compile(r"(?<=[.]) (Of the allocated memory|If reserved but|See documentation)")
"""Where the part of a message begins that is of use to programmers alone."""


def out_of_memory(error: BaseException) -> RvcError | None:
    """An RvcError with a fix when `error` says that memory ran out, else None."""
    if not isinstance(error, torch.OutOfMemoryError | MemoryError) and not OUT_OF_MEMORY.search(str(error)):
        return None
    return RvcError("machine.out_of_memory", reason=ADVICE_OF_TORCH.split(str(error).split("\n")[0])[0])
