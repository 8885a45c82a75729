"""Faults on demand, for tests of what must survive them. Without RVC_FAULTS in the environment nothing here does
anything.

RVC_FAULTS holds words with commas between them; each word that names a place strikes once in a process:

    nan@7          the batch of training step 7 holds a number that is not finite (so do its losses); nan@7,nan@7
                   strikes twice
    oom@5          torch.OutOfMemoryError in training step 5
    enospc@2:3     from the middle of the 2nd checkpoint file that is written (resume.pt, G_ and D_ each count, as does
                   a second try) the disk is full, for 3 seconds (5 if no number is given)
    slow-save:1.5  every checkpoint file takes 1.5 seconds (2 if no number is given) longer, in the middle of its bytes
    slow-save@3:9  only the 3rd one
    slow-step@3:9  training step 3 takes 9 seconds (2 if no number is given) longer; slow-step:9 every one
    grace:0.05     a stop is waited for only this part of its time (a tenth if no number is given)
    background     saves are written in a thread on a CPU too

A word that is not understood raises ValueError: a test that injects nothing must not pass.
"""

from __future__ import annotations

import errno
import os
import re
import sys
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rvc_engine.training.hooks import TrainingHook, Writable

if TYPE_CHECKING:
    from rvc_engine.training.dataset import Batch

SECONDS = {"nan": 0.0, "oom": 0.0, "enospc": 5.0, "slow-save": 2.0, "slow-step": 2.0, "grace": 0.1, "background": 0.0}
EVERY = ("slow-save", "slow-step", "grace", "background")  # strike each time without a place


@dataclass(frozen=True)
class Fault:
    """`place`: the step or the file, counted from 1; 0 is every one."""

    kind: str
    place: int
    seconds: float


def parse(text: str) -> list[Fault]:
    """Raises ValueError naming a word that is not understood."""
    found = []
    for word in filter(None, (part.strip() for part in text.split(","))):
        match = re.fullmatch(r"([a-z-]+)(?:@(\d+))?(?::(\d+(?:\.\d+)?))?", word)
        if not match or match[1] not in SECONDS or (not match[2] and match[1] not in EVERY):
            raise ValueError(f"RVC_FAULTS: {word!r} is not understood")
        found.append(Fault(match[1], int(match[2] or 0), float(match[3] or SECONDS[match[1]])))
    return found


class Faults(TrainingHook):
    """What is still to strike in a training, through all that it recovers from."""

    def begin(self, *, again: bool) -> None:
        """What struck in an attempt before does not strike again."""
        self.waiting = [] if again else parse(os.environ.get("RVC_FAULTS", ""))
        self.files = 0
        self.full_until = 0.0
        if grace := self.strikes("grace", 0):
            shorten_grace(grace.seconds)
        if self.strikes("background", 0):
            from rvc_engine.training import saving

            saving.IN_BACKGROUND = ("cpu", "cuda")

    def strikes(self, kind: str, place: int) -> Fault | None:
        for fault in list(self.waiting):  # a save in the background asks from its thread
            if fault.kind == kind and fault.place in (0, place):
                if fault.place:
                    self.waiting.remove(fault)
                return fault
        return None

    def batch(self, step: int, batch: Batch) -> Batch:
        """Spoilt if that is asked for. Raises torch.OutOfMemoryError if that is."""
        if slow := self.strikes("slow-step", step):
            time.sleep(slow.seconds)
        if self.strikes("oom", step):
            import torch

            raise torch.OutOfMemoryError(f"injected at step {step}")
        return replace(batch, wave=batch.wave * float("nan")) if self.strikes("nan", step) else batch

    def stream(self, file: Writable, size: int) -> Writable:
        self.files += 1
        slow = self.strikes("slow-save", self.files)
        return FaultyFile(self, file, size // 2, slow.seconds if slow else 0.0)

    def half_written(self) -> None:
        """Raises OSError (ENOSPC) while the disk is to be full."""
        full = self.strikes("enospc", self.files)
        if full:
            self.full_until = time.monotonic() + full.seconds
        if time.monotonic() < self.full_until:
            raise OSError(errno.ENOSPC, f"injected: {os.strerror(errno.ENOSPC)}")


class FaultyFile:
    """The faults of a checkpoint file, in the middle of its bytes."""

    def __init__(self, faults: Faults, file: Writable, half: int, slow_s: float) -> None:
        self.faults, self.file, self.half, self.slow_s = faults, file, half, slow_s
        self.written = 0

    def write(self, data: bytes) -> int:
        count = self.file.write(data)
        if self.written <= self.half < self.written + count:
            self.file.flush()
            time.sleep(self.slow_s)
            self.faults.half_written()
        self.written += count
        return count

    def flush(self) -> None:
        self.file.flush()


def shorten_grace(part: float) -> None:
    """Of the engine process, which runs rvc_engine/run/runner.py."""
    runner = sys.modules["__main__"]
    for name in ("GRACE_S", "SAVING_GRACE_S", "SLOW_UNITS"):
        setattr(runner, name, getattr(runner, name) * part)
