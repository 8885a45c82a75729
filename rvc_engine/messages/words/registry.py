"""Words of the engine: what can be added to by other packages."""

from __future__ import annotations

from rvc_engine.messages.words.kinds import Plural, Words

WORDS: dict[str, str | Plural | Words] = {
    "absent": Words("There is no {thing} {name!r}", "", "use one of {names}"),
    "broken": Words("The {thing} {name} of {package} cannot be loaded", "", "repair or remove {package}"),
    "content_encoder": "content encoder",
    "pitch_method": "pitch method",
    "preset": "preset",
    "stage": "stage",
    "training_hook": "training hook",
    "vocoder": "vocoder",
}
