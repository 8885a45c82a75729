"""Words of the engine: stages."""

from __future__ import annotations

from rvc_engine.messages.words.kinds import Plural, Words

WORDS: dict[str, str | Plural | Words] = {
    "put_base_together": "Put the base together",
    "convert_recordings": "Convert recordings",
    "train_content_encoder": "Train the content encoder",
    "extract_content_features": "Extract content features",
    "build_index": "Build the index",
    "track_pitch": "Track the pitch",
    "cut_recordings_clips": "Cut the recordings into clips",
    "train_voice": "Train the voice",
    "checkpoints_another_program_here": "checkpoints of another program are here",
}
