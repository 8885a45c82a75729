"""Words of the engine: pretrain."""

from __future__ import annotations

from rvc_engine.messages.words.kinds import Plural, Words

WORDS: dict[str, str | Plural | Words] = {
    "no_state_encoder_training_can": Words(
        "No state of the encoder's training can be read",
        "",
        "put back a whole file, or use --fresh",
    ),
    "another_training": Words("{path} is of another training", "it has other {other}"),
    "encoder_training_went_wrong_step": Words(
        "The encoder's training went wrong at step {step}",
        "not finite: {wrong}",
    ),
    "use_same_recordings_settings_fresh": "use the same recordings and settings, or --fresh",
    "run_same_command_again_lower": (
        "run the same command again with a lower --encoder-learning-rate; it resumes from the last saved state"
    ),
    "description_damaged": "its description is damaged",
    "world_makes_other_voices_not": Words(
        "WORLD, which makes other voices, is not installed",
        "",
        "pip install rvc-tui[pretrain]",
    ),
    "pocketsphinx_labels_phones_not_installed": Words(
        "PocketSphinx, which labels the phones, is not installed",
        "",
        "pip install rvc-tui[pretrain], or use --encoder-recogniser none, which learns without labels",
    ),
    "silent": "it is silent",
    "no_words_recognised": "no words are recognised in it",
    "transcript_could_not_be_aligned": "its transcript could not be aligned: {reason}",
    "cannot_be_used": Words("{listing} cannot be used", "", "copy all of that folder's files again"),
    "tensor_unknown_type": "a tensor is of the unknown type {about}",
    "another_version_program": "it is of another version of this program",
    "not_whole_sha_256_another": "{path} is not whole: its SHA-256 is another",
    "held_out_speakers": "held-out speakers",
    "all_speakers": "all speakers",
    "shorter_than_half_second_silent": "it is shorter than half a second, or silent",
    "cannot_be_read": "it cannot be read: {reason}",
    "used_without_labels": "used without labels: {reason}",
    "lacks_column": Words("{path} lacks a column", "it has {map}", "it needs path and transcript"),
    "cannot_be_read_2": Words("{path} cannot be read", "", "write it as CSV in UTF-8"),
    "cannot_be_read_3": Words("{beside} cannot be read", "", "write it as text in UTF-8"),
}
