"""Words of the engine: what is no setting and no preset."""

from __future__ import annotations

from rvc_engine.messages.words.kinds import Plural, Words

WORDS: dict[str, str | Plural | Words] = {
    "no_preset": Words("There is no preset {preset!r}", "", "choose one of: {choices}"),
    "no_setting": Words("There is no setting {key!r}", "", "{do.help_stage} lists the settings of each stage"),
    "not_used": "the settings of {name} are kept and not used: {reason}",
    "no_stage_package": "no installed package has this stage",
    "stage_without_settings": "this stage has no settings",
    "section_kept": "kept as it is: {reason}",
}
