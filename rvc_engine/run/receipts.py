"""Decides whether a stage is up to date.

A stage writes a receipt as its last file: identity (settings that change its result), inputs (what it read) and extent
(settings that only ask for more). All equal and the outputs still there: skipped. Same identity: it resumes from its
outputs, also when the recordings changed. Another identity: the old work is moved to a backup.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rvc_engine.dataset.contents import (
    nothing_in_common,
    why_gone,
)
from rvc_engine.errors import BadInput
from rvc_engine.experiment import Experiment
from rvc_engine.messages import Message
from rvc_engine.stages.receipt import Receipt, fingerprint, receipt_path
from rvc_engine.stages.stage import Stage

if TYPE_CHECKING:
    from rvc_engine.settings import ExperimentSettings


def identity_of(stage: Stage, experiment: Experiment, settings: ExperimentSettings) -> dict[str, Any]:
    """In the form that a loaded receipt has."""
    identity: dict[str, Any] = json.loads(json.dumps(stage.identity(experiment, settings), default=str))
    return identity


def wanted_receipt(stage: Stage, experiment: Experiment, settings: ExperimentSettings) -> Receipt:
    """`inputs` is empty when the stage was finished once and its recordings are missing now. Raises BadInput when they
    are needed."""
    section = stage.settings(settings)
    old = Receipt.load(receipt_path(experiment, stage.name))
    gone = stage.reads_recordings and old is not None and old.complete and why_gone(settings)
    return Receipt(
        stage=stage.name,
        identity={**old.identity, **stage.own_identity(settings)}
        if gone and old
        else identity_of(stage, experiment, settings),
        inputs="" if gone else fingerprint(stage.inputs(experiment, settings)),
        extent=section.of_kind("extent"),
        course=section.of_kind("course"),
    )


def outputs_digest(stage: Stage, experiment: Experiment, settings: ExperimentSettings) -> str:
    """A digest of the names and sizes of a stage's outputs, without events and auditions, which may be deleted."""
    seen = []
    for path in stage.outputs(experiment, settings):
        if path == experiment.auditions:
            continue
        files = sorted(path.rglob("*")) if path.is_dir() else [path]
        for file in files:
            if file.is_file() and "tfevents" not in file.name and not file.name.startswith("."):
                seen.append([os.path.relpath(file, experiment.folder), file.stat().st_size])
    return fingerprint(sorted(seen))


def differences(old: dict[str, Any], new: dict[str, Any]) -> str:
    """What changed, for people: 'clip_s 4.0 -> 3.7'."""
    words = []
    for key in sorted({*old, *new}):
        if old.get(key) != new.get(key):
            plain = not isinstance(old.get(key), dict | list) and not isinstance(new.get(key), dict | list)
            words.append(
                f"{key} {old.get(key)} -> {new.get(key)}"
                if plain
                else {"upstream": Message("run.input"), "model": Message("run.model_shape")}.get(key, key)
            )
    return ", ".join(words)


@dataclass(frozen=True)
class Verdict:
    """`action`: skip, start, resume, or replace (old work is moved to a backup first); in a plan also after."""

    action: str
    reason: str


def verdict(stage: Stage, experiment: Experiment, settings: ExperimentSettings, wanted: Receipt) -> Verdict:
    """Is the stage up to date? Reads receipts and file sizes only. Raises BadInput when it must be done again without
    its recordings."""
    old = Receipt.load(receipt_path(experiment, stage.name))
    if old is None and (there := stage.existing_work(experiment)):
        return Verdict("resume", there)
    if old is None:
        standing = stage.standing(experiment, settings)
        leftovers = any(p.exists() for p in stage.outputs(experiment, settings) if p not in standing)
        return (
            Verdict("replace", Message("run.files_without_receipt_place"))
            if leftovers
            else Verdict("start", Message("run.not_done_yet"))
        )
    before = stage.comparable(settings, old.identity, wanted.identity)
    changed = f"changed: {differences(before, wanted.identity)}" if before != wanted.identity else ""
    if stage.reads_recordings and not wanted.inputs:
        return _without_recordings(stage, settings, changed)
    if changed:
        return Verdict("replace", changed)
    if not old.complete:
        return Verdict("resume", Message("run.not_finished"))
    if old.inputs != wanted.inputs and not stage.read_the_same(settings, old.inputs):
        return Verdict("resume", Message("run.input_changed"))
    if any(
        "auto" in (asked, old.extent.get(key)) or asked > old.extent.get(key, 0) for key, asked in wanted.extent.items()
    ):
        return Verdict("resume", Message("run.more_asked", differences=differences(old.extent, wanted.extent)))
    if outputs_digest(stage, experiment, settings) != old.outputs:
        return Verdict("resume", Message("run.some_files_missing_changed"))
    return Verdict("skip", Message("run.up_date"))


def _without_recordings(stage: Stage, settings: ExperimentSettings, changed: str) -> Verdict:
    why = why_gone(settings)
    if changed:
        hint = Message("run.bring_recordings_back_undo_change", changed=changed)
        raise BadInput("run.must_be_done_again_recordings", why, hint, stage=stage.name)
    return Verdict("skip", Message("run.recordings_not_what_made_them", why=why))


def restarts_training(experiment: Experiment, rows: Sequence[tuple[Stage, Verdict]]) -> str:
    """Why a run with these verdicts would restart an existing training; "" when it would not."""
    return next(
        (
            decided.reason
            for stage, decided in rows
            if decided.action == "replace" and stage.has_begun_training(experiment)
        ),
        "",
    )


def why_to_ask(
    experiment: Experiment, settings: ExperimentSettings, rows: Sequence[tuple[Stage, Verdict]]
) -> BadInput | None:
    """What a run with these verdicts would do to a training that the user may not expect; None if nothing."""
    if why := restarts_training(experiment, rows):
        hint = Message("run.undo_change_use_another_name")
        return BadInput("run.would_restart_training_step_0", why, hint, name=experiment.name)
    resumes = any(stage.needs and stage.has_begun_training(experiment) for stage, _ in rows)
    if resumes and nothing_in_common(experiment, settings):
        why = Message("run.none_recordings_made", dataset=settings.dataset)
        hint = Message("run.use_another_name_another_speaker")
        return BadInput("run.would_train_other_recordings", why, hint, name=experiment.name)
    return None


def plan(experiment: Experiment, settings: ExperimentSettings, stages: Sequence[Stage]) -> list[tuple[Stage, Verdict]]:
    """What a run would do now. A stage that needs one that will run has the verdict 'after': it is decided later."""
    rows: list[tuple[Stage, Verdict]] = []
    stale: set[str] = set()
    for stage in stages:
        waits = stale & set(stage.needs_of(settings))
        decided = verdict(stage, experiment, settings, wanted_receipt(stage, experiment, settings))
        if waits and not (decided.action == "replace" and stage.is_training):
            decided = Verdict("after", f"after {', '.join(sorted(waits))}")
        if decided.action != "skip":
            stale.add(stage.name)
        rows.append((stage, decided))
    return rows
