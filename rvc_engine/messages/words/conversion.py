"""Words of the engine: conversion."""

from __future__ import annotations

from rvc_engine.messages.words.kinds import Plural, Words

WORDS: dict[str, str | Plural | Words] = {
    "no_audio": "no audio in it",
    "holds_samples_not_finite": "it holds samples that are not finite",
    "voice_answers_numbers_not_finite": "the voice answers with numbers that are not finite",
    "folder_not_voice": Words("{path} is a folder, not a voice", "", "name an experiment, a .pth file or a bundle"),
    "no_voice": "There is no voice {name!r}",
    "no_recordings_given": Words("No recordings are given", "", "name recordings, or folders of recordings"),
    "no_voice_yet": Words("{name} has no voice yet", "", "rvc voice extract {name_2} makes one of the newest"),
    "no_voice_yet_2": Words("{name} has no voice yet", "there is no {small_model}", "rvc run {name} trains it"),
    "no_file": Words("There is no file {path}", "", "check the path"),
    "cannot_be_read": Words("{path} cannot be read", "", "check the path"),
    "unknown_format": Words("Unknown format .{suffix}", "{output}", "use one of {formats}"),
    "file": Words("{output} is a file, {thing}", "", "give --output a folder"),
    "one_recordings": Words(
        "{target} is one of the recordings",
        "it would be overwritten",
        "choose another --output",
    ),
    "folder": Words("{target} is a folder", "a result of that name cannot be written", "choose another --output"),
    "no_files": Words("There are no files in {path}", "", "name recordings, or a folder that holds some"),
    "would_be_one_file_several": Words(
        "{output} would be one file for several recordings",
        "",
        "give --output a folder",
    ),
    "cannot_be_read_2": Words("{path} cannot be read", "", "check its permissions"),
    "voices": "voices in {weights}: {names}{value}",
    "no_index_file": "There is no index file {path}",
    "check_path_given_index_use": "check the path given with --index, or use --index none",
    "no_voice_2": "There is no voice {path}",
    "no_voices_rvc_run_name": "there are no voices in {weights}; rvc run NAME --dataset FOLDER makes one",
    "choose_another_output": "choose another --output",
    "no_but_training_checkpoints": "there is no {small_model}, but there are training checkpoints",
    "no_file_2": "There is no file {path}",
    "check_path": "check the path",
    "without_format_name": "without a format in its name",
    "but_several_recordings_need_folder": "but several recordings need a folder",
    "features_wide_voice": "its features are {dim} wide, the voice's {feature_dim} ({version})",
    "nothing_says_encoder_made": "nothing says that the encoder {encoder} made it",
    "encoder_made_features_voice": "the encoder {encoder} made its features, {encoder_2} the voice's",
    "no_index_can_be_used": "{path} is no index that can be used",
    "index_does_not_belong_voice": "The index {name} does not belong to this voice",
    "use_index_same_experiment_index": "use the index of the same experiment, or --index none",
}
