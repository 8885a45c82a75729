"""What a training uses a GPU's memory for: gradient checkpointing, as the setting has it or where its batch would not
fit without; and the training data, where there is room beside that."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import replace

import torch

from rvc_engine.errors import BadInput
from rvc_engine.events import Event, Noted
from rvc_engine.machine.advisor import largest_that_fits, memories_now
from rvc_engine.machine.device import free_bytes, free_memory, name_of, out_of_memory
from rvc_engine.machine.measurements import cost_of, with_data_on_gpu
from rvc_engine.machine.memory_table import CONTEXT_BYTES, GPU_DATA_SHARE, gpu_data_bytes
from rvc_engine.messages import Message
from rvc_engine.settings import ExperimentSettings
from rvc_engine.training.dataset import ClipDataset
from rvc_engine.training.device_dataset import DeviceDataset, frames_held
from rvc_engine.training.train_config import TrainConfig
from rvc_engine.work.train_start import NAME


def with_checkpointing(
    settings: ExperimentSettings,
    train_config: TrainConfig,
    devices: Sequence[torch.device],
    wrong: Message,
    frames: Sequence[int],
) -> Generator[Event, None, TrainConfig]:
    """`train_config`, with it or without. `wrong`: why a step with it does not come out right here. `frames`: of the
    clips, which a GPU holds beside the batch where train.data_on_gpu is on; auto leaves room for the batch."""
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
        if train_config.data_on_gpu == "on":
            cost = with_data_on_gpu(cost, settings.model, frames_held(settings.model, frames))
        if free is None or size <= largest_that_fits(cost, free):
            return train_config
        sizes = {"size": size, "needed": cost.memory(size) / 1e9, "free": free / 1e9}
        yield Noted(text=Message("work.checkpointing", **sizes), stage=NAME)
    return replace(train_config, checkpointing=True)


def may_turn_on(settings: ExperimentSettings, devices: Sequence[torch.device], wrong: Message) -> bool:
    """Is it left to the program, and of use here?"""
    return settings.train.checkpointing == "auto" and devices[0].type == "cuda" and not wrong


def data_on_gpu(
    settings: ExperimentSettings,
    train_config: TrainConfig,
    dataset: ClipDataset,
    frames: Sequence[int],
    device: torch.device,
) -> Generator[Event, None, DeviceDataset | None]:
    """Of one of the processes that train, when its networks are in memory; None: the data stays in main memory."""
    asked = train_config.data_on_gpu
    if asked == "off" or device.type != "cuda":
        return None
    size = frames_held(settings.model, frames)
    needed, free = gpu_data_bytes(settings.model, size), free_bytes(device)
    if needed <= free and (asked == "on" or _leaves_room(settings, train_config, size, needed, device)):
        try:
            held = DeviceDataset(dataset, frames, device)
        except RuntimeError as error:  # where there is as much in several pieces
            if not out_of_memory(error):
                raise
            free_memory(device)
        else:
            yield Noted(text=Message("work.data_on_gpu", megabytes=needed / 1e6), stage=NAME)
            return held
    if asked == "on":
        yield Noted(text=Message("work.data_not_on_gpu", needed=needed / 1e9, free=free / 1e9), stage=NAME)
    return None


def _leaves_room(
    settings: ExperimentSettings, train_config: TrainConfig, size: int, needed: int, device: torch.device
) -> bool:
    """Does auto keep so many frames there?"""
    if needed > GPU_DATA_SHARE * free_bytes(device):
        return False
    where, on = (settings.preset, train_config.precision, str(device), name_of(device)), train_config.checkpointing
    cost = with_data_on_gpu(cost_of(*where, checkpointing=on), settings.model, size)
    fits = largest_that_fits(cost, _free_of(device))
    return train_config.batch_size <= fits


def _free_of(device: torch.device) -> int:
    """For a whole training of this process, its context included."""
    return torch.cuda.mem_get_info(device)[0] + torch.cuda.memory_reserved(device) + CONTEXT_BYTES


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
    return _free_of(device)
