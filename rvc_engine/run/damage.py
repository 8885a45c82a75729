"""Problems of the files of an experiment, as text for its row in a list: which file, and what to do."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path
from typing import Any

from rvc_engine.common.failures import ADVICE
from rvc_engine.common.opening import read_bytes
from rvc_engine.common.records import LIMIT_BYTES
from rvc_engine.errors import BadInput, RvcError
from rvc_engine.experiment import Experiment
from rvc_engine.messages import NOTHING, Message, message_of, verbatim
from rvc_engine.run.journal import strays

PERMISSION_HINT = Message("run.ask_owner_correct_permissions")


def cannot_read(error: OSError, path: Path) -> BadInput:
    """`path`: used when the error names no file."""
    refused = error.errno in (errno.EACCES, errno.EPERM)
    hint = PERMISSION_HINT if refused else ADVICE.get(error.errno or 0, ("", "check the disk that it is on"))[1]
    return BadInput(
        "run.cannot_be_read", verbatim(error.strerror) or message_of(error), hint, filename=error.filename or path
    )


def check_folder(experiment: Experiment) -> None:
    """Raises BadInput when the folder is a broken link or its runs are not a folder, OSError when it cannot be read."""
    folder, runs = experiment.folder, experiment.runs
    try:
        os.stat(folder)
    except FileNotFoundError:
        if folder.is_symlink():
            title = Message("run.link_not", folder=folder, readlink=os.readlink(folder))
            raise BadInput(title, NOTHING, Message("run.disk_mounted_else_remove_link")) from None
    if os.path.lexists(runs) and not runs.is_dir():
        raise BadInput("run.not_folder", runs=runs)


def problem_of(experiment: Experiment, journal: Path | None = None, mistyped: int = 0) -> str:
    """The problem of an experiment whose runs can be read; empty when there is none. `mistyped`: the number of lines in
    its journal with values of wrong types."""
    _, problem = quick_settings(experiment)
    if not problem and mistyped:
        problem = Message("run.lines_values_wrong_types_ignored", journal=journal)
    if not problem and (others := strays(experiment.runs)):
        problem = Message("run.not_journal_run_ignored_move", others=others[0])
    return problem


def quick_settings(experiment: Experiment) -> tuple[str, str]:
    """(preset, why the settings cannot be read). For lists: much faster than load_settings, which keeps the
    comments."""
    from rvc_engine.settings import ExperimentSettings

    path = experiment.settings_toml
    try:
        return ExperimentSettings.model_validate(_parsed(read_bytes(path, LIMIT_BYTES).decode("utf-8"))).preset, ""
    except FileNotFoundError:
        return "", Message("run.link_nothing_restore", path=path) if path.is_symlink() else ""
    except Exception:  # of many kinds
        return _slow_settings(experiment)


def _parsed(text: str) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib

        return tomllib.loads(text)
    import tomlkit

    table: dict[str, Any] = tomlkit.parse(text).unwrap()
    return table


def _slow_settings(experiment: Experiment) -> tuple[str, str]:
    """The same by load_settings, which has better error messages."""
    try:
        return experiment.load_settings().preset, ""
    except RvcError as error:
        return "?", str(error)
