"""Settings as command-line flags: one definition, in settings.py."""

from __future__ import annotations

import argparse
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from rvc_engine.registry import STAGES
from rvc_engine.sections import section_class
from rvc_engine.setting import StageSettings, bounds_of, choices_of, describe, set_field

TAKE_OVER = "--take-over"
TOGETHER = "+"  # between the stages of one flag


def add_settings(
    parser: argparse.ArgumentParser, stage: str, names: Collection[str] | None = None, prefix: str = ""
) -> None:
    """A flag for every setting of a stage, or for those `names`; absent flags are not in the result (SUPPRESS), so that
    files keep their word. `prefix` comes before each name."""
    group = parser.add_argument_group(f"settings of {stage}")
    for name, field in section_class(stage).model_fields.items():
        if names is not None and name not in names:
            continue
        flag, text = f"--{prefix}{name.replace('_', '-')}", describe(field).replace("%", "%%")
        about: dict[str, Any] = {"dest": f"{stage}.{name}", "default": argparse.SUPPRESS, "help": text}
        if field.annotation is bool:
            about["action"] = argparse.BooleanOptionalAction
        else:
            about["metavar"] = metavar(name, field)
        try:
            group.add_argument(flag, **about)
        except argparse.ArgumentError:  # the command has such a flag
            if not STAGES.package_of(stage):
                raise


def unambiguous(stages: Mapping[str, type[StageSettings]]) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """The settings that have a flag in a command for several stages: of one stage, {stage: names}, and of all that have
    it, {name: stages}. A stage of another package takes no flag from one of this program's."""
    having: dict[str, list[str]] = {}
    hidden: set[tuple[str, str]] = set()
    for stage, model in stages.items():
        for name in model.model_fields:
            others = having.get(name, [])
            if others and STAGES.package_of(stage) and not means_the_same(name, [*others, stage]):
                hidden.add((stage, name))
            else:
                having.setdefault(name, []).append(stage)
    shared = {name: those for name, those in having.items() if len(those) > 1}
    own = {
        stage: [name for name in model.model_fields if name not in shared and (stage, name) not in hidden]
        for stage, model in stages.items()
    }
    return own, {name: those for name, those in shared.items() if means_the_same(name, those)}


def means_the_same(name: str, stages: Sequence[str]) -> bool:
    """Is this setting the same in all of these stages?"""
    fields = [section_class(stage).model_fields[name] for stage in stages]
    return len({(str(field.annotation), field.default, describe(field)) for field in fields}) == 1


def add_shared(parser: argparse.ArgumentParser, shared: Mapping[str, Sequence[str]]) -> None:
    """A flag for a setting that several stages have, for all of them: {'device': ['pitch', 'train']}."""
    if not shared:
        return
    group = parser.add_argument_group("settings of several stages")
    for name, stages in shared.items():
        field = section_class(stages[-1]).model_fields[name]
        text = f"{describe(field)}; for {', '.join(stages)}".replace("%", "%%")
        key = f"{TOGETHER.join(stages)}.{name}"
        group.add_argument(
            f"--{name.replace('_', '-')}", dest=key, default=argparse.SUPPRESS, metavar=metavar(name, field), help=text
        )


def metavar(name: str, field: Any) -> str:
    if choices_of(field):
        return "|".join(choices_of(field))
    bounds = bounds_of(field)
    if bounds.low is not None or field.annotation in (int, float):
        return "|".join(("N", *bounds.words))
    return name.upper()


def given(options: argparse.Namespace) -> dict[str, Any]:
    """The settings that were given: {'train.epochs': '20'}."""
    found = {}
    for key, value in vars(options).items():
        stages, dot, name = key.partition(".")
        if dot:
            found.update({f"{stage}.{name}": value for stage in stages.split(TOGETHER)})
    return found


def words_of(options: argparse.Namespace, stage: str) -> list[str]:
    """The given flags of one stage, as words again. A value stands behind `=`: it may begin with a dash."""
    words = []
    for key, value in given(options).items():
        owner, _, name = key.partition(".")
        flag = name.replace("_", "-")
        if owner == stage:
            words.append(f"--{'' if value else 'no-'}{flag}" if isinstance(value, bool) else f"--{flag}={value}")
    return words


def fill(section: StageSettings, options: argparse.Namespace, stage: str) -> None:
    """Put the given flags of one stage into its settings. Raises BadInput that names the flag."""
    for key, value in given(options).items():
        owner, _, name = key.partition(".")
        if owner == stage:
            set_field(section, name, value, f"--{name.replace('_', '-')}")
