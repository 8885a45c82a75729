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
    flag = f"--pretrained-{kind.lower()}"
    if value == "none":
        return None
    if value:
        path = expanded(value)
        require_file(path, f"There is no file {path}", f"check the path, or use {flag} none", f"{flag} names it")
        return path
    names = pretrained_names(settings.preset, kind, settings.model)
    if not names:
        return None
    found = experiment.workspace.find_pretrained(*names)
    if found is None and not has_own(settings.preset):
        missing = (
            f"The pretrained weights of {settings.preset} are missing",
            f"{names[0]} is not in {experiment.workspace.pretrained}",
        )
        raise BadInput(*missing, f"put that file there, or use {flag} none")
    return found


def start(experiment: Experiment, settings: ExperimentSettings, state: TrainingState) -> Iterator[Event]:
    networks = {"G": state.generator, "D": state.adversary.network}
    for kind, path in find_start(experiment, settings).items():
        if path is not None:
            said = {"has other speakers": load_pretrained(networks[kind], path)}
            said["was made with another content encoder"] = other_encoder(experiment, settings, path)
            yield from (Warned(title=f"{path} {what}", message=why, stage=NAME) for what, why in said.items() if why)


def report_restored(restored: Restored, train_config: TrainConfig, *, again: bool) -> Iterator[Event]:
    if restored.damaged:
        message = f"{'; '.join(restored.damaged)}; moved to {restored.backup}"
        yield Warned(
            title=f"Resuming from step {restored.step}: newer checkpoints are damaged", message=message, stage=NAME
        )
    if restored.newer:
        title = f"Resuming from step {restored.step}, though there are newer pairs"
        message = f"G_ and D_ of steps {', '.join(map(str, restored.newer))} are not used"
        yield Warned(
            title=title,
            message=message,
            hint="to resume from them, move resume.pt and resume-previous.pt away",
            stage=NAME,
        )
    if restored.entry is None:
        message = "the order of clips and the random draws differ from those of an uninterrupted run"
        yield Warned(title=f"The checkpoint of step {restored.step} has no resume state", message=message, stage=NAME)
        return
    old, new = restored.entry["course"], train_config.numbers()
    changed = ", ".join(f"{key} {old.get(key)} -> {value}" for key, value in new.items() if old.get(key) != value)
    if changed and not again:
        yield Warned(title="Training continues with other settings", message=changed, stage=NAME)
