"""Words of the engine: shapes of voices."""

from __future__ import annotations

from rvc_engine.messages.words.kinds import Plural, Words

WORDS: dict[str, str | Plural | Words] = {
    "config_length": "config has {count} entries, expected 18",
}
