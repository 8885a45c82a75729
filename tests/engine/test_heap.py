"""What a process on a CPU does with memory that it has freed: seen by the pages that the system had to clear for
it."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys

import pytest

from rvc_engine.machine.malloc import KEEPING_FREED_MEMORY

CLEARED = """
import resource, sys, threading
import torch
from rvc_engine.machine.malloc import give_back_freed_memory, keep_freed_memory

if sys.argv[1] == "kept":
    keep_freed_memory()
rounds, faults = 20, lambda: resource.getrusage(resource.RUSAGE_SELF).ru_minflt
held = lambda: int(open("/proc/self/statm").read().split()[1]) * 4096

def work():
    for _ in range(rounds):  # aligned blocks do not fit where one of the same size was: some are there before all fit
        torch.ones(8 << 20)  # 32 MiB
    before = faults()
    for _ in range(rounds):
        torch.ones(8 << 20)
    print((faults() - before) // rounds)

thread = threading.Thread(target=work)  # stages run in one
thread.start()
thread.join()
before = held()
give_back_freed_memory()
print(before - held())
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="this system's C library has no mallopt")
@pytest.mark.soak
def test_a_freed_tensor_is_used_again_until_it_is_given_back() -> None:
    def printed(mode: str, **environment: str) -> list[int]:
        command, environment = [sys.executable, "-c", CLEARED, mode], {**os.environ, **environment}
        return [
            int(word)
            for word in subprocess.run(
                command, capture_output=True, text=True, check=True, env=environment
            ).stdout.split()
        ]

    pages, _ = printed("as the system does")
    for kept_pages, given_back in (printed("kept"), printed("by the environment", **KEEPING_FREED_MEMORY)):
        assert kept_pages < pages / 10
        assert given_back > 24 << 20
