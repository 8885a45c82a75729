"""Words of the engine: faults on demand, for tests."""

from __future__ import annotations

from rvc_engine.messages.words.kinds import Plural, Words

WORDS: dict[str, str | Plural | Words] = {
    "not_understood": "RVC_FAULTS: {word!r} is not understood",
}
