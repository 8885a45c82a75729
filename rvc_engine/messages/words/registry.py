"""Words of the engine: registry."""

from __future__ import annotations

from rvc_engine.messages.words.kinds import Plural, Words

WORDS: dict[str, str | Plural | Words] = {
    "no": Words("There is no {thing} {name!r}", "", "use one of {names}"),
    "repair_remove": "repair or remove {package}",
    "cannot_be_loaded": "The {thing} {name} of {package} cannot be loaded",
}
