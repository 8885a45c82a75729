"""Words of the engine: setting."""

from __future__ import annotations

from rvc_engine.messages.words.kinds import Plural, Words

WORDS: dict[str, str | Plural | Words] = {
    "not_allowed": "{key} = {value!r} is not allowed",
}
