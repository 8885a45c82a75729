"""The stages of an experiment and their order."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from rvc_engine.errors import BadInput
from rvc_engine.experiment import Experiment

if TYPE_CHECKING:
    from rvc_engine.settings import ExperimentSettings, StageSettings

Files = Callable[[Experiment, "ExperimentSettings"], list[Path]]


@dataclass(frozen=True)
class Stage:
    """Its module, rvc_engine.stages.NAME, has `run(experiment, settings) -> Iterator[Event]`, which skips items that
    are there, and `artefacts(experiment, settings) -> list[Path]`, which loads what the stage promises to users and
    raises RvcError if it does not load. `workers`: what its worker processes import. `incremental`: each item that it
    has finished stays when it is stopped. `reads_recordings`: it reads the dataset, not what a stage before it left.
    `standing`: those of its outputs that stay in use, when the stage is done anew, until their successors are whole.
    """

    name: str
    title: str
    unit: str
    needs: tuple[str, ...]
    outputs: Files
    workers: tuple[str, ...] = ()
    incremental: bool = False
    reads_recordings: bool = False
    standing: Files = lambda experiment, settings: []

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
    return [
        e.config_json,
        e.filelist,
        e.auditions,
        e.resume_state,
        e.resume_previous,
        e.best,
        *sorted(found),
        *sorted(e.small_models()),
    ]


def _voice_in_use(e: Experiment, s: ExperimentSettings) -> list[Path]:
    return e.small_models()[-1:]


def _index_in_use(e: Experiment, s: ExperimentSettings) -> list[Path]:
    return [
        path for index in e.indexes()[-1:] for path in (index, index.with_name(f"{index.name}.json")) if path.is_file()
    ]


def _index_outputs(e: Experiment, s: ExperimentSettings) -> list[Path]:
    return [e.total_features, *e.indexes(), *e.folder.glob("added_IVF*.index.json")]


def _encoder_outputs(e: Experiment, s: ExperimentSettings) -> list[Path]:
    return [
        e.own_encoder,
        *(e.encoder / name for name in ("probes.json", "state.safetensors", "state-previous.safetensors")),
    ]


def _base_outputs(e: Experiment, s: ExperimentSettings) -> list[Path]:
    return [e.base / name for name in ("G.safetensors", "D.safetensors", "encoder.safetensors", "card.md")]


# What their workers need and import late, for whoever wants only a part of it: the server that they are forked from
# imports it once.
CUTTING = ("rvc_engine.stages.preprocess", "scipy.signal")
TRACKING = ("rvc_engine.stages.pitch", "rvc_engine.pitch.praat")

STAGES: dict[str, Stage] = {
    stage.name: stage
    for stage in (
        Stage(
            "preprocess",
            "Cut the recordings into clips",
            "files",
            (),
            _preprocess_outputs,
            CUTTING,
            incremental=True,
            reads_recordings=True,
        ),
        Stage("pitch", "Track the pitch", "clips", ("preprocess",), _pitch_outputs, TRACKING, incremental=True),
        Stage("features", "Extract content features", "clips", ("preprocess",), _features_outputs, incremental=True),
        Stage(
            "train",
            "Train the voice",
            "steps",
            ("preprocess", "pitch", "features"),
            _train_outputs,
            standing=_voice_in_use,
        ),
        Stage("index", "Build the index", "rows", ("features",), _index_outputs, standing=_index_in_use),
    )
}


ALL_STAGES: dict[str, Stage] = {
    **STAGES,
    "encoder": Stage("encoder", "Train the content encoder", "steps", (), _encoder_outputs, reads_recordings=True),
    "base": Stage("base", "Put the base together", "files", ("train",), _base_outputs),
}
BASE_ORDER = ("preprocess", "encoder", "pitch", "features", "train", "base")


def stages_of(settings: ExperimentSettings) -> list[Stage]:
    """The whole pipeline of an experiment, in order; without pitch there is no pitch stage."""
    return [ALL_STAGES[n] for n in (BASE_ORDER if settings.base else STAGES) if has_stage(n, settings)]


def has_stage(name: str, settings: ExperimentSettings) -> bool:
    if name == "encoder":
        return settings.base and settings.model.own_encoder
    return name != "pitch" or settings.pitched


def needs_of(stage: Stage, settings: ExperimentSettings) -> list[str]:
    needs = [*stage.needs, *(["encoder"] if stage.name == "features" else [])]
    return [name for name in needs if has_stage(name, settings)]


def stages_until(last: str, settings: ExperimentSettings) -> list[Stage]:
    """The pipeline up to `last`; all of it when that is empty. Raises BadInput for a stage that this experiment does
    not have."""
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
    return [ALL_STAGES[name] for name in order if name in needed and has_stage(name, settings)]
