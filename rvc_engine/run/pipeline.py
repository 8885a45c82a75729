"""Runs one stage, and all stages in order."""

from __future__ import annotations

import filecmp
import glob
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rvc_engine.common.waiting import Waiting
from rvc_engine.dataset.contents import keep_times
from rvc_engine.disk import DiskFull, facts_of, free_bytes, is_full, move, move_to_backup
from rvc_engine.errors import RvcError
from rvc_engine.events import (
    Event,
    MovedAside,
    Progressed,
    RunFinished,
    StageFinished,
    StageSkipped,
    StageStarted,
    Warned,
)
from rvc_engine.experiment import Experiment
from rvc_engine.machine.malloc import give_back_freed_memory
from rvc_engine.machine.torch_build import unused_gpu
from rvc_engine.messages import Message, message_of
from rvc_engine.messages.message import cause_of, fix_of
from rvc_engine.run.receipts import outputs_digest, verdict, wanted_receipt
from rvc_engine.stages.receipt import Receipt, receipt_path
from rvc_engine.stages.stage import Stage

if TYPE_CHECKING:
    from rvc_engine.settings import ExperimentSettings

CHANGED = "changed"
"""In place of a fingerprint of inputs: none is equal to it."""
_reported: set[str] = set()  # GPUs that are there and not used, of which this process has warned
ROOM_BYTES = 16 << 20  # a stage that met a full disk tries again when this much is free


def back_up_stage(stage: Stage, experiment: Experiment, settings: ExperimentSettings) -> Path | None:
    """Move a stage's outputs and receipt to a folder in aside/, which is returned; None if there was nothing. A
    finished voice and its index are copied there, and stay in use until the new ones are complete."""
    standing = stage.standing(experiment, settings)
    present = [p for p in stage.outputs(experiment, settings) if p.exists() and p not in standing]
    inside = [p for p in present if p.is_relative_to(experiment.folder)]
    target = move_to_backup(
        [*inside, receipt_path(experiment, stage.name)], experiment.folder, stage.name, copied=standing
    )
    for path in present:
        if not path.is_relative_to(experiment.folder):
            goal = (target or experiment.path("aside")) / path.parent.name / path.name
            goal.parent.mkdir(parents=True, exist_ok=True)
            move(path, goal)
    return target


def remove_replaced(stage: Stage, experiment: Experiment, settings: ExperimentSettings) -> None:
    """Remove outputs that stayed in use while the stage ran, if they are replaced now and a backup has them."""
    standing = stage.standing(experiment, settings)
    for path in stage.outputs(experiment, settings):
        if path in standing or path.is_relative_to(experiment.folder) or not path.is_file():
            continue
        copies = experiment.folder.glob(f"aside/*/{glob.escape(path.parent.name)}/{glob.escape(path.name)}")
        if any(filecmp.cmp(path, copy, shallow=False) for copy in copies):
            path.unlink()


def run_stage(stage: Stage, experiment: Experiment, settings: ExperimentSettings) -> Iterator[Event]:
    """Run one stage if it is not up to date. Closing the generator stops it; the next run resumes from its outputs."""
    wanted = wanted_receipt(stage, experiment, settings)
    decided = verdict(stage, experiment, settings, wanted)
    if decided.action == "skip":
        if stage.reads_recordings and wanted.inputs:
            keep_times(experiment, settings)
        yield StageSkipped(stage=stage.name, reason=decided.reason)
        return
    if decided.action == "replace":
        target = back_up_stage(stage, experiment, settings)
        if target:
            yield MovedAside(stage=stage.name, path=str(target), reason=decided.reason)
    started = time.monotonic()
    yield from _receipt(stage, experiment, settings, wanted)
    yield StageStarted(stage=stage.name, reason=decided.reason)
    yield from _unused_gpu(stage, settings)
    if stage.waits_for_room:
        yield from stage.run(experiment, settings)
    else:
        yield from _with_room(stage, experiment, settings, lambda: stage.run(experiment, settings))
    give_back_freed_memory()
    artefacts = stage.artefacts(experiment, settings)
    remove_replaced(stage, experiment, settings)
    wanted.inputs = stage.inputs_read(experiment, wanted)
    if not stage.used_all_inputs(experiment, settings):
        wanted.inputs = CHANGED
    wanted.extent = stage.settings(settings).of_kind("extent")  # with values that the stage has resolved
    wanted.complete, wanted.seconds, wanted.finished_at = True, time.monotonic() - started, time.time()
    wanted.outputs = outputs_digest(stage, experiment, settings)
    wanted.artefacts = [str(p) for p in artefacts]
    yield from _receipt(stage, experiment, settings, wanted)
    yield StageFinished(stage=stage.name, seconds=wanted.seconds)


def _unused_gpu(stage: Stage, settings: ExperimentSettings) -> Iterator[Event]:
    """Once in a run: the CPU is used although there is a GPU."""
    if getattr(stage.settings(settings), "device", "") != "auto":
        return
    unused = unused_gpu()
    if unused and unused not in _reported:
        _reported.add(unused)
        yield Warned(title=unused, message=cause_of(unused), hint=fix_of(unused), stage=stage.name)


def _with_room(
    stage: Stage, experiment: Experiment, settings: ExperimentSettings, work: Callable[[], Iterator[Event]]
) -> Iterator[Event]:
    """The events of `work`. When the disk is full, waits for free space; then calls `work` again, which resumes from
    its outputs.

    Raises DiskFull after settings.train.disk_wait_s without another finished item.
    """
    full_since, reached = 0.0, -1
    while True:
        try:
            for event in work():
                if isinstance(event, Progressed) and event.done > reached:
                    full_since, reached = 0.0, event.done
                yield event
            return
        except (RvcError, OSError, RuntimeError) as error:
            if not is_full(error):
                raise
            full_since = full_since or time.monotonic()
            folder = stage.disk_of(experiment, settings)
            why = error.line if isinstance(error, RvcError) else message_of(error)
            yield from _wait_for_room(stage, folder, full_since + settings.train.disk_wait_s, why)


def _receipt(stage: Stage, experiment: Experiment, settings: ExperimentSettings, receipt: Receipt) -> Iterator[Event]:
    """Save the receipt."""

    def save() -> Iterator[Event]:
        receipt.save(receipt_path(experiment, stage.name))
        return iter(())

    return _with_room(stage, experiment, settings, save)


def _wait_for_room(stage: Stage, folder: Path, deadline: float, why: Message) -> Iterator[Event]:
    """Waits once at least, since free_bytes does not know of quotas. The events let the caller stop it."""
    waiting = Waiting(stage.name, Message("run.disk_is_full"), ROOM_BYTES)
    while True:
        if time.monotonic() > deadline:
            raise DiskFull("run.disk_stayed_full", why, seconds=waiting.seconds, stage=stage.name)
        yield from waiting.pause(free_bytes(folder))
        if free_bytes(folder) >= ROOM_BYTES:
            break
    yield from waiting.ended()


def run_pipeline(
    experiment: Experiment, settings: ExperimentSettings, stages: Sequence[Stage]
) -> Generator[Event, None, None]:
    """Every stage in order, then RunFinished with the artefacts, each loaded and hashed. Raises RvcError when a stage
    fails."""
    started = time.monotonic()
    for stage in stages:
        yield from run_stage(stage, experiment, settings)
    artefacts = []
    for stage in stages:
        for path in stage.artefacts(experiment, settings):
            if not path.is_file() or not path.stat().st_size:
                raise RvcError("run.missing_after", path=path, stage=stage.name)
            artefacts.append({"path": str(path), **facts_of(path)})
            yield Progressed(
                stage=stage.name, done=len(artefacts), total=len(artefacts), unit="artefacts", item=str(path)
            )
    yield RunFinished(seconds=time.monotonic() - started, artefacts=artefacts)
