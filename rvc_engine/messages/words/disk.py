"""Words of the engine: what file systems do not allow or cannot do."""

from __future__ import annotations

from rvc_engine.messages.words.kinds import Plural, Words

WORDS: dict[str, str | Plural | Words] = {
    "file_not_folder": Words("{path} is a file, not a folder", "", "move that file out of the way, or {elsewhere}"),
    "not_writable": "{folder} cannot be written to",
    "elsewhere_or_permissions": "{elsewhere}, or change its permissions",
    # warnings
    "no_sync": "This file system cannot flush files to the disk (fsync)",
    "no_sync_of_folders": "This file system cannot flush folders to the disk (fsync)",
    "no_rename": "This file system cannot rename files",
    "power_cut_undoes": "{reason}; a power cut may undo the last minutes",
    "power_cut_loses_name": "{folder}: {reason}; after a power cut, a file may have its old content",
    "power_cut_damages": "{reason}: files are written in place; a power cut may damage the last one",
}
