"""Experiments and their folder."""

from __future__ import annotations

from rvc_engine.messages.words.kinds import Plural, Words

WORDS: dict[str, str | Plural | Words] = {
    # --- experiment.toml
    "not_valid": Words("{path} is not valid", "{where}: {reason}", "correct that line"),
    "toml_not_read": Words("{path} cannot be read", "", "correct the file"),
    "link_to_nothing": Words("{path} is a broken link", "", "restore the file that it points to"),
    "absent": Words("There is no experiment {name!r} in {parent}", "", "{do.choose_dataset} makes it"),
    # --- what resumes a run
    "same_command_resumes": "the same {do.convert_any} resumes it",
    "run_resumes": "{do.run} resumes it",
    # --- names, and the folder of experiments
    "no_name": Words(
        "{name!r} cannot be the name of an experiment", "", "choose a name that is valid for a folder on every system"
    ),
    "name_too_long": "the file system of {folder} allows names of at most {bytes} bytes",
    "other_files": Words(
        "{folder} is not an experiment", "it holds other files", "give a new name, or the folder of an experiment"
    ),
    "logs_link": Words("{logs} is a link to {target}, which does not exist", "", "is that disk mounted?"),
    "logs_not_read": Words("{logs} cannot be read", "", "is it the folder of your experiments?"),
}
