"""The stages in order, what makes one up to date, and how one is run.

A stage leaves a receipt, written last: identity (what changes its result), inputs (what it read) and extent (settings that only ask
for more). All equal and the outputs still there: skipped. Same identity: it goes on from what is there. Another identity: the old
work is moved aside.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from rvc_engine.disk import DiskFull, free_bytes, is_full, move_aside, sha256_of, write_whole
from rvc_engine.errors import BadInput, RvcError
from rvc_engine.events import (
    Event,
    MovedAside,
    Paused,
    Progressed,
    Resumed,
    RunFinished,
    StageFinished,
    StageSkipped,
    StageStarted,
)
from rvc_engine.experiment import Experiment

if TYPE_CHECKING:
    from rvc_engine.settings import ExperimentSettings, StageSettings

Files = Callable[[Experiment, "ExperimentSettings"], list[Path]]
ROOM_BYTES = 16 << 20  # with less than this free, a stage that met a full disk does not try again
LOOK_S, TELL_S = 1.0, 5.0  # a full disk is looked at, and told of, this often


@dataclass(frozen=True)
class Stage:
    """`incremental`: new inputs are added item by item; otherwise other inputs are another identity.

    Its module, rvc_engine.stages.NAME, has `run(experiment, settings) -> Iterator[Event]`, which skips items that are there, and
    `artefacts(experiment, settings) -> list[Path]`, which loads what the stage promises to users and raises RvcError if it does not load.
    """

    name: str
    title: str
    unit: str
    needs: tuple[str, ...]
    incremental: bool
    outputs: Files

    def module(self) -> ModuleType:
        return importlib.import_module(f"rvc_engine.stages.{self.name}")

    def settings(self, settings: ExperimentSettings) -> StageSettings:
        from rvc_engine.settings import StageSettings

        section = getattr(settings, self.name)
        return section if isinstance(section, StageSettings) else StageSettings()


def _preprocess_outputs(e: Experiment, s: ExperimentSettings) -> list[Path]:
    return [e.ground_truth, e.wavs_16k, e.clips_csv, e.sources_csv]


def _pitch_outputs(e: Experiment, s: ExperimentSettings) -> list[Path]:
    return [e.pitch_coarse, e.pitch_hz, e.voicing]


def _features_outputs(e: Experiment, s: ExperimentSettings) -> list[Path]:
    return [e.features(s.model.feature_dim), e.mute]


def _train_outputs(e: Experiment, s: ExperimentSettings) -> list[Path]:
    found = [p for pattern in ("[GD]_[0-9]*.pth", "events.out.tfevents.*") for p in e.folder.glob(pattern)]
    return [e.config_json, e.filelist, e.auditions, e.resume_state, e.resume_previous, e.best, *sorted(found), *sorted(e.small_models())]


def _index_outputs(e: Experiment, s: ExperimentSettings) -> list[Path]:
    return [e.total_features, *e.indexes(), *e.folder.glob("added_IVF*.index.json")]


def _encoder_outputs(e: Experiment, s: ExperimentSettings) -> list[Path]:
    return [e.own_encoder, *(e.encoder / name for name in ("probes.json", "state.safetensors", "state-previous.safetensors"))]


def _base_outputs(e: Experiment, s: ExperimentSettings) -> list[Path]:
    return [e.base / name for name in ("G.safetensors", "D.safetensors", "encoder.safetensors", "card.md")]


STAGES: dict[str, Stage] = {
    stage.name: stage
    for stage in (
        Stage("preprocess", "Cut the recordings into clips", "files", (), True, _preprocess_outputs),
        Stage("pitch", "Track the pitch", "clips", ("preprocess",), True, _pitch_outputs),
        Stage("features", "Extract content features", "clips", ("preprocess",), True, _features_outputs),
        Stage("train", "Train the voice", "steps", ("preprocess", "pitch", "features"), False, _train_outputs),
        Stage("index", "Build the index", "rows", ("features",), False, _index_outputs),
    )
}


ALL_STAGES: dict[str, Stage] = {
    **STAGES,
    "encoder": Stage("encoder", "Train the content encoder", "steps", (), False, _encoder_outputs),
    "base": Stage("base", "Put the base together", "files", ("train",), False, _base_outputs),
}
BASE_ORDER = ("preprocess", "encoder", "pitch", "features", "train", "base")


def stages_of(settings: ExperimentSettings) -> list[Stage]:
    """The whole pipeline of an experiment, in order; without pitch there is no pitch stage."""
    return [ALL_STAGES[n] for n in (BASE_ORDER if settings.base else STAGES) if _has(n, settings)]


def _has(name: str, settings: ExperimentSettings) -> bool:
    if name == "encoder":
        return settings.base and settings.model.encoder.startswith("phonetic-")  # the encoders of our own
    return name != "pitch" or settings.pitched


def needs_of(stage: Stage, settings: ExperimentSettings) -> list[str]:
    needs = [*stage.needs, *(["encoder"] if stage.name == "features" else [])]
    return [name for name in needs if _has(name, settings)]


def stages_until(last: str, settings: ExperimentSettings) -> list[Stage]:
    """The pipeline up to `last`; all of it when that is empty. Raises BadInput for a stage that this experiment does not have."""
    stages = stages_of(settings)
    names = [stage.name for stage in stages]
    if last == "pitch" and not settings.pitched:
        last = names[names.index("features") - 1]
    if last and last not in names:
        raise BadInput(f"There is no stage {last!r} in this experiment", "", f"it has {', '.join(names)}")
    return stages[: names.index(last) + 1] if last else stages


def stages_needed(target: str, settings: ExperimentSettings) -> list[Stage]:
    """`target` after the stages that it needs."""
    needed: set[str] = set()
    waiting = [target]
    while waiting:
        name = waiting.pop()
        needed.add(name)
        waiting += needs_of(ALL_STAGES[name], settings)
    order = dict.fromkeys([*(s.name for s in stages_of(settings)), *STAGES])
    return [ALL_STAGES[name] for name in order if name in needed and _has(name, settings)]


# --- what makes a stage up to date ------------------------------------------------------------------------------------
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
            return cls(**json.loads(path.read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def save(self, path: Path) -> None:
        write_whole(path, json.dumps(asdict(self), indent=1))

    @property
    def digest(self) -> str:
        return fingerprint([self.identity, self.inputs, self.outputs])


def fingerprint(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode("utf-8", "surrogateescape")).hexdigest()[:32]


def receipt_path(experiment: Experiment, stage: str) -> Path:
    return experiment.receipts / f"{stage}.json"


def dataset_files(settings: ExperimentSettings, *, texts: bool = False) -> list[Path]:
    """The files of the dataset folder, sorted by name; hidden files are left out. Of a base, transcripts and notes that lie among the
    recordings are left out too; `texts`: only those. Raises BadInput when it cannot be read."""
    folder = Path(settings.dataset).expanduser()
    if not settings.dataset:
        raise BadInput("No recordings are given", "", "--dataset FOLDER names the folder of recordings")
    if not folder.exists():
        raise BadInput(f"There is no folder {folder}", "", "check the path given with --dataset")
    if not folder.is_dir():
        raise BadInput(f"{folder} is a file, not a folder", "", f"--dataset {folder.parent} takes the folder it is in")
    files: list[Path] = []

    def fail(error: OSError) -> None:
        raise BadInput(f"{folder} cannot be read", str(error), "check its permissions") from error

    for root, folders, names in os.walk(folder, onerror=fail):
        files += [Path(root) / name for name in names if not name.startswith(".") and (settings.base and is_text(name)) == texts]
        if not settings.preprocess.subfolders:
            break
        folders[:] = sorted(f for f in folders if not f.startswith("."))
    return sorted(p for p in files if p.is_file())


def is_text(name: str) -> bool:
    return name.lower().endswith((".txt", ".csv", ".md", ".json"))


def source_name(path: Path, settings: ExperimentSettings) -> str:
    """How clips.csv and messages name a recording: its path inside the dataset folder."""
    return str(path.relative_to(Path(settings.dataset).expanduser()))


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
    if stage.name == "features" and _has("encoder", settings):
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


# --- running ----------------------------------------------------------------------------------------------------------
def put_aside(stage: Stage, experiment: Experiment, settings: ExperimentSettings) -> Path | None:
    """Move a stage's outputs and receipt to aside/; None if there was nothing."""
    present = [p for p in stage.outputs(experiment, settings) if p.exists()]
    inside = [p for p in present if p.is_relative_to(experiment.folder)]
    target = move_aside([*inside, receipt_path(experiment, stage.name)], experiment.folder, stage.name)
    for path in present:
        if not path.is_relative_to(experiment.folder):
            goal = (target or experiment.path("aside")) / "weights" / path.name
            goal.parent.mkdir(parents=True, exist_ok=True)
            os.replace(path, goal)
    return target


def run_stage(stage: Stage, experiment: Experiment, settings: ExperimentSettings) -> Iterator[Event]:
    """Run one stage if it is not up to date. Closing the generator stops it; what it has is kept and gone on from."""
    wanted = wanted_receipt(stage, experiment, settings)
    decided = verdict(stage, experiment, settings, wanted)
    if decided.action == "skip":
        yield StageSkipped(stage=stage.name, reason=decided.reason)
        return
    if decided.action == "replace":
        target = put_aside(stage, experiment, settings)
        if target:
            yield MovedAside(stage=stage.name, path=str(target), reason=decided.reason)
    started = time.monotonic()
    wanted.save(receipt_path(experiment, stage.name))
    yield StageStarted(stage=stage.name, reason=decided.reason)
    module = stage.module()
    yield from _with_room(stage, experiment, settings)
    artefacts = module.artefacts(experiment, settings)
    wanted.extent = stage.settings(settings).of_kind("extent")  # as the stage settled it
    wanted.complete, wanted.seconds, wanted.finished_at = True, time.monotonic() - started, time.time()
    wanted.outputs = outputs_digest(stage, experiment, settings)
    wanted.artefacts = [str(p) for p in artefacts]
    wanted.save(receipt_path(experiment, stage.name))
    yield StageFinished(stage=stage.name, seconds=wanted.seconds)


def _with_room(stage: Stage, experiment: Experiment, settings: ExperimentSettings) -> Iterator[Event]:
    """The stage's events. When the disk is full it is waited for, and the stage then goes on from what is there.

    Raises DiskFull after settings.train.disk_wait_s without one more item. Training waits by itself, inside a save.
    """
    full_since, reached = 0.0, -1
    while True:
        try:
            for event in stage.module().run(experiment, settings):
                if isinstance(event, Progressed) and event.done > reached:
                    full_since, reached = 0.0, event.done
                yield event
            return
        except (RvcError, OSError, RuntimeError) as error:
            if stage.name == "train" or not is_full(error):
                raise
            full_since = full_since or time.monotonic()
            yield from _wait_for_room(stage, experiment, full_since + settings.train.disk_wait_s, str(error))


def _wait_for_room(stage: Stage, experiment: Experiment, deadline: float, why: str) -> Iterator[Event]:
    """At least once LOOK_S, since a quota shows no lack of room. The events on the way let a stop through."""
    started, told = time.monotonic(), 0.0
    while True:
        now, free = time.monotonic(), free_bytes(experiment.folder)
        if now > deadline:
            hint = f"free some space and run the same command again: {stage.name} goes on from what it has"
            raise DiskFull(f"The disk is full, and was for {now - started:.0f} s", why, hint)
        if not told or now - told >= TELL_S:
            told = now
            yield Paused(stage=stage.name, reason="the disk is full", needed_bytes=ROOM_BYTES, free_bytes=free)
        time.sleep(LOOK_S)
        if free_bytes(experiment.folder) >= ROOM_BYTES:
            break
    yield Resumed(stage=stage.name, waited_s=time.monotonic() - started)


def run_pipeline(experiment: Experiment, settings: ExperimentSettings, stages: Sequence[Stage]) -> Generator[Event, None, None]:
    """Every stage in turn, then RunFinished with the artefacts, each loaded and hashed. Raises RvcError where a stage fails."""
    started = time.monotonic()
    for stage in stages:
        yield from run_stage(stage, experiment, settings)
    artefacts = []
    for stage in stages:
        for path in stage.module().artefacts(experiment, settings):
            if not path.is_file() or not path.stat().st_size:
                raise RvcError(f"{path} is missing after {stage.name}", "", "run the same command again")
            artefacts.append({"path": str(path), "bytes": path.stat().st_size, "sha256": sha256_of(path)})
            yield Progressed(stage=stage.name, done=len(artefacts), total=len(artefacts), unit="artefacts", item=str(path))
    yield RunFinished(seconds=time.monotonic() - started, artefacts=artefacts)
