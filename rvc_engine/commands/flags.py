"""Settings as command-line flags: one definition, in settings.py."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from typing import Any

from rvc_engine.settings import ALL_SETTINGS, StageSettings, bounds_of, choices_of, describe, set_field


def add_settings(parser: argparse.ArgumentParser, stage: str, skip: Iterable[str] = (), prefix: str = "") -> None:
    """A flag for every setting of a stage; absent flags are not in the result (SUPPRESS), so that files keep their word. `prefix`
    comes before each name."""
    group = parser.add_argument_group(f"settings of {stage}")
    for name, field in ALL_SETTINGS[stage].model_fields.items():
        if name in skip:
            continue
        flag, text = f"--{prefix}{name.replace('_', '-')}", describe(field).replace("%", "%%")
        key = f"{stage}.{name}"
        if field.annotation is bool:
            group.add_argument(flag, dest=key, action=argparse.BooleanOptionalAction, default=argparse.SUPPRESS, help=text)
        else:
            group.add_argument(flag, dest=key, default=argparse.SUPPRESS, metavar=metavar(name, field), help=text)


def metavar(name: str, field: Any) -> str:
    if choices_of(field):
        return "|".join(choices_of(field))
    low, _ = bounds_of(field)
    return "N" if low is not None or field.annotation in (int, float) else name.upper()


def given(options: argparse.Namespace) -> dict[str, Any]:
    """The settings that were given: {'train.epochs': '20'}."""
    return {key: value for key, value in vars(options).items() if "." in key}


def fill(section: StageSettings, options: argparse.Namespace, stage: str) -> None:
    """Put the given flags of one stage into its settings. Raises BadInput that names the flag."""
    for key, value in given(options).items():
        owner, _, name = key.partition(".")
        if owner == stage:
            set_field(section, name, value, f"--{name.replace('_', '-')}")
