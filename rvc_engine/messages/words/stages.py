"""Words of the engine: the stages."""

from __future__ import annotations

from rvc_engine.messages.words.kinds import Plural, Words

WORDS: dict[str, str | Plural | Words] = {
    # titles
    "base": "Assemble the base",
    "convert": "Convert recordings",
    "encoder": "Train the content encoder",
    "features": "Extract content features",
    "index": "Build the index",
    "pitch": "Track the pitch",
    "preprocess": "Cut the recordings into clips",
    "train": "Train the voice",
    # work without a receipt
    "foreign_checkpoints": "checkpoints of another program are here",
}
