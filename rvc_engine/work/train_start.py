"""What a training starts from: pretrained weights, or the checkpoint that it resumes from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rvc_engine.assets.pretrained import has_own, pretrained_names
from rvc_engine.common.opening import require_file
from rvc_engine.common.user import expanded
from rvc_engine.errors import BadInput
from rvc_engine.events import Event, Warned
from rvc_engine.experiment import Experiment
from rvc_engine.messages import NOTHING, Message, joined, verbatim
from rvc_engine.messages.message import cause_of, fix_of
from rvc_engine.settings import ExperimentSettings
from rvc_engine.training.state import TrainingState, load_pretrained
from rvc_engine.training.store import Restored
from rvc_engine.training.train_config import TrainConfig
from rvc_engine.work.features import other_encoder

NAME = "train"


def find_start(experiment: Experiment, settings: ExperimentSettings) -> dict[str, Path | None]:
    """The pretrained G and D to start from; None is from nothing. Raises BadInput for one that is not there."""
    asked = {"G": settings.train.pretrained_g, "D": settings.train.pretrained_d}
    return {kind: _find_pretrained(experiment, settings, kind, value) for kind, value in asked.items()}


def _find_pretrained(experiment: Experiment, settings: ExperimentSettings, kind: str, value: str) -> Path | None:
    setting = Message("work.pretrained_g" if kind == "G" else "work.pretrained_d")
    if value == "none":
        return None
    if value:
        path = expanded(value)
        require_file(
            path,
            Message("common.no_file", path=path),
            Message("work.check_path_or_none", setting=setting),
            Message("work.setting_names_it", setting=setting),
        )
        return path
    names = pretrained_names(settings.preset, kind, settings.model)
    if not names:
        return None
    found = experiment.workspace.find_pretrained(*names)
    if found is None and not has_own(settings.preset):
        hint = Message("work.put_there_or_none", setting=setting)
        about = {"preset": settings.preset, "file": names[0], "folder": experiment.workspace.pretrained}
        raise BadInput("work.pretrained_missing", NOTHING, hint, **about)
    return found


def start(experiment: Experiment, settings: ExperimentSettings, state: TrainingState) -> Iterator[Event]:
    networks = {"G": state.generator, "D": state.adversary.network}
    for kind, path in find_start(experiment, settings).items():
        if path is not None:
            if note := load_pretrained(networks[kind], path):
                yield Warned(title=Message("work.other_speakers", path=path), message=note, stage=NAME)
            if other := other_encoder(experiment, settings, path):
                yield Warned(title=other, message=cause_of(other), stage=NAME)


def report_restored(restored: Restored, train_config: TrainConfig, *, again: bool) -> Iterator[Event]:
    if restored.damaged:
        damaged = joined(*restored.damaged)
        title = Message("work.damaged_checkpoints", step=restored.step, damaged=damaged, backup=restored.backup)
        yield Warned(title=title, message=cause_of(title), stage=NAME)
    if restored.newer:
        title = Message("work.newer_pairs", step=restored.step, steps=", ".join(map(str, restored.newer)))
        yield Warned(title=title, message=cause_of(title), hint=fix_of(title), stage=NAME)
    if restored.entry is None:
        title = Message("work.no_resume_state", step=restored.step)
        yield Warned(title=title, message=cause_of(title), stage=NAME)
        return
    old, new = restored.entry["course"], train_config.numbers()
    changed = ", ".join(f"{key} {old.get(key)} -> {value}" for key, value in new.items() if old.get(key) != value)
    if changed and not again:
        yield Warned(title=Message("work.resumes_with_other_settings"), message=verbatim(changed), stage=NAME)
