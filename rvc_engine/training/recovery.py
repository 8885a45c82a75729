"""What a training recovers from by going back to its last checkpoint, and how often."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from rvc_engine.common.lines import Line
from rvc_engine.errors import RvcError
from rvc_engine.events import Warned
from rvc_engine.machine.device import without_shortcuts
from rvc_engine.messages import Message, joined
from rvc_engine.messages.message import fix_of
from rvc_engine.training.train_config import TrainConfig

MEMORY, NOT_FINITE, GRAPH = "memory", "not_finite", "graph"  # kinds of faults
WATCHED_STEPS = 200  # after a break-down: another one within so many steps ends the training


@dataclass(frozen=True)
class TrainingFault(Line):
    """`kind`: MEMORY, NOT_FINITE or GRAPH. `what`: the numbers that were not finite, or torch's words. `clips`: of the
    step's batch. `data_on_gpu`: clips took memory there."""

    kind: str
    step: int
    what: Message
    clips: list[str]
    data_on_gpu: bool = False


class StepFailed(Exception):
    """The state in memory is of no use any more. Carries facts alone: nothing that would hold memory."""

    def __init__(self, fault: TrainingFault) -> None:
        super().__init__(fault)
        self.fault = fault


class Recovery:
    """`train_config` is how training continues. After memory ran out: without its data on the GPU or with gradient
    checkpointing, where these are left to the program (`may_checkpoint`), or with a smaller batch. After numbers were
    not finite: in float32."""

    def __init__(self, train_config: TrainConfig, device: torch.device, *, may_checkpoint: bool = False) -> None:
        self.train_config, self.device, self.may_checkpoint = train_config, device, may_checkpoint
        self._broke_at: int | None = None

    def after(self, fault: TrainingFault) -> Warned:
        """Change the config, and report it. Raises RvcError with a fix when there is nothing left to change."""
        if fault.kind == GRAPH:
            return self._without_graphs(fault)
        if fault.kind == NOT_FINITE:
            return self._safer(fault)
        if fault.data_on_gpu and self.train_config.data_on_gpu == "auto":
            return self._without_data(fault)
        if self.may_checkpoint and not self.train_config.checkpointing:
            return self._checkpointed(fault)
        return self._smaller(fault)

    def _without_graphs(self, fault: TrainingFault) -> Warned:
        self.train_config = replace(self.train_config, graphs=False)
        title = Message("training.no_graphs")
        return Warned(title=title, message=fault.what, hint=fix_of(title), stage="train")

    def _without_data(self, fault: TrainingFault) -> Warned:
        self.train_config = replace(self.train_config, data_on_gpu="off")
        title = Message("training.out_of_memory", step=fault.step)
        return Warned(title=title, message=Message("training.data_off_gpu"), hint=fault.what, stage="train")

    def _checkpointed(self, fault: TrainingFault) -> Warned:
        self.train_config = replace(self.train_config, checkpointing=True)
        title = Message("training.out_of_memory", step=fault.step)
        return Warned(title=title, message=Message("training.checkpointing"), hint=fault.what, stage="train")

    def _smaller(self, fault: TrainingFault) -> Warned:
        size = self.train_config.batch_size
        if size == 1 and fault.data_on_gpu:
            return self._without_data(fault)
        if size == 1 and self.train_config.graphs:  # they need the memory of clips as long as their bucket
            return self._without_graphs(fault)
        if size == 1:
            raise RvcError("training.out_of_memory_with_one", fault.what, step=fault.step)
        self.train_config = replace(self.train_config, batch_size=size // 2)
        title = Message("training.out_of_memory", step=fault.step)
        message = Message("training.smaller_batch", size=size // 2, before=size)
        return Warned(title=title, message=message, hint=fault.what, stage="train")

    def _safer(self, fault: TrainingFault) -> Warned:
        title = Message("training.broke_down", step=fault.step)
        clips = ", ".join(dict.fromkeys(fault.clips))
        message = Message("training.not_finite", clips=clips, what=fault.what)
        if self._broke_at is not None and fault.step <= self._broke_at + WATCHED_STEPS:
            before = Message("training.broke_before", step=self._broke_at)
            raise RvcError(title, joined(message, before), Message("training.lower_rate"))
        self._broke_at = fault.step
        old = self.train_config.precision
        self.train_config = replace(self.train_config, precision="fp32", tunings=())
        if self.device.type == "cuda":
            without_shortcuts()
        how = Message("training.once_more") if old == "fp32" else Message("training.in_fp32", precision=old)
        return Warned(title=title, message=joined(message, how), hint=Message("training.look_at_clips"), stage="train")
