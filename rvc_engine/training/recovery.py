"""What a training recovers from by going back to its last checkpoint, and how often."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from rvc_engine.errors import RvcError
from rvc_engine.events import Warned
from rvc_engine.machine.device import without_shortcuts
from rvc_engine.messages import Message
from rvc_engine.training.train_config import TrainConfig

WATCHED_STEPS = 200  # after a break-down: another one within so many steps ends the training


@dataclass(frozen=True)
class TrainingFault:
    """`kind`: memory or not finite. `what`: the numbers that were not finite, or torch's words. `clips`: of the step's
    batch."""

    kind: str
    step: int
    what: str
    clips: tuple[str, ...]


class StepFailed(Exception):
    """The state in memory is of no use any more. Carries facts alone: nothing that would hold memory."""

    def __init__(self, fault: TrainingFault) -> None:
        super().__init__(Message("training.step", kind=fault.kind, step=fault.step, thing=fault.what))
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
            hint = Message("training.use_smaller_preset_device_cpu")
            raise RvcError("training.out_memory_step_one_clip", fault.what, hint, step=fault.step)
        self.train_config = replace(self.train_config, batch_size=size // 2)
        message = Message("training.batch_size_now_instead_stays", size=size // 2, size_2=size)
        return Warned(
            title=Message("training.out_memory_step", step=fault.step), message=message, hint=fault.what, stage="train"
        )

    def _safer(self, fault: TrainingFault) -> Warned:
        title = Message("training.training_broke_down_step", step=fault.step)
        clips = ", ".join(dict.fromkeys(fault.clips))
        message = Message("training.clips_not_finite", clips=clips, thing=fault.what)
        if self._broke_at is not None and fault.step <= self._broke_at + WATCHED_STEPS:
            before = Message("training.did_step_too", broke_at=self._broke_at)
            hint = Message("training.lower_learning_rate_look_these")
            raise RvcError(title, Message("training.text", message=message, before=before), hint)
        self._broke_at = fault.step
        old = self.train_config.precision
        self.train_config = replace(self.train_config, precision="fp32")
        if self.device.type == "cuda":
            without_shortcuts()
        how = (
            Message("training.once_more") if old == "fp32" else Message("training.fp32_instead_until_run_ends", old=old)
        )
        hint = Message("training.look_these_clips_if_happens")
        return Warned(
            title=title,
            message=Message("training.steps_since_last_save_done", message=message, how=how),
            hint=hint,
            stage="train",
        )
