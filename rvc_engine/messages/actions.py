"""What a user can be advised to do: the name of an action and the command that does it. An app may show its key
instead.

{do.resume} in a template stands for one; it takes its parameters from those of the message. Templates name no command
and no flag themselves: {set.train.batch_size} is a setting, {flag.home} a flag that is no setting.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

ACTIONS: dict[str, str] = {
    "advise": "rvc advise",
    "attach": "rvc attach {name}",
    "choose_dataset": "rvc run {name} --dataset FOLDER",
    "convert_any": "rvc convert",
    "doctor": "rvc doctor",
    "extract": "rvc voice extract {name}",
    "extract_file": "rvc voice extract {path} --name {name}",
    "features": "rvc features {name}",
    "help_stage": "rvc STAGE --help",
    "index": "rvc index {name}",
    "index_fresh": "rvc index {name} --fresh",
    "list": "rvc list",
    "list_assets": "rvc assets list",
    "measure": "rvc advise --measure",
    "new": "rvc run NAME --dataset FOLDER",
    "numerics": "rvc doctor --numerics",
    "preprocess": "rvc preprocess {name}",
    "pull": "rvc assets pull {preset}",
    "pull_any": "rvc assets pull PRESET",
    "pull_unpitched": "rvc assets pull {preset} --no-pitch",
    "queue_list": "rvc queue list",
    "queue_remove": "rvc queue remove {number}",
    "queue_run": "rvc queue run",
    "queue_stop": "rvc queue stop",
    "run": "rvc run {name}",
    "run_any": "rvc run",
    "stop": "rvc stop {name}",
    "survey": "rvc dataset {path}",
}


class Commands:
    """`{do.NAME}` as the command of an action."""

    def __init__(self, params: Mapping[str, Any]) -> None:
        self._params = params

    def __getattr__(self, name: str) -> str:
        if name not in ACTIONS:
            raise AttributeError(name)
        return command(name, self._params)


def command(name: str, params: Mapping[str, Any]) -> str:
    """The command line of an action, its parameters quoted for a shell."""
    quoted = {key: shlex.quote(value) if isinstance(value, str) else value for key, value in params.items()}
    return ACTIONS[name].format_map(quoted)


OTHER_FLAGS = {"encoder.source": "encoder"}
"""Settings whose flag is not their own name."""
PREFIXED = {"encoder"}
"""Stages whose flags begin with their name: --encoder-batch."""


class Flags:
    """`{set.STAGE.NAME}` as the flag of a setting: --batch-size; `{flag.NAME}` as another flag."""

    def __init__(self, stage: str = "", name: str = "") -> None:
        self._stage, self._name = stage, name

    def __getattr__(self, name: str) -> Flags:
        if name.startswith("_"):
            raise AttributeError(name)
        return Flags(self._name, name)

    def __str__(self) -> str:
        own = OTHER_FLAGS.get(f"{self._stage}.{self._name}", self._name)
        prefix = f"{self._stage}-" if self._stage in PREFIXED and own == self._name else ""
        return "--" + prefix + own.replace("_", "-")

    def __format__(self, format_spec: str) -> str:
        return str(self)
