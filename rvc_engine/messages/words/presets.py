"""Words of the engine: presets."""

from __future__ import annotations

from rvc_engine.messages.words.kinds import Plural, Words

WORDS: dict[str, str | Plural | Words] = {
    "config_entries_expected_18": "config has {count} entries, expected 18",
}
