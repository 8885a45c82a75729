"""What a training recovers from by going back to its last whole state, and how often."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from rvc_engine.errors import RvcError
from rvc_engine.events import Warned
from rvc_engine.machine.device import without_shortcuts
from rvc_engine.training.course import Course

WATCHED_STEPS = 200  # after a break-down: another one within so many steps ends the training


@dataclass(frozen=True)
class Trouble:
    """`kind`: memory or not finite. `what`: the numbers that were not finite, or torch's words. `clips`: of the step's
    batch."""

    kind: str
    step: int
    what: str
    clips: tuple[str, ...]


class InTrouble(Exception):
    """The state in memory is of no use any more. Carries facts alone: nothing that would hold memory."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(f"{trouble.kind} at step {trouble.step}: {trouble.what}")
        self.trouble = trouble


class Recovery:
    """`course` is how training goes on: with a smaller batch after memory ran out, in float32 after numbers were not
    finite."""

    def __init__(self, course: Course, device: torch.device) -> None:
        self.course, self.device = course, device
        self._broke_at: int | None = None

    def after(self, trouble: Trouble) -> Warned:
        """Change the course, and say so. Raises RvcError with a way out when there is nothing left to change."""
        return self._smaller(trouble) if trouble.kind == "memory" else self._safer(trouble)

    def _smaller(self, trouble: Trouble) -> Warned:
        size = self.course.batch_size
        if size == 1:
            hint = "use a smaller preset or --device cpu, or free memory that other programs hold"
            raise RvcError(f"Out of memory at step {trouble.step} with one clip a step", trouble.what, hint)
        self.course = replace(self.course, batch_size=size // 2)
        message = (
            f"the batch size is now {size // 2} instead of {size}, and stays so; the steps since the last save "
            "are done again"
        )
        return Warned(title=f"Out of memory at step {trouble.step}", message=message, hint=trouble.what, stage="train")

    def _safer(self, trouble: Trouble) -> Warned:
        title = f"Training broke down at step {trouble.step}"
        clips = ", ".join(dict.fromkeys(trouble.clips))
        message = f"the clips were {clips}; not finite: {trouble.what}"
        if self._broke_at is not None and trouble.step <= self._broke_at + WATCHED_STEPS:
            before = f"it did at step {self._broke_at} too"
            hint = "lower --learning-rate, or look at these clips; the next run goes on from the last checkpoint"
            raise RvcError(title, f"{message}; {before}", hint)
        self._broke_at = trouble.step
        old = self.course.precision
        self.course = replace(self.course, precision="fp32")
        if self.device.type == "cuda":
            without_shortcuts()
        how = "once more" if old == "fp32" else f"in fp32 instead of {old} until this run ends"
        hint = "look at these clips if it happens again"
        return Warned(
            title=title, message=f"{message}; the steps since the last save are done {how}", hint=hint, stage="train"
        )
