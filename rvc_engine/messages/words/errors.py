"""Words of the engine: errors."""

from __future__ import annotations

from rvc_engine.messages.words.kinds import Plural, Words

WORDS: dict[str, str | Plural | Words] = {
    "cannot_be_read": Words(
        "{path} cannot be read",
        "",
        "the file itself may be whole: check its permissions, its disk and the free memory",
    ),
}
