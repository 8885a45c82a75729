"""Gradient checkpointing of a training: as the setting has it, or where its batch would not fit without."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import replace

import torch

from rvc_engine.errors import BadInput
from rvc_engine.events import Event, Noted
from rvc_engine.machine.advisor import largest_that_fits, memories_now
from rvc_engine.machine.device import name_of
from rvc_engine.machine.measurements import cost_of
from rvc_engine.machine.memory_table import CONTEXT_BYTES
from rvc_engine.messages import Message
from rvc_engine.settings import ExperimentSettings
from rvc_engine.training.train_config import TrainConfig
from rvc_engine.work.train_start import NAME


def with_checkpointing(
    settings: ExperimentSettings, train_config: TrainConfig, devices: Sequence[torch.device], wrong: Message
) -> Generator[Event, None, TrainConfig]:
    """`train_config`, with it or without. `wrong`: why a step with it does not come out right here."""
    asked = settings.train.checkpointing
    if asked == "off" or (asked == "auto" and not may_turn_on(settings, devices, wrong)):
        return train_config
    if wrong:
        yield Noted(text=Message("work.no_checkpointing", reason=wrong), stage=NAME)
        return train_config
    if asked == "auto":
        free = _free_bytes(settings, devices)
        device, size = devices[0], train_config.batch_size
        cost = cost_of(settings.preset, train_config.precision, str(device), name_of(device))
        if free is None or size <= largest_that_fits(cost, free):
            return train_config
        sizes = {"size": size, "needed": cost.memory(size) / 1e9, "free": free / 1e9}
        yield Noted(text=Message("work.checkpointing", **sizes), stage=NAME)
    return replace(train_config, checkpointing=True)


def may_turn_on(settings: ExperimentSettings, devices: Sequence[torch.device], wrong: Message) -> bool:
    """Is it left to the program, and of use here?"""
    return settings.train.checkpointing == "auto" and devices[0].type == "cuda" and not wrong


def _free_bytes(settings: ExperimentSettings, devices: Sequence[torch.device]) -> int | None:
    """For a whole training, its context included, on the fullest of the GPUs; None where that is not known. Of several,
    the driver is asked: torch would make a context on each, in a process that does not train."""
    if settings.train.gpus:
        try:
            memories = memories_now(settings.train.gpus, set())
        except BadInput:  # the driver's library is not here
            return None
        return min(memory.free for memory in memories) if all(memory.kind != "cpu" for memory in memories) else None
    (device,) = devices
    return torch.cuda.mem_get_info(device)[0] + torch.cuda.memory_reserved(device) + CONTEXT_BYTES
