"""experiment.toml: the settings of an experiment, with an explanation of each."""

from __future__ import annotations

import tomlkit
from tomlkit.items import Table

from rvc_engine.messages import Message
from rvc_engine.messages.actions import command
from rvc_engine.sections import sections, why_unused
from rvc_engine.setting import StageSettings, describe
from rvc_engine.settings import Conversion, ConvertSettings, ExperimentSettings


def render_toml(settings: ExperimentSettings) -> str:
    """Every setting with its value, under a comment with help, bounds, unit and default."""
    if settings.conversion is not None:
        return _render_conversion(settings.conversion, settings)
    document = tomlkit.document()
    help = command("help_stage", {})
    document.add(tomlkit.comment(f"Settings of this experiment. rvc reads them at each start; `{help}` explains each."))
    document.add("preset", tomlkit.item(settings.preset))
    document.add(tomlkit.comment("false trains the variant without pitch"))
    document.add("pitched", tomlkit.item(settings.pitched))
    document.add("dataset", tomlkit.item(settings.dataset))
    if settings.base:
        document.add(tomlkit.comment("true trains a base for voices (rvc pretrain)"))
        document.add("base", tomlkit.item(True))
    for stage, model in sections(base=settings.base).items():
        document.add(tomlkit.nl())
        document.add(stage, _section(settings.section(stage), model))
    for stage, section in settings.unused.items():
        document.add(tomlkit.nl())
        document.add(tomlkit.comment(str(Message("settings.section_kept", reason=why_unused(stage)))))
        document.add(stage, tomlkit.item(section))
    return tomlkit.dumps(document)


def _section(section: StageSettings, model: type[StageSettings]) -> Table:
    table = tomlkit.table()
    for name, field in model.model_fields.items():
        table.add(tomlkit.comment(describe(field)))
        table.add(name, tomlkit.item(getattr(section, name)))
    return table


def _render_conversion(conversion: Conversion, settings: ExperimentSettings) -> str:
    document = tomlkit.document()
    document.add(tomlkit.comment("What one `rvc convert` was asked to do."))
    document.add("conversion", tomlkit.item(conversion.model_dump()))
    document.add(tomlkit.nl())
    document.add("convert", _section(settings.convert, ConvertSettings))
    return tomlkit.dumps(document)
