"""What makes a stage up to date.

A stage leaves a receipt, written last: identity (what changes its result), inputs (what it read) and extent (settings
that only ask for more). All equal and the outputs still there: skipped. Same identity: it resumes from what is there,
also where the recordings changed. Another identity: the old work is moved to a backup.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rvc_engine.common.records import build, read_json
from rvc_engine.common.user import expanded
from rvc_engine.dataset.contents import (
    as_before_hashes,
    nothing_in_common,
    recordings,
    recordings_read,
    sizes_before_hashes,
    why_gone,
)
from rvc_engine.dataset.files import dataset_files
from rvc_engine.disk import sha256_of, write_whole
from rvc_engine.errors import BadInput
from rvc_engine.experiment import Experiment
from rvc_engine.run.stage_list import Stage, has_stage, needs_of

if TYPE_CHECKING:
    from rvc_engine.settings import ExperimentSettings


@dataclass
class Receipt:
    stage: str
    identity: dict[str, Any]
    inputs: str
    extent: dict[str, Any]
    course: dict[str, Any]
    complete: bool = False
    outputs: str = ""
    seconds: float = 0.0
    finished_at: float = 0.0
    artefacts: list[str] = field(default_factory=list)

    @classmethod
    def load(cls, path: Path) -> Receipt | None:
        """None when there is none, or none that can be read: the stage then looks at what is there."""
        try:
            receipt = build(cls, read_json(path))
        except (OSError, ValueError, TypeError):
            return None
        return (
            receipt
            if all(value == "auto" or type(value) in (int, float) for value in receipt.extent.values())
            else None
        )

    def save(self, path: Path) -> None:
        write_whole(path, json.dumps(asdict(self), indent=1))

    @property
    def digest(self) -> str:
        return fingerprint([self.identity, self.inputs, self.outputs])


def fingerprint(value: Any) -> str:
    return hashlib.sha256(
        json.dumps(value, sort_keys=True, default=str).encode("utf-8", "surrogateescape")
    ).hexdigest()[:32]


def receipt_path(experiment: Experiment, stage: str) -> Path:
    return experiment.receipts / f"{stage}.json"


def is_complete(experiment: Experiment, stage: str) -> bool:
    """It has ended well once; whether it is up to date is for `verdict`."""
    receipt = Receipt.load(receipt_path(experiment, stage))
    return receipt is not None and receipt.complete


def inputs_of(stage: Stage, experiment: Experiment, settings: ExperimentSettings) -> Any:
    if stage.name == "preprocess":
        return recordings(experiment, settings)
    if stage.name == "encoder":
        return _encoder_inputs(experiment, settings)
    upstream = needs_of(stage, settings)
    return {n: r.digest if (r := Receipt.load(receipt_path(experiment, n))) else None for n in upstream}


def _encoder_inputs(experiment: Experiment, settings: ExperimentSettings) -> Any:
    """A fingerprint of the recordings and their transcripts, or of the file that is taken."""
    if settings.encoder.source != "train":
        file = expanded(settings.encoder.source)
        return {"file": sha256_of(file) if file.is_file() else ""}
    texts = [[str(path), sha256_of(path)] for path in dataset_files(settings, texts=True)]
    return {"recordings": fingerprint([*recordings(experiment, settings), *texts])}


def inputs_read(stage: Stage, experiment: Experiment, wanted: Receipt) -> str:
    """What a stage that has ended read, where it was not all known before."""
    return fingerprint(recordings_read(experiment)) if stage.name == "preprocess" else wanted.inputs


def identity_of(stage: Stage, experiment: Experiment, settings: ExperimentSettings) -> dict[str, Any]:
    model = settings.model
    identity: dict[str, Any] = dict(stage.settings(settings).of_kind("result"))
    if stage.name == "preprocess":
        identity["sample_rate"] = model.sample_rate
    if stage.name in ("features", "index"):
        identity["encoder"] = model.encoder
    if stage.name == "features" and has_stage("encoder", settings):
        identity["encoder_sha256"] = sha256_of(experiment.own_encoder) if experiment.own_encoder.is_file() else ""
    if stage.name == "index":
        identity["version"] = model.version
    if stage.name == "train":
        identity["model"] = asdict(model)
    if stage.name == "train":
        identity |= _meaning_of_inputs(experiment, settings)
    elif stage.name == "encoder":
        identity["upstream"] = inputs_of(stage, experiment, settings)
    else:
        upstream = [Receipt.load(receipt_path(experiment, n)) for n in stage.needs]
        identity["upstream"] = [fingerprint(r.identity) if r else None for r in upstream]
    return json.loads(json.dumps(identity, default=str))  # type: ignore[no-any-return]


def _meaning_of_inputs(experiment: Experiment, settings: ExperimentSettings) -> dict[str, Any]:
    """What a training cannot resume across: features of another encoder, pitch that was filled in another way. Other
    clips it can."""
    meaning: dict[str, Any] = {"encoder": settings.model.encoder}
    if has_stage("encoder", settings):
        meaning["encoder_sha256"] = sha256_of(experiment.own_encoder) if experiment.own_encoder.is_file() else ""
    if settings.pitched:
        meaning["unvoiced"] = settings.pitch.unvoiced
    return meaning


def wanted_receipt(stage: Stage, experiment: Experiment, settings: ExperimentSettings) -> Receipt:
    """`inputs` is empty when the recordings are gone that the stage was finished with once. Raises BadInput when they
    are needed."""
    section = stage.settings(settings)
    old = Receipt.load(receipt_path(experiment, stage.name))
    gone = stage.reads_recordings and old is not None and old.complete and why_gone(settings)
    return Receipt(
        stage=stage.name,
        identity={**old.identity, **_own_identity(stage, settings)}
        if gone and old
        else identity_of(stage, experiment, settings),
        inputs="" if gone else fingerprint(inputs_of(stage, experiment, settings)),
        extent=section.of_kind("extent"),
        course=section.of_kind("course"),
    )


def _own_identity(stage: Stage, settings: ExperimentSettings) -> dict[str, Any]:
    own: dict[str, Any] = json.loads(json.dumps(stage.settings(settings).of_kind("result"), default=str))
    return own


def outputs_digest(stage: Stage, experiment: Experiment, settings: ExperimentSettings) -> str:
    """Over the names and sizes of what the stage left; events and auditions, which may go without harm, are left
    out."""
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
                else {"upstream": "its input", "model": "the model's shape"}.get(key, key)
            )
    return ", ".join(words)


@dataclass(frozen=True)
class Verdict:
    """`action`: skip, start, go_on or replace (old work moved aside first)."""

    action: str
    reason: str


def verdict(stage: Stage, experiment: Experiment, settings: ExperimentSettings, wanted: Receipt) -> Verdict:
    """Is the stage up to date? Reads receipts and file sizes only. Raises BadInput when it must be done again without
    its recordings."""
    old = Receipt.load(receipt_path(experiment, stage.name))
    if old is None and stage.name == "train" and has_pair(experiment):
        return Verdict("go_on", "checkpoints of another program are here")
    if old is None:
        standing = stage.standing(experiment, settings)
        leftovers = any(p.exists() for p in stage.outputs(experiment, settings) if p not in standing)
        return (
            Verdict("replace", "files without a receipt are in its place")
            if leftovers
            else Verdict("start", "not done yet")
        )
    before = _comparable(stage, settings, old.identity, wanted.identity)
    changed = f"changed: {differences(before, wanted.identity)}" if before != wanted.identity else ""
    if stage.reads_recordings and not wanted.inputs:
        return _without_recordings(stage, settings, changed)
    if changed:
        return Verdict("replace", changed)
    if not old.complete:
        return Verdict("go_on", "was not finished")
    if old.inputs != wanted.inputs and not (
        stage.name == "preprocess" and old.inputs == fingerprint(as_before_hashes(settings))
    ):
        return Verdict("go_on", "its input changed")
    if any(
        "auto" in (asked, old.extent.get(key)) or asked > old.extent.get(key, 0) for key, asked in wanted.extent.items()
    ):
        return Verdict("go_on", f"more is asked for: {differences(old.extent, wanted.extent)}")
    if outputs_digest(stage, experiment, settings) != old.outputs:
        return Verdict("go_on", "some of its files are missing or changed")
    return Verdict("skip", "up to date")


def _without_recordings(stage: Stage, settings: ExperimentSettings, changed: str) -> Verdict:
    why = why_gone(settings)
    if changed:
        hint = f"bring the recordings back, or undo the change ({changed})"
        raise BadInput(f"{stage.name} must be done again, and the recordings are not there", why, hint)
    return Verdict("skip", f"the recordings are not there ({why}): what was made of them is used")


def _comparable(
    stage: Stage, settings: ExperimentSettings, old: dict[str, Any], wanted: dict[str, Any]
) -> dict[str, Any]:
    """Earlier versions counted what a stage had read, file by file, as its identity: that decides nothing any more, but
    for the recordings of a content encoder, which they knew by name and size."""
    upstream = old.get("upstream")
    if not isinstance(upstream, dict) or (stage.name == "encoder" and "file" in upstream):
        return old
    if stage.name == "encoder":
        same = why_gone(settings) or upstream.get("recordings") == fingerprint(sizes_before_hashes(settings))
        return {**old, "upstream": wanted.get("upstream")} if same else old
    return {**wanted, **{key: value for key, value in old.items() if key != "upstream"}}


def restarts_training(experiment: Experiment, rows: Sequence[tuple[Stage, Verdict]]) -> str:
    """Why a run with these verdicts would begin a training anew that has begun; "" when it would not."""
    begun = {"train": has_training(experiment), "encoder": experiment.own_encoder.is_file()}
    return next(
        (decided.reason for stage, decided in rows if begun.get(stage.name) and decided.action == "replace"), ""
    )


def why_to_ask(
    experiment: Experiment, settings: ExperimentSettings, rows: Sequence[tuple[Stage, Verdict]]
) -> BadInput | None:
    """What a run with these verdicts would do to a training that its user may not expect; None where there is
    nothing."""
    if why := restarts_training(experiment, rows):
        hint = (
            "undo the change, use another name, or --yes: the old work moves to a backup, its voice stays until "
            "the new one is whole"
        )
        return BadInput(f"This would restart the training of {experiment.name} from step 0", why, hint)
    trains = any(stage.name == "train" for stage, _ in rows)
    if trains and has_training(experiment) and nothing_in_common(experiment, settings):
        why = f"none of the recordings that it was made of is in {settings.dataset}"
        hint = (
            "use another name for another speaker; --yes resumes the training on these recordings, --fresh begins anew"
        )
        return BadInput(f"This would train {experiment.name} on other recordings", why, hint)
    return None


def has_training(experiment: Experiment) -> bool:
    """Has a training begun that can be resumed?"""
    return has_pair(experiment) or experiment.resume_state.is_file() or experiment.resume_previous.is_file()


def has_pair(experiment: Experiment) -> bool:
    """Is there a G_ with its D_, as RVC programs leave them?"""
    return any(path.with_name("D" + path.name[1:]).is_file() for path in experiment.folder.glob("G_[0-9]*.pth"))


def plan(experiment: Experiment, settings: ExperimentSettings, stages: Sequence[Stage]) -> list[tuple[Stage, Verdict]]:
    """What a run would do now. A stage after one that will run cannot be judged yet: its verdict is 'after'."""
    rows: list[tuple[Stage, Verdict]] = []
    stale: set[str] = set()
    for stage in stages:
        waits = stale & set(needs_of(stage, settings))
        decided = verdict(stage, experiment, settings, wanted_receipt(stage, experiment, settings))
        if waits and not (stage.name == "train" and decided.action == "replace"):
            decided = Verdict("after", f"after {', '.join(sorted(waits))}")
        if decided.action != "skip":
            stale.add(stage.name)
        rows.append((stage, decided))
    return rows
