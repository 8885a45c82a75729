"""Words of the engine: api."""

from __future__ import annotations

from rvc_engine.messages.words.kinds import Plural, Words

WORDS: dict[str, str | Plural | Words] = {
    "settings_not_mapping": Words("The settings are not a mapping", "", 'write them as {{"train.epochs": 100}}'),
    "run_stopped": Words("The run of {name} was stopped", "during {stage}"),
    "neither_text_nor_path": Words("The {thing} is neither text nor a path", "", "give a str or a pathlib.Path"),
    "no_given": "No {thing} is given",
    "holds_character_no_path_can": "The {thing} holds a character that no path can hold",
    "cannot_be_found": Words("The {thing} {text} cannot be found", "there is no user {first}", "check the path"),
    "event_cannot_be_called": Words("on_event cannot be called", "", "give a function of one event"),
    "folder": Words("{known} is a folder", "", "convert_files takes folders"),
    "sources_not_list": Words("The sources are not a list", "", "convert_file takes one recording"),
    "no_setting_convert": Words("There is no setting {name!r} of convert", "", "there are {known}"),
    "wave_cannot_be_converted": Words("The wave cannot be converted", "", "give samples of a voice, and their rate"),
    "folder_recordings": "folder of recordings",
    "whole_number_hz": "a whole number of Hz, {lowest_rate} to {highest_rate}",
    "name_experiment": "name of an experiment",
    "place_results": "place for results",
    "sample_rate_int_not": "a sample rate is {allowed} (int), not {sample_rate!r}",
    "wave_t_t_channels_samples": "a wave is (T,) or (T, channels) samples, not {shape}",
    "wave_t_t_channels_samples_2": "a wave is (T,) or (T, channels) samples: {shape} has too many channels",
    "run_ended_without_word": "The run of {name} ended without a word",
    "no_array_samples": "it is no array of samples: {reason}",
    "samples_floats_1_1_int16": "samples are floats in -1..1 or int16, not {dtype}",
}
