"""Before an engine starts: a request becomes settings, and all is checked that can be checked so early."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rvc_engine.assets.pretrained import DEFAULT_PRESET, missing_weights
from rvc_engine.common.lock import busy, live_holder
from rvc_engine.dataset.files import dataset_files, dataset_path
from rvc_engine.disk import require_writable
from rvc_engine.errors import BadInput
from rvc_engine.experiment import Experiment
from rvc_engine.machine.advisor import advise_experiment
from rvc_engine.messages import NOTHING, Message
from rvc_engine.run.receipts import plan
from rvc_engine.run.weights_needed import check_weights
from rvc_engine.settings import ExperimentSettings, apply, for_base, for_preset
from rvc_engine.stages.stage import Stage

BASE_PRESET = "starter"
ANOTHER = Message("run.another_name_or_fresh")


@dataclass(frozen=True)
class Request:
    """What a run is asked to do. Empty: unchanged, or the default. `pitched` None: unchanged, or with pitch;
    `settings`: STAGE.name to a value; `fresh`: the old work is moved to a backup; `base`: trains a base for voices."""

    dataset: str = ""
    preset: str = ""
    pitched: bool | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    fresh: bool = False
    base: bool = False

    def leaves_pitch_open(self, experiment: Experiment) -> bool:
        """Is the choice of the pitch method left to the program? Then the best is used whose weights are here."""
        return "pitch.method" not in self.settings and (self.fresh or not experiment.exists())


def refuse_busy(experiment: Experiment, *, take_over: bool) -> None:
    """Raises Busy when another run holds the experiment; with `take_over` only when that run certainly lives. The
    engine checks again."""
    holder = live_holder(experiment.lock)
    if holder and not (take_over and not (holder.here and holder.alive)):
        raise busy(experiment.lock, holder)


def settle(experiment: Experiment, request: Request) -> tuple[ExperimentSettings, list[Message]]:
    """The experiment's settings with the requested changes, automatic values resolved, and notes for the user. Writes
    nothing. Raises BadInput."""
    notes: list[Message] = []
    if experiment.exists() and not request.fresh:
        settings = experiment.load_settings()
        _refuse_another_kind(experiment, settings, request)
        notes += [settings.problem] if settings.problem else []
    else:
        settings = _new_settings(experiment, request, notes)
    if request.dataset:
        settings.dataset = dataset_path(request.dataset)
        dataset_files(settings)  # a folder that is given now must exist; one of an earlier run need not
    for key, value in request.settings.items():
        apply(settings, key, value)
    _resolve(experiment, settings)
    return settings, notes


def _refuse_another_kind(experiment: Experiment, settings: ExperimentSettings, request: Request) -> None:
    if request.preset and request.preset != settings.preset:
        made, wanted = settings.preset, request.preset
        raise BadInput("run.other_preset", NOTHING, ANOTHER, name=experiment.name, preset=made, wanted=wanted)
    if request.base and not settings.base:
        raise BadInput("run.no_base", NOTHING, ANOTHER, name=experiment.name)
    if request.pitched is not None and request.pitched != settings.pitched:
        made_so = "run.made_with_pitch" if settings.pitched else "run.made_without_pitch"
        raise BadInput(made_so, NOTHING, ANOTHER, name=experiment.name)


def _new_settings(experiment: Experiment, request: Request, notes: list[Message]) -> ExperimentSettings:
    old = experiment.load_settings() if experiment.exists() else None
    base = request.base or (old.base if old else False)
    preset = request.preset or (old.preset if old else BASE_PRESET if base else _default_preset(experiment, notes))
    pitched = request.pitched
    if pitched is None:
        pitched = old.pitched if old and not request.preset else True
    return (for_base if base else for_preset)(preset, pitched=pitched, dataset=old.dataset if old else "")


def _default_preset(experiment: Experiment, notes: list[Message]) -> str:
    missing = missing_weights(experiment.workspace, DEFAULT_PRESET)
    if not missing:
        return DEFAULT_PRESET
    notes.append(Message("run.preset_because", chosen=BASE_PRESET, preset=DEFAULT_PRESET, missing=missing))
    return BASE_PRESET


def _resolve(experiment: Experiment, settings: ExperimentSettings) -> None:
    """Automatic values are resolved once, so that later runs use the same."""
    if settings.pitched and settings.pitch.method == "auto":
        from rvc_engine.pitch import resolve_method

        settings.pitch.method = resolve_method("auto", experiment.workspace, preset=settings.preset)
    if settings.train.batch_size == "auto":
        settings.train.batch_size = int(advise_experiment(experiment, settings)["recommended"] or 1)


def check_ready(
    experiment: Experiment, settings: ExperimentSettings, stages: list[Stage], *, fresh: bool, auto_pitch: bool = False
) -> None:
    """All checks that are possible before anything is written. Raises BadInput, WeightsMissing for published
    weights."""
    for folder in (experiment.folder, experiment.workspace.weights):
        require_writable(folder, Message("run.writable_workspace"))
    to_run = [stage for stage, verdict in plan(experiment, settings, stages) if verdict.action != "skip" or fresh]
    check_weights(experiment, settings, to_run, fresh=fresh, auto_pitch=auto_pitch)
    for stage in to_run:
        stage.check_ready(experiment, settings, fresh=fresh)
