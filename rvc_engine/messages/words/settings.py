"""Words of the engine: settings."""

from __future__ import annotations

from rvc_engine.messages.words.kinds import Plural, Words

WORDS: dict[str, str | Plural | Words] = {
    "no_preset": Words("There is no preset {preset!r}", "", "choose one of: {known}"),
    "no_setting": Words("There is no setting {key!r}", "", "rvc STAGE --help lists the settings of each stage"),
}
