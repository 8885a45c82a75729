"""Which batch size: the largest that fits in memory now, the recommended one for this much data, and why.

Light: no torch here. Memory now comes from NVML, without a GPU from the system; a table of shapes says what a batch
costs until `measure` has run real steps in a process of their own.
"""

from __future__ import annotations

import csv
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from rvc_engine.common.lock import live_holder
from rvc_engine.common.opening import open_text
from rvc_engine.errors import BadInput
from rvc_engine.experiment import Experiment
from rvc_engine.machine.cpu import cpu_has_bf16, cpu_name
from rvc_engine.machine.gpu_reader import gpus_now
from rvc_engine.machine.gpus import ALL_GPUS, Gpu, GpuState, has_bf16, named_devices, torch_gpus
from rvc_engine.machine.measurements import Cost, Measure, cost_of, with_data_on_gpu
from rvc_engine.machine.memory_table import GPU_DATA_SHARE
from rvc_engine.machine.torch_build import unused_gpu
from rvc_engine.messages import Message
from rvc_engine.messages.message import cause_of, fix_of
from rvc_engine.presets import PRESETS, PUBLIC_PRESETS, default_batch_size

if TYPE_CHECKING:
    from rvc_engine.settings import ExperimentSettings

MARGIN = 0.10  # of the free memory stays free
LARGEST = 1024  # the bound of train.batch_size
SMALL_SET_MINUTES = 30.0
STEPS_AN_EPOCH = 8  # fewer and an epoch is too coarse to schedule or to save by
CLIP_S = 3.7  # a clip without its overlap, about


@dataclass(frozen=True)
class Memory:
    """Memory of the device that a training would use. `own`: held by this experiment's own run; `others` None: not
    reported."""

    device: str
    name: str
    total: int
    free: int
    others: int | None
    own: int = 0
    precision: str = "fp32"  # what `auto` means there
    notes: tuple[Message, ...] = ()

    @property
    def kind(self) -> str:
        return self.device.partition(":")[0]

    def record(self) -> dict[str, Any]:
        sizes = {"memory_total_bytes": self.total, "memory_free_bytes": self.free, "memory_others_bytes": self.others}
        return {"device": self.device, "name": self.name, **sizes}


# --- memory now -------------------------------------------------------------------------------------------------------
def run_processes(experiment: Experiment | None) -> set[int]:
    """The engine that holds this experiment, and its workers."""
    holder = live_holder(experiment.lock) if experiment else None
    if holder is None or not holder.here:
        return set()
    try:
        return {holder.pid, *(child.pid for child in psutil.Process(holder.pid).children(recursive=True))}
    except psutil.NoSuchProcess:
        return set()


def memory_now(device: str, own: set[int], state: GpuState | None = None) -> Memory:
    """Memory of `device` (auto, cpu, cuda or cuda:N). Raises BadInput for a device that is not there."""
    named = re.fullmatch(r"auto|cpu|cuda(?::(\d+))?", device)
    if named is None:
        raise BadInput("machine.no_device", name=device)
    if device == "cpu":
        return _system_memory(own)
    state = state or gpus_now()
    seen = torch_gpus(state)
    if device == "auto" and not seen:
        return _system_memory(own, Message("machine.no_gpu", reason=state.reason or Message("machine.gpus_hidden")))
    if unused := unused_gpu(state):
        if device != "auto":
            raise BadInput("machine.device_not_available", cause_of(unused), fix_of(unused), name=device)
        about = {"title": unused, "cause": cause_of(unused), "fix": fix_of(unused)}
        return _system_memory(own, Message("machine.gpu_unused", **about))
    index = int(named[1] or 0)
    if index >= len(seen):
        reason = state.reason or Message("machine.gpus_visible", count=len(seen))
        raise BadInput("machine.device_not_available", reason, name=device)
    gpu = seen[index]
    if gpu.memory_total is None or gpu.memory_free is None:
        code = "machine.memory_of_mig_not_reported" if gpu.mig else "machine.memory_not_reported"
        return _system_memory(own, Message(code, gpu=gpu.name))
    return _gpu_memory(gpu, index, own)


def memories_now(gpus: str, own: set[int], state: GpuState | None = None) -> list[Memory]:
    """Of each that `train.gpus` names. Raises BadInput for one that is not there."""
    state = state or gpus_now()
    every = [f"cuda:{index}" for index in range(len(torch_gpus(state)))]
    names = every if gpus.strip() == ALL_GPUS else dict.fromkeys(named_devices(gpus))  # cpu,cpu is one memory
    return [memory_now(name, own, state) for name in names]


def _gpu_memory(gpu: Gpu, index: int, own: set[int]) -> Memory:
    assert gpu.memory_total is not None and gpu.memory_free is not None
    held = gpu.processes
    ours = sum(used for pid, used in held.items() if pid in own) if held is not None else 0
    # While ours runs, the part of others is known only from a list that has it: in a container it is empty or has other
    # numbers.
    known = not own or (held is not None and not own.isdisjoint(held))
    others = max(gpu.memory_total - gpu.memory_free - ours, 0) if known else None
    precision = "bf16" if gpu.capability is None or has_bf16(gpu.capability) else "fp16"
    notes = (Message("machine.mig"),) if gpu.mig else ()
    return Memory(f"cuda:{index}", gpu.name, gpu.memory_total, gpu.memory_free, others, ours, precision, notes)


def _system_memory(own: set[int], *notes: Message) -> Memory:
    memory = psutil.virtual_memory()
    total, free = int(memory.total), int(memory.available)
    if limit := container_limit():
        total, free = min(total, limit[0]), min(free, limit[1])
    ours = 0
    for pid in own:
        try:
            ours += psutil.Process(pid).memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return Memory(
        "cpu",
        cpu_name(),
        total,
        free,
        max(total - free - ours, 0),
        ours,
        "bf16" if cpu_has_bf16() else "fp32",
        notes,
    )


def container_limit(root: Path = Path("/sys/fs/cgroup")) -> tuple[int, int] | None:
    """(limit, free) in bytes where a container bounds memory (cgroup 2, else 1); None where nothing does."""
    for limit_name, used_name, prefix in (
        ("memory.max", "memory.current", ""),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "memory/"),
    ):
        try:
            limit = int((root / limit_name).read_text())
            used = int((root / used_name).read_text())
            stat = dict(line.split() for line in (root / f"{prefix}memory.stat").read_text().splitlines())
        except (OSError, ValueError):  # "max" means no limit
            continue
        reclaimable = int(stat.get("inactive_file", 0)) + int(stat.get("active_file", 0))
        if limit < 1 << 60:
            return limit, max(limit - max(used - reclaimable, 0), 0)
    return None


LONGEST_S = 1e8  # more than that is no sum of clips


# --- the advice -------------------------------------------------------------------------------------------------------
def minutes_of(experiment: Experiment | None) -> float | None:
    """Minutes of the clips, from clips.csv; None before preprocess."""
    if experiment is None or not os.path.isfile(experiment.clips_csv):
        return None
    try:
        with open_text(experiment.clips_csv, encoding="utf-8-sig", errors="surrogateescape") as file:
            seconds = sum(float(row["seconds"]) for row in csv.DictReader(file))
    except (OSError, KeyError, ValueError, TypeError, csv.Error):
        return None
    return round(seconds / 60, 2) if 0 < seconds < LONGEST_S else None


def largest_that_fits(cost: Cost, available: int) -> int:
    """0 when not even one sample fits."""
    return max(0, min(LARGEST, int((available * (1 - MARGIN) - cost.fixed) / cost.slope)))


def recommend(preset: str, kind: str, minutes: float | None, largest: int) -> tuple[int, list[Message]]:
    """The batch size for this much data, and why."""
    starter_on_cpu = preset.startswith("starter") and kind == "cpu"
    batch = default_batch_size(preset, kind)
    if starter_on_cpu:
        size, reasons = batch, [Message("machine.short_windows")]
    elif minutes is None:
        size, reasons = batch, [Message("machine.unknown_minutes")]
    elif minutes < SMALL_SET_MINUTES:
        size, reasons = batch, [Message("machine.few_minutes", minutes=minutes)]
    else:
        size, reasons = 8, [Message("machine.many_minutes", minutes=minutes)]
    if minutes is not None and not starter_on_cpu:
        most = max(1, int(minutes * 60 / CLIP_S) // STEPS_AN_EPOCH)
        if most < size:
            size = most
            reasons.append(Message("machine.few_clips", size=size, steps=STEPS_AN_EPOCH))
    if largest < size:
        size = max(largest, 1)
        reasons.append(Message("machine.largest", size=largest) if largest else Message("machine.nothing_fits"))
    return size, reasons


@dataclass(frozen=True)
class Room:
    """The largest batch sizes that fit, without and with gradient checkpointing, as train.checkpointing has it."""

    plain: int
    checkpointed: int
    checkpointing: str
    kind: str

    @property
    def usual(self) -> int:
        """Of the steps that a training begins to plan with."""
        return self.checkpointed if self.checkpointing == "on" else self.plain

    @property
    def usable(self) -> int:
        """What a training turns on by itself is on only on a GPU."""
        return max(self.plain, self.checkpointed) if self.checkpointing == "auto" and self.kind != "cpu" else self.usual

    def reasons(self, recommended: int) -> list[Message]:
        """What gradient checkpointing changes."""
        if self.checkpointed <= self.plain:
            return []
        sizes = {"size": self.checkpointed, "without": self.plain}
        if self.checkpointing == "on":
            return [Message("machine.checkpointing_on", **sizes)]
        if self.usable >= recommended > self.plain:
            return [Message("machine.only_checkpointed", recommended=recommended, **sizes)]
        return [Message("machine.checkpointing_off", **sizes)] if self.kind != "cpu" else []


def room_for(costs: Costs, memory: Memory, checkpointing: str) -> Room:
    plain, checkpointed = (
        largest_that_fits(cost, memory.free + memory.own) for cost in (costs.plain, costs.checkpointed)
    )
    return Room(plain, checkpointed, checkpointing, memory.kind)


@dataclass(frozen=True)
class Costs:
    """Without gradient checkpointing and with it. `with_data`: with the training data on a GPU too, for sizes that fit
    so; None where it is counted already, or stays in main memory."""

    plain: Cost
    checkpointed: Cost
    with_data: Costs | None = None
    available: int = 0

    def chosen(self, *, checkpointing: bool) -> Cost:
        return self.checkpointed if checkpointing else self.plain

    def of(self, size: int, *, checkpointing: bool) -> Cost:
        """For a batch of this size."""
        if self.with_data is not None:
            cost = self.with_data.chosen(checkpointing=checkpointing)
            if size <= largest_that_fits(cost, self.available):
                return cost
        return self.chosen(checkpointing=checkpointing)


def _costs(
    preset: str,
    precision: str,
    memory: Memory,
    minutes: float | None,
    measurements: dict[bool, Measure | None],
    data_on_gpu: str,
) -> Costs:
    """On the device of `memory`. `measurements`: with gradient checkpointing (True) or without."""
    where = preset, precision, memory.device, memory.name
    plain, checkpointed = (cost_of(*where, measurements.get(on), minutes, checkpointing=on) for on in (False, True))
    costs, frames = Costs(plain, checkpointed), round((minutes or 0) * 6000)
    if memory.kind == "cpu" or data_on_gpu == "off" or not frames:
        return costs
    with_data = [with_data_on_gpu(cost, PRESETS[preset], frames) for cost in (plain, checkpointed)]
    held = Costs(with_data[0], with_data[1])
    if data_on_gpu == "on":
        return held
    available = memory.free + memory.own
    share = (held.plain.fixed - plain.fixed) / max(1, available - plain.fixed)
    return Costs(plain, checkpointed, held, available) if share <= GPU_DATA_SHARE else costs


def batch_rows(costs: Costs, largest: int, recommended: int, *, checkpointing: bool) -> list[dict[str, Any]]:
    """Powers of two up to the largest (at most 64), the recommended and the measured ones. `checkpointing`:
    memory_bytes are with it."""
    cost = costs.chosen(checkpointing=checkpointing)
    sizes = {
        recommended,
        *(row.batch_size for row in cost.rows),
        *(n for n in (1, 2, 4, 8, 16, 32, 64) if n <= largest),
    }
    rows = []
    for size in sorted(sizes):
        cost = costs.of(size, checkpointing=checkpointing)
        known = {row.batch_size: row for row in cost.rows}
        speed = known[size].samples_per_s if size in known else cost.speed(size)
        memory = known[size].memory_bytes if size in known else cost.memory(size)
        rows.append(
            {
                "batch_size": size,
                "memory_bytes": memory,
                "checkpointed_bytes": costs.of(size, checkpointing=True).memory(size),
                "samples_per_s": None if speed is None else round(speed, 3),
            }
        )
    return rows


def advise(
    preset: str,
    experiment: Experiment | None,
    *,
    precision: str = "auto",
    device: str = "auto",
    several: str = "",
    measurement: Measure | None = None,
    gpus: GpuState | None = None,
    checkpointing: str = "auto",
    data_on_gpu: str = "auto",
) -> dict[str, Any]:
    """The `rvc advise --json` record; `devices` is in it where there are several. Raises BadInput for an unknown preset
    or device. Never raises because a measurement failed. `several`: train.gpus, goes before `device`; the smallest
    decides, for each of them has a batch of this size. `measurement`: measures now. `gpus`: what the driver reports,
    where that is known already. `checkpointing`: train.checkpointing; what is measured is measured with it where it is
    on. `data_on_gpu`: train.data_on_gpu."""
    if preset not in PRESETS:
        raise BadInput("settings.no_preset", preset=preset, choices=PUBLIC_PRESETS)
    own = run_processes(experiment)
    devices = (memories_now(several, own, gpus) if several else []) or [memory_now(device, own, gpus)]
    memory = min(devices, key=lambda found: found.free + found.own)
    if precision == "fp16" and memory.kind == "cpu":
        raise BadInput("machine.fp16_does_not_train_on_cpu")
    precision, minutes = memory.precision if precision == "auto" else precision, minutes_of(experiment)
    usual = checkpointing == "on"
    costs = _costs(preset, precision, memory, minutes, {usual: measurement}, data_on_gpu)
    cost, room = costs.chosen(checkpointing=usual), room_for(costs, memory, checkpointing)
    recommended, reasons = recommend(preset, memory.kind, minutes, room.usable)
    reasons += room.reasons(recommended)
    if len(devices) > 1:
        reasons.append(Message("machine.smallest_decides", count=len(devices), device=memory.device))
    reasons += [Message("machine.left_free", share=MARGIN), _about_source(cost), *cost.notes, *memory.notes]
    reasons += [Message("machine.others_not_reported")] if memory.others is None else []
    return {
        **memory.record(),
        "preset": preset,
        "precision": precision,
        "minutes": minutes,
        "source": cost.source,
        "batch": batch_rows(costs, room.usual, recommended, checkpointing=usual),
        "largest": room.usual,
        "checkpointing": checkpointing,
        "largest_checkpointed": room.checkpointed,
        "recommended": recommended,
        "reasons": reasons,
        "error_percent": cost.error_percent,
        **({"devices": [device.record() for device in devices]} if len(devices) > 1 else {}),
    }


def advise_experiment(
    experiment: Experiment,
    settings: ExperimentSettings,
    *,
    preset: str = "",
    precision: str = "",
    device: str = "",
    measurement: Measure | None = None,
    gpus: GpuState | None = None,
) -> dict[str, Any]:
    """For what an experiment's settings say; what is given goes before them. Raises as `advise` does."""
    return advise(
        preset or settings.preset,
        experiment,
        measurement=measurement,
        precision=precision or settings.train.precision,
        device=device or settings.train.device,
        several="" if device else settings.train.gpus,
        checkpointing=settings.train.checkpointing,
        data_on_gpu=settings.train.data_on_gpu,
        gpus=gpus,
    )


def _about_source(cost: Cost) -> Message:
    if cost.source == "table":
        return Message("machine.estimated")
    code = "machine.measured_now" if cost.source == "measured" else "machine.measured_before"
    return Message(code, sizes=[row.batch_size for row in cost.rows])
