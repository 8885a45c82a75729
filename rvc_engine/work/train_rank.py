"""One of the processes that train a voice together; torchrun starts it with the path of a train_parallel.Spec."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NoReturn

import torch

from rvc_engine.common.lines import Failed, Writer, read_line
from rvc_engine.errors import RvcError
from rvc_engine.events import Event, Paused, TrainStepped
from rvc_engine.machine.device import use_device, without_shortcuts
from rvc_engine.machine.gpus import GpuState, held_by_torch
from rvc_engine.training.ranks import Together
from rvc_engine.work.train import one_of_several
from rvc_engine.work.train_parallel import MemoryHeld, Proceed, Spec

MEMORY_STEPS = 10  # of which one reports the memory
DONE, FAILED, ORPHANED = 0, 1, 3


def report(writer: Writer, event: Event) -> bool:
    """Is the training to stop after it? Ends the process when nobody listens any more."""
    writer.send(event)
    answer = read_line(sys.stdin.buffer, Proceed)
    if answer is None:
        os._exit(ORPHANED)
    return answer.stop


def train(spec: Spec, ranks: Together, device: torch.device, writer: Writer) -> None:
    steps, stop = one_of_several(spec, ranks, device), False
    while True:
        try:
            event = next(steps)
        except StopIteration as end:
            if end.value is not None:
                writer.send(end.value)
                leave_at_once(FAILED)
            return
        if ranks.first:
            stop = report(writer, event) or stop
            if stop and isinstance(event, Paused):
                steps.close()
                leave_at_once(FAILED)
        if isinstance(event, TrainStepped):
            if event.step % MEMORY_STEPS == 1:
                report_memory(ranks, device, writer)
            if ranks.of_first(int(stop)):
                steps.close()
                return


def report_memory(ranks: Together, device: torch.device, writer: Writer) -> None:
    if device.type == "cuda":
        held = ranks.of_all(held_by_torch(torch, GpuState()))
        if ranks.first:
            writer.send(MemoryHeld([gpu for gpus in held for gpu in gpus]))


def leave_at_once(code: int) -> NoReturn:
    """Without the interpreter's end. After a failure the others wait for this process in the middle of a step: torchrun
    ends them."""
    sys.stdout.flush()
    os._exit(code)


def main() -> None:
    spec = Spec.read(Path(sys.argv[1]))
    device = use_device(spec.devices[int(os.environ["LOCAL_RANK"])])
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    if spec.safe:
        without_shortcuts()
    ranks, writer = Together(device), Writer(sys.stdout.fileno())
    try:
        train(spec, ranks, device, writer)
    except RvcError as error:
        writer.send(Failed.of(error))
        leave_at_once(FAILED)
    # all is saved; at the interpreter's end a library's thread that still lives has aborted a process, once in CI
    leave_at_once(DONE)


if __name__ == "__main__":
    main()
