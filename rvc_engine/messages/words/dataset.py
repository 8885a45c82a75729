"""Words of the engine: folders of recordings and what is made of them. What is found in them: dataset_findings.py."""

from __future__ import annotations

from rvc_engine.messages.words.kinds import Plural, Words

WORDS: dict[str, str | Plural | Words] = {
    # the folder
    "folder_of_recordings": "the folder of recordings",
    "no_folder_given": Words("No recordings are given", "", "{flag.dataset} FOLDER names the folder of recordings"),
    "folder_empty": Words(
        "The folder {folder!r} is empty",
        "there is no file in it",
        "put recordings into it, or use {set.preprocess.subfolders} if they are in folders inside it",
    ),
    "all_folders_empty": Words("The folder {folder!r} is empty", "there is no file in it", "put recordings into it"),
    "no_file_in": "there is no file in {folder}",
    "nothing_usable": Words(
        "No usable recording in {folder!r}",
        "{reasons}",
        "give a folder with recordings of one voice, in any format that ffmpeg reads",
    ),
    "reason_of": "{name!r}: {reason}",
    "and_more_reasons": "{reasons}; and {count} more",
    # what lies in it and is not used
    "passed_over": Plural("{what} was not used", "{what} were not used"),
    "several_kinds": "{kinds} and {last}",
    "below": Plural("{count} file in sub-folders", "{count} files in sub-folders"),
    "folder_links": Plural("{count} link to a folder", "{count} links to folders"),
    "dangling_links": Plural("{count} broken link", "{count} broken links"),
    "no_files": Plural("{count} pipe or device", "{count} pipes or devices"),
    "use_subfolders": "{set.preprocess.subfolders} includes files in sub-folders",
    "copy_linked": "copy the files that the links point to",
    # the model that fits
    "nothing_measured": "nothing could be measured",
    "rate_filled": "the audio reaches {khz:.1f} kHz, and a model at {rate_khz} kHz uses {used_khz} kHz",
    "lowest_rate_published": ("the audio reaches {khz:.1f} kHz; 32 kHz is the lowest rate of the published models"),
    "audio_ends": "the audio ends at {khz:.1f} kHz, and a model at 16 kHz uses 8 kHz",
    # measuring
    "cannot_be_measured": "cannot be measured: {reason}",
    "process_ended": "cannot be measured: the process that read it ended",
    # clips.csv and sources.csv
    "table_cannot_be_used": Words(
        "{path} cannot be used",
        "{reason}",
        "put the old file back, or move it away: the recordings are then cut anew",
    ),
    "in_line": "line {line}: {reason}",
    "zero_byte": "it holds a zero byte in line {line}",
    "no_column": "it has no column {column!r}; its first line is {first_line!r}",
    "no_clip_name": "{name!r} is not the name of a clip",
    "value_missing": "{column} is missing",
    "value_unfit": "{column} has the invalid value {value!r}",
    # recordings that go during a run
    "vanished_for_good": Words(
        "Recordings in {folder} vanished during the run",
        "{names}",
        "mount the disk again and run the same command: it resumes; what was removed on purpose is then left out",
    ),
    "vanished": "recordings in {folder} vanished: {names}",
    "and_more_names": "{name!r} and {count} more",
}
