"""What makes a stage up to date.

A stage leaves a receipt, written last: identity (what changes its result), inputs (what it read) and extent (settings that only ask
for more). All equal and the outputs still there: skipped. Same identity: it goes on from what is there. Another identity: the old
work is moved aside.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rvc_engine.dataset.files import dataset_files, source_name
from rvc_engine.disk import sha256_of, write_whole
from rvc_engine.experiment import Experiment
from rvc_engine.records import build, read_json
from rvc_engine.stage_list import Stage, has_stage, needs_of

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
        return receipt if all(value == "auto" or type(value) in (int, float) for value in receipt.extent.values()) else None

    def save(self, path: Path) -> None:
        write_whole(path, json.dumps(asdict(self), indent=1))

    @property
    def digest(self) -> str:
        return fingerprint([self.identity, self.inputs, self.outputs])


def fingerprint(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode("utf-8", "surrogateescape")).hexdigest()[:32]


def receipt_path(experiment: Experiment, stage: str) -> Path:
    return experiment.receipts / f"{stage}.json"


def is_complete(experiment: Experiment, stage: str) -> bool:
    """It has ended well once; whether it is up to date is for `verdict`."""
    receipt = Receipt.load(receipt_path(experiment, stage))
    return receipt is not None and receipt.complete


def inputs_of(stage: Stage, experiment: Experiment, settings: ExperimentSettings) -> Any:
    if stage.name == "preprocess":
        stats = [(source_name(p, settings), p.stat(), os.access(p, os.R_OK)) for p in dataset_files(settings)]
        return [[name, s.st_size, s.st_mtime_ns, readable] for name, s, readable in stats]
    if stage.name == "encoder":
        return _encoder_inputs(settings)
    upstream = needs_of(stage, settings)
    return {n: r.digest if (r := Receipt.load(receipt_path(experiment, n))) else None for n in upstream}


def _encoder_inputs(settings: ExperimentSettings) -> Any:
    """A fingerprint of the recordings and their transcripts, or of the file that is taken."""
    if settings.encoder.source != "train":
        file = Path(settings.encoder.source).expanduser()
        return {"file": sha256_of(file) if file.is_file() else ""}
    files = [*dataset_files(settings), *dataset_files(settings, texts=True)]
    return {"recordings": fingerprint([[source_name(path, settings), path.stat().st_size] for path in files])}


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
    if stage.incremental:
        upstream = [Receipt.load(receipt_path(experiment, n)) for n in stage.needs]
        identity["upstream"] = [fingerprint(r.identity) if r else None for r in upstream]
    else:
        identity["upstream"] = inputs_of(stage, experiment, settings)
    return json.loads(json.dumps(identity, default=str))  # type: ignore[no-any-return]


def wanted_receipt(stage: Stage, experiment: Experiment, settings: ExperimentSettings) -> Receipt:
    section = stage.settings(settings)
    return Receipt(
        stage=stage.name,
        identity=identity_of(stage, experiment, settings),
        inputs=fingerprint(inputs_of(stage, experiment, settings)),
        extent=section.of_kind("extent"),
        course=section.of_kind("course"),
    )


def outputs_digest(stage: Stage, experiment: Experiment, settings: ExperimentSettings) -> str:
    """Over the names and sizes of what the stage left; events and auditions, which may go without harm, are left out."""
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
    """Is the stage up to date? Reads receipts and file sizes only."""
    old = Receipt.load(receipt_path(experiment, stage.name))
    if old is None and stage.name == "train" and has_pair(experiment):
        return Verdict("go_on", "checkpoints of another program are here")
    if old is None:
        leftovers = any(p.exists() for p in stage.outputs(experiment, settings))
        return Verdict("replace", "files without a receipt are in its place") if leftovers else Verdict("start", "not done yet")
    if old.identity != wanted.identity:
        return Verdict("replace", f"changed: {differences(old.identity, wanted.identity)}")
    if not old.complete:
        return Verdict("go_on", "was not finished")
    if old.inputs != wanted.inputs:
        return Verdict("go_on", "its input changed")
    if any("auto" in (asked, old.extent.get(key)) or asked > old.extent.get(key, 0) for key, asked in wanted.extent.items()):
        return Verdict("go_on", f"more is asked for: {differences(old.extent, wanted.extent)}")
    if outputs_digest(stage, experiment, settings) != old.outputs:
        return Verdict("go_on", "some of its files are missing or changed")
    return Verdict("skip", "up to date")


def has_pair(experiment: Experiment) -> bool:
    """Is there a G_ with its D_, as RVC programs leave them?"""
    return any(path.with_name("D" + path.name[1:]).is_file() for path in experiment.folder.glob("G_[0-9]*.pth"))


def plan(experiment: Experiment, settings: ExperimentSettings, stages: Sequence[Stage]) -> list[tuple[Stage, Verdict]]:
    """What a run would do now. A stage after one that will run cannot be judged yet: its verdict is 'after'."""
    rows: list[tuple[Stage, Verdict]] = []
    stale: set[str] = set()
    for stage in stages:
        waits = stale & set(needs_of(stage, settings))
        if waits:
            decided = Verdict("after", f"after {', '.join(sorted(waits))}")
        else:
            decided = verdict(stage, experiment, settings, wanted_receipt(stage, experiment, settings))
        if decided.action != "skip":
            stale.add(stage.name)
        rows.append((stage, decided))
    return rows
