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

from rvc_engine.dataset.contents import nothing_in_common, why_gone
from rvc_engine.errors import BadInput
from rvc_engine.experiment import Experiment
from rvc_engine.messages import NOTHING, Message, verbatim
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


PARTS = {"upstream": "run.its_input", "model": "run.model_shape"}
"""Parts of an identity that are not single values, in words."""


def differences(old: dict[str, Any], new: dict[str, Any]) -> list[Message]:
    """What changed, for people: 'clip_s 4.0 -> 3.7'."""
    return [
        _difference(key, old.get(key), new.get(key)) for key in sorted({*old, *new}) if old.get(key) != new.get(key)
    ]


def _difference(key: str, old: Any, new: Any) -> Message:
    if not isinstance(old, dict | list) and not isinstance(new, dict | list):
        return verbatim(f"{key} {old} -> {new}")
    return Message(PARTS[key]) if key in PARTS else verbatim(key)


@dataclass(frozen=True)
class Verdict:
    """`action`: skip, start, resume, or replace (old work is moved to a backup first); in a plan also after."""

    action: str
    reason: Message


def verdict(stage: Stage, experiment: Experiment, settings: ExperimentSettings, wanted: Receipt) -> Verdict:
    """Is the stage up to date? Reads receipts and file sizes only. Raises BadInput when it must be done again without
    its recordings."""
    old = Receipt.load(receipt_path(experiment, stage.name))
    if old is None and (there := stage.existing_work(experiment)):
        return Verdict("resume", there)
    if old is None:
        standing = stage.standing(experiment, settings)
        leftovers = any(p.exists() for p in stage.outputs(experiment, settings) if p not in standing)
        if leftovers:
            return Verdict("replace", Message("run.no_receipt"))
        return Verdict("start", Message("run.not_done_yet"))
    before = stage.comparable(settings, old.identity, wanted.identity)
    changed = NOTHING
    if before != wanted.identity:
        changed = Message("run.changed", settings=differences(before, wanted.identity))
    if stage.reads_recordings and not wanted.inputs:
        return _without_recordings(stage, settings, changed)
    if changed:
        return Verdict("replace", changed)
    if not old.complete:
        return Verdict("resume", Message("run.unfinished"))
    if old.inputs != wanted.inputs and not stage.read_the_same(settings, old.inputs):
        return Verdict("resume", Message("run.input_changed"))
    if any(
        "auto" in (asked, old.extent.get(key)) or asked > old.extent.get(key, 0) for key, asked in wanted.extent.items()
    ):
        return Verdict("resume", Message("run.extended", settings=differences(old.extent, wanted.extent)))
    if outputs_digest(stage, experiment, settings) != old.outputs:
        return Verdict("resume", Message("run.outputs_changed"))
    return Verdict("skip", Message("run.up_to_date"))


def _without_recordings(stage: Stage, settings: ExperimentSettings, changed: Message) -> Verdict:
    why = why_gone(settings)
    if changed:
        raise BadInput("run.needs_recordings", why, stage=stage.name, changed=changed)
    return Verdict("skip", Message("run.recordings_missing", why=why))


def restarts_training(experiment: Experiment, rows: Sequence[tuple[Stage, Verdict]]) -> Message:
    """Why a run with these verdicts would restart an existing training; empty when it would not."""
    for stage, decided in rows:
        if decided.action == "replace" and stage.has_begun_training(experiment):
            return decided.reason
    return NOTHING


def why_to_ask(
    experiment: Experiment, settings: ExperimentSettings, rows: Sequence[tuple[Stage, Verdict]]
) -> BadInput | None:
    """What a run with these verdicts would do to a training that the user may not expect; None if nothing."""
    if why := restarts_training(experiment, rows):
        return BadInput("run.would_restart", why, name=experiment.name)
    resumes = any(stage.needs and stage.has_begun_training(experiment) for stage, _ in rows)
    if resumes and nothing_in_common(experiment, settings):
        return BadInput("run.other_recordings", name=experiment.name, folder=settings.dataset)
    return None


def plan(experiment: Experiment, settings: ExperimentSettings, stages: Sequence[Stage]) -> list[tuple[Stage, Verdict]]:
    """What a run would do now. A stage that needs one that will run has the verdict 'after': it is decided later."""
    rows: list[tuple[Stage, Verdict]] = []
    stale: set[str] = set()
    for stage in stages:
        waits = stale & set(stage.needs_of(settings))
        decided = verdict(stage, experiment, settings, wanted_receipt(stage, experiment, settings))
        if waits and not (decided.action == "replace" and stage.is_training):
            decided = Verdict("after", Message("run.after", stages=sorted(waits)))
        if decided.action != "skip":
            stale.add(stage.name)
        rows.append((stage, decided))
    return rows
