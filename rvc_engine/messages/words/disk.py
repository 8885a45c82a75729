"""Words of the engine: disk."""

from __future__ import annotations

from rvc_engine.messages.words.kinds import Plural, Words

WORDS: dict[str, str | Plural | Words] = {
    "file_not_folder": Words(
        "{folder} is a file, not a folder",
        "",
        "move that file out of the way, or {elsewhere}",
    ),
    "cannot_be_written": Words(
        "{folder} cannot be written to",
        "no permission",
        "{elsewhere}, or change its permissions",
    ),
    "cannot_be_written_2": Words("{folder} cannot be written to", "its file system is read-only"),
    "disk_full": Words("The disk is full: {path}", "", "free some space and run the same command again"),
    "file_write_failed": "file write failed",
    "no_space_left_device": "No space left on device",
    "after_power_cut_file_may": "{folder}: {reason}; after a power cut, a file may have its old content",
    "file_system_cannot_force_files": "This file system cannot force files to the disk",
    "power_cut_may_undo_last": "{reason}; a power cut may undo the last minutes",
    "file_system_cannot_force_folders": "This file system cannot force folders to the disk",
    "file_system_cannot_rename_files": "This file system cannot rename files",
    "files_written_place_power_cut": "{reason}: files are written in place; a power cut may damage the last",
}
