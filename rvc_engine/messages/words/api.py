"""Words of the engine: what the Python API is given and cannot take."""

from __future__ import annotations

from rvc_engine.messages.words.kinds import Plural, Words

WORDS: dict[str, str | Plural | Words] = {
    # what is given
    "index": "index",
    "name": "name of an experiment",
    "place_for_results": "output file or folder",
    "recording": "recording",
    "recordings": "folder of recordings",
    "voice": "voice",
    "workspace": "workspace",
    # paths and names
    "no_text": Words("The {thing} is neither text nor a path", "", "give a str or a pathlib.Path"),
    "not_given": "No {thing} is given",
    "null_character": "The {thing} contains a null character",
    "no_user": Words("The {thing} {text} cannot be found", "there is no user {user}", "check the path"),
    "is_folder": Words("{path} is a folder", "", "convert_files takes folders"),
    # other arguments
    "no_callback": Words("on_event cannot be called", "", "give a function of one event"),
    "no_list": Words("The sources are not a list", "", "convert_file takes one recording"),
    "no_mapping": Words("The settings are not a mapping", "", 'write them as {{"train.epochs": 100}}'),
    "no_setting": Words("There is no setting {name!r} of convert", "", "use one of {names}"),
    # waves
    "no_wave": Words("The wave cannot be converted", "", "give samples of a voice, and their rate"),
    "no_array": "it is not an array of samples: {reason}",
    "dtype": "samples are floats in -1..1 or int16, not {dtype}",
    "rate": "a sample rate is a whole number of Hz, {lowest} to {highest} (int), not {rate}",
    "shape": "a wave is (T,) or (T, channels) samples, not {shape}",
    "too_many_channels": "a wave is (T,) or (T, channels) samples: {shape} has too many channels",
    # how a run ended
    "stopped": Words("The run of {name} was stopped", "during the start"),
    "stopped_in": Words("The run of {name} was stopped", "during {stage}"),
    "no_end": "The run of {name} ended without a result",
}
