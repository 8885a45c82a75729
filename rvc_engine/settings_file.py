"""experiment.toml: the settings of an experiment, with an explanation of each."""

from __future__ import annotations

import tomlkit

from rvc_engine.setting import describe
from rvc_engine.settings import BASE_SETTINGS, STAGE_SETTINGS, ExperimentSettings


def render_toml(settings: ExperimentSettings) -> str:
    """Every setting with its value, under a comment with help, bounds, unit and default."""
    document = tomlkit.document()
    document.add(
        tomlkit.comment("Settings of this experiment. rvc reads them at each start; `rvc STAGE --help` explains each.")
    )
    document.add("preset", tomlkit.item(settings.preset))
    document.add(tomlkit.comment("false trains the variant without pitch"))
    document.add("pitched", tomlkit.item(settings.pitched))
    document.add("dataset", tomlkit.item(settings.dataset))
    if settings.base:
        document.add(tomlkit.comment("true trains a base for voices (rvc pretrain)"))
        document.add("base", tomlkit.item(True))
    for stage, model in (BASE_SETTINGS if settings.base else STAGE_SETTINGS).items():
        table = tomlkit.table()
        section = getattr(settings, stage)
        for name, field in model.model_fields.items():
            table.add(tomlkit.comment(describe(field)))
            table.add(name, tomlkit.item(getattr(section, name)))
        document.add(tomlkit.nl())
        document.add(stage, table)
    return tomlkit.dumps(document)
