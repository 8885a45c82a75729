"""Faults on demand, for tests of what must survive them. Without RVC_FAULTS in the environment nothing here does
anything.

RVC_FAULTS holds words with commas between them; each word that names a place strikes once in a process:

    nan@7          the batch of training step 7 holds a number that is not finite (so do its losses); nan@7,nan@7
    strikes twice oom@5          torch.OutOfMemoryError in training step 5 enospc@2:3     from the middle of the 2nd
    checkpoint file that is written (resume.pt, G_ and D_ each count, as does a second try) the disk is full, for 3
    seconds (5 if no number is given) slow-save:1.5  every checkpoint file takes 1.5 seconds (2 if no number is given)
    longer, in the middle of its bytes slow-save@3:9  only the 3rd one slow-step@3:9  training step 3 takes 9 seconds (2
    if no number is given) longer; slow-step:9 every one grace:0.05     a stop is waited for only this part of its time
    (a tenth if no number is given)

A word that is not understood raises ValueError: a test that injects nothing must not pass.
"""

from __future__ import annotations

import errno
import os
import re
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rvc_engine.messages import Message

if TYPE_CHECKING:
    from rvc_engine.training.dataset import Batch

SECONDS = {"nan": 0.0, "oom": 0.0, "enospc": 5.0, "slow-save": 2.0, "slow-step": 2.0, "grace": 0.1}
EVERY = ("slow-save", "slow-step", "grace")  # strike each time without a place


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
            raise ValueError(Message("faults.not_understood", word=word))
        found.append(Fault(match[1], int(match[2] or 0), float(match[3] or SECONDS[match[1]])))
    return found


class Faults:
    """What is still to strike. One object serves a training from its start to its end, through all that it recovers
    from."""

    def __init__(self, faults: list[Fault]) -> None:
        self.waiting = faults
        self.files = 0
        self._full_until = 0.0
        self._slow_s = 0.0

    @classmethod
    def from_environment(cls) -> Faults:
        return cls(parse(os.environ.get("RVC_FAULTS", "")))

    def _strikes(self, kind: str, place: int) -> Fault | None:
        for fault in self.waiting:
            if fault.kind == kind and fault.place in (0, place):
                if fault.place:
                    self.waiting.remove(fault)
                return fault
        return None

    def step(self, number: int, batch: Batch) -> Batch:
        """The batch of a training step, spoilt if that is asked for. Raises torch.OutOfMemoryError if that is."""
        if not self.waiting:
            return batch
        if slow := self._strikes("slow-step", number):
            time.sleep(slow.seconds)
        if self._strikes("oom", number):
            import torch

            raise torch.OutOfMemoryError(f"injected at step {number}")
        return replace(batch, wave=batch.wave * float("nan")) if self._strikes("nan", number) else batch

    def grace(self) -> float:
        """The part of its time that a stop is waited for."""
        return next((fault.seconds for fault in self.waiting if fault.kind == "grace"), 1.0)

    def file_begun(self) -> None:
        """A checkpoint file is about to be written."""
        self.files += 1
        slow = self._strikes("slow-save", self.files)
        self._slow_s = slow.seconds if slow else 0.0

    def file_half_written(self) -> None:
        """Raises OSError (ENOSPC) while the disk is to be full."""
        if self._slow_s:
            time.sleep(self._slow_s)
        full = self._strikes("enospc", self.files)
        if full:
            self._full_until = time.monotonic() + full.seconds
        if time.monotonic() < self._full_until:
            raise OSError(errno.ENOSPC, f"injected: {os.strerror(errno.ENOSPC)}")
