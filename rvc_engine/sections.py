"""The sections of an experiment.toml: the settings of each stage, those of other packages too. The registry is read
when they are first asked for, not when this module is imported."""

from __future__ import annotations

import difflib
from collections.abc import Collection
from typing import Any

from pydantic import ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from rvc_engine.errors import BadInput
from rvc_engine.messages import Message
from rvc_engine.registry import STAGES
from rvc_engine.setting import StageSettings

TOP_LEVEL = frozenset({"preset", "pitched", "dataset", "base", "conversion"})
"""What an experiment.toml holds beside the sections: no section has such a name."""


def sections(*, base: bool = False) -> dict[str, type[StageSettings]]:
    """The settings of the stages of a voice, in order; with `base` also those that only a base has."""
    stages = [stage for stage in STAGES.all() if stage.purpose == "training" and (base or stage.is_usual)]
    stages.sort(key=lambda stage: not stage.is_usual)
    named = [stage for stage in stages if stage.name not in TOP_LEVEL]
    return {stage.name: kind for stage in named if (kind := stage.settings_class) is not None}


def section_class(stage: str) -> type[StageSettings]:
    """Raises BadInput for an unknown stage."""
    return STAGES.get(stage).settings_class or StageSettings


def read_section(name: Any, value: Any, own: Collection[str]) -> StageSettings | dict[str, Any]:
    """The section of a stage of another package; as it is where that package is not here. `own`: the names of this
    program's, with which a misspelt one is not confused. Raises ValidationError for what cannot be a section."""
    if isinstance(value, StageSettings):
        return value
    is_name = isinstance(name, str) and (name in STAGES or not difflib.get_close_matches(name, own, 1, 0.8))
    if not isinstance(value, dict) or not is_name:
        raise _invalid([InitErrorDetails(type="extra_forbidden", loc=(name,), input=value)])
    stage = STAGES.others().get(name)
    kind = stage.settings_class if stage is not None else None
    if kind is None:
        return value
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        raise _invalid([_inside(name, detail) for detail in error.errors()]) from error


def why_unused(name: str) -> Message:
    """Why there are no settings of this name."""
    if name not in STAGES:
        return Message("settings.no_stage_package")
    try:
        STAGES.get(name)
    except BadInput as error:
        return error.line
    return Message("settings.stage_without_settings")


def _inside(name: str, detail: Any) -> InitErrorDetails:
    kind = PydanticCustomError(detail["type"], "{text}", {"text": detail["msg"]})
    return InitErrorDetails(type=kind, loc=(name, *detail["loc"]), input=detail["input"])


def _invalid(errors: list[InitErrorDetails]) -> ValidationError:
    return ValidationError.from_exception_data("ExperimentSettings", errors)
