"""What a training recovers from by going back to its last checkpoint, and how often."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from rvc_engine.common.lines import Line
from rvc_engine.errors import RvcError
from rvc_engine.events import Warned
from rvc_engine.machine.device import without_shortcuts
from rvc_engine.training.train_config import TrainConfig

WATCHED_STEPS = 200  # after a break-down: another one within so many steps ends the training


@dataclass(frozen=True)
class TrainingFault(Line):
    """`kind`: memory or not finite. `what`: the numbers that were not finite, or torch's words. `clips`: of the step's
    batch."""

    kind: str
    step: int
    what: str
    clips: list[str]


class StepFailed(Exception):
    """The state in memory is of no use any more. Carries facts alone: nothing that would hold memory."""

    def __init__(self, fault: TrainingFault) -> None:
        super().__init__(f"{fault.kind} at step {fault.step}: {fault.what}")
        self.fault = fault


class Recovery:
    """`train_config` is how training continues: with a smaller batch after memory ran out, in float32 after numbers
    were not finite."""

    def __init__(self, train_config: TrainConfig, device: torch.device) -> None:
        self.train_config, self.device = train_config, device
        self._broke_at: int | None = None

    def after(self, fault: TrainingFault) -> Warned:
        """Change the config, and report it. Raises RvcError with a fix when there is nothing left to change."""
        return self._smaller(fault) if fault.kind == "memory" else self._safer(fault)

    def _smaller(self, fault: TrainingFault) -> Warned:
        size = self.train_config.batch_size
        if size == 1:
            hint = "use a smaller preset or --device cpu, or free memory that other programs hold"
            raise RvcError(f"Out of memory at step {fault.step} with one clip a step", fault.what, hint)
        self.train_config = replace(self.train_config, batch_size=size // 2)
        message = (
            f"the batch size is now {size // 2} instead of {size}, and stays so; the steps since the last save "
            "are done again"
        )
        return Warned(title=f"Out of memory at step {fault.step}", message=message, hint=fault.what, stage="train")

    def _safer(self, fault: TrainingFault) -> Warned:
        title = f"Training broke down at step {fault.step}"
        clips = ", ".join(dict.fromkeys(fault.clips))
        message = f"the clips were {clips}; not finite: {fault.what}"
        if self._broke_at is not None and fault.step <= self._broke_at + WATCHED_STEPS:
            before = f"it did at step {self._broke_at} too"
            hint = "lower --learning-rate, or look at these clips; the next run resumes from the last checkpoint"
            raise RvcError(title, f"{message}; {before}", hint)
        self._broke_at = fault.step
        old = self.train_config.precision
        self.train_config = replace(self.train_config, precision="fp32")
        if self.device.type == "cuda":
            without_shortcuts()
        how = "once more" if old == "fp32" else f"in fp32 instead of {old} until this run ends"
        hint = "look at these clips if it happens again"
        return Warned(
            title=title, message=f"{message}; the steps since the last save are done {how}", hint=hint, stage="train"
        )
