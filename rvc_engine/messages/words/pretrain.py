"""Words of the training of a content encoder: recordings, transcripts and labels, its states."""

from __future__ import annotations

from rvc_engine.messages.words.kinds import Plural, Words

PACKAGES = "pip install rvc-tui[pretrain]"

WORDS: dict[str, str | Plural | Words] = {
    # packages
    "no_world": Words("WORLD, which makes other voices, is not installed", "", PACKAGES),
    "no_pocketsphinx": Words(
        "PocketSphinx, which labels the phones, is not installed",
        "",
        PACKAGES + ", or use {set.encoder.recogniser} none, which learns without labels",
    ),
    # recordings
    "not_read": "it cannot be read: {reason}",
    "too_short": "it is shorter than half a second, or silent",
    # transcripts and labels
    "transcripts_unreadable": Words("{path} cannot be read", "", "write it as CSV in UTF-8"),
    "transcripts_lack": Words("{path} lacks a column", "it has {columns}", "it needs path and transcript"),
    "text_unreadable": Words("{path} cannot be read", "", "write it as text in UTF-8"),
    "unlabelled": "used without labels: {reason}",
    "silent": "it is silent",
    "no_words": "no words are recognised in it",
    "not_aligned": "its transcript could not be aligned: {reason}",
    "no_path": "no alignment was found",
    # its training
    "not_finite": Words(
        "The encoder's training diverged at step {step}",
        "not finite: {numbers}",
        "run the same command again with a lower {set.encoder.learning_rate}; it resumes from the last saved state",
    ),
    "no_state": Words(
        "No state of the encoder's training can be read",
        "",
        "restore an intact file, or use {flag.fresh}",
    ),
    "other_training": Words(
        "{path} belongs to another training",
        "its {other} differ",
        "use the same recordings and settings, or {flag.fresh}",
    ),
    "phones": "phones",
    "speakers": "speakers",
    "config": "settings",
    "no_description": "its description is damaged",
    # its probes
    "held_out_speakers": "held-out speakers",
    "all_speakers": "all speakers",
    # states in parts
    "parts_unusable": Words("{path} cannot be used", "", "copy all of that folder's files again"),
    "other_version": "it was written by another version of this program",
    "part_damaged": "{name} is damaged: its SHA-256 differs",
    "unknown_type": "a tensor is of the unknown type {type}",
}
