"""The stages of an experiment and their order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rvc_engine.errors import BadInput
from rvc_engine.messages import Message, verbatim
from rvc_engine.registry import STAGES
from rvc_engine.stages.stage import Stage

if TYPE_CHECKING:
    from rvc_engine.settings import ExperimentSettings


def find_stage(name: str) -> Stage | None:
    """None for a stage of another version, or of a package that is not installed or cannot be loaded."""
    try:
        return STAGES.get(name) if name in STAGES else None
    except BadInput:
        return None


def title_of(name: str) -> Message:
    """Also for a stage of another version, or of a package that is not installed."""
    stage = find_stage(name)
    return stage.title if stage else verbatim(name)


def has_steps(name: str) -> bool:
    """Does this stage train a network, step by step?"""
    stage = find_stage(name)
    return stage is not None and stage.unit == "steps"


def has_epochs(name: str) -> bool:
    """Does this stage train the voice, epoch by epoch?"""
    stage = find_stage(name)
    return stage is not None and stage.is_training


def stages_of(settings: ExperimentSettings) -> list[Stage]:
    """The whole pipeline of an experiment or a conversion, in the order of the registry; without pitch there is no
    pitch stage."""
    purpose = "training" if settings.conversion is None else "conversion"
    return [stage for stage in STAGES.all() if stage.purpose == purpose and stage.belongs_to(settings)]


def usual_stages() -> list[Stage]:
    """The stages of a voice with pitch, for lists and help. Does not import the settings, which takes a while."""
    return [stage for stage in STAGES.all() if stage.is_usual]


def base_stages() -> list[str]:
    """The names of the stages of a base."""
    from rvc_engine.settings import for_base

    return [stage.name for stage in stages_of(for_base("starter"))]


def stages_until(last: str, settings: ExperimentSettings) -> list[Stage]:
    """The pipeline up to `last`; all of it when that is empty. Raises BadInput for a stage that this experiment does
    not have."""
    stages = stages_of(settings)
    names = [stage.name for stage in stages]
    if last not in names and last in STAGES and STAGES.get(last).is_optional:  # up to the one before it
        order = STAGES.names()
        last = next(name for name in reversed(order[: order.index(last)]) if name in names)
    if last and last not in names:
        raise BadInput("run.no_stage", name=last, names=names)
    return stages[: names.index(last) + 1] if last else stages


def stages_needed(target: str, settings: ExperimentSettings) -> list[Stage]:
    """`target` after the stages that it needs. Raises BadInput for an unknown stage."""
    needed: set[str] = set()
    waiting = [target]
    while waiting:
        name = waiting.pop()
        needed.add(name)
        waiting += STAGES.get(name).needs_of(settings)
    return [stage for stage in STAGES.all() if stage.name in needed and stage.belongs_to(settings)]
