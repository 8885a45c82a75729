"""Words of conversions: which voice, which recordings, which results, and the index."""

from __future__ import annotations

from rvc_engine.messages.words.kinds import Plural, Words

WORDS: dict[str, str | Plural | Words] = {
    # which voice
    "no_voice_named": "There is no voice {name!r}",
    "folder_not_voice": Words("{path} is a folder, not a voice", "", "name an experiment, a .pth file or a bundle"),
    "checkpoints_only": Words(
        "{name} has no voice yet",
        "there is no {small_model}, but there are training checkpoints",
        "{do.extract} makes one from the newest",
    ),
    "not_trained_yet": Words("{name} has no voice yet", "there is no {small_model}", "{do.run} trains it"),
    "no_voices": "there are no voices in {folder}; {do.new} makes one",
    "voices": "voices in {folder}: {names}",
    "voices_and_more": "voices in {folder}: {names}, ...",
    # which recordings
    "no_recordings": Words("No recordings are given", "", "name recordings, or folders of recordings"),
    "empty_folder": Words("There are no files in {path}", "", "name recordings, or a folder that holds some"),
    # which results
    "unknown_format": Words("Unknown format .{suffix}", "{path}", "use one of {formats}"),
    "file_without_format": Words("{path} is a file, without a format in its name", "", "give {flag.output} a folder"),
    "file_for_several": Words(
        "{path} is a file, but several recordings need a folder", "", "give {flag.output} a folder"
    ),
    "one_file_for_several": Words("{path} would be one file for several recordings", "", "give {flag.output} a folder"),
    "is_recording": Words("{path} is one of the recordings", "it would be overwritten", "choose another {flag.output}"),
    "is_folder": Words("{path} is a folder", "a result of that name cannot be written", "choose another {flag.output}"),
    "another_output": "choose another {flag.output}",
    # the index
    "no_index_file": Words(
        "There is no index file {path}", "", "check the path given with {flag.index}, or use {flag.index} none"
    ),
    "index_of_another": Words(
        "The index {name} does not belong to this voice",
        "",
        "use the index of the same experiment, or {flag.index} none",
    ),
    "index_width": "its features are {width} wide, the voice's {expected} ({version})",
    "index_no_encoder": "it does not say that it was made with the encoder {encoder}",
    "index_other_encoder": "its features were made by the encoder {encoder}, the voice's by {expected}",
    # one recording
    "not_finite": "it holds samples that are not finite",
    "precision_not_finite": Words(
        "The conversion continues in fp32",
        "in {precision} on {device} the samples of the voice were not finite",
        "{set.convert.precision} fp32 uses it from the start",
    ),
    "result_not_finite": "the voice produced samples that are not finite",
}
