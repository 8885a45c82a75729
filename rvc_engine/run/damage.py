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
from rvc_engine.run.journal import strays

PERMISSION_HINT = "ask its owner, or correct its permissions"


def cannot_read(error: OSError, path: Path) -> BadInput:
    """`path`: used when the error names no file."""
    refused = error.errno in (errno.EACCES, errno.EPERM)
    hint = PERMISSION_HINT if refused else ADVICE.get(error.errno or 0, ("", "check the disk that it is on"))[1]
    return BadInput(f"{error.filename or path} cannot be read", error.strerror or str(error), hint)


def check_folder(experiment: Experiment) -> None:
    """Raises BadInput when the folder is a broken link or its runs are not a folder, OSError when it cannot be read."""
    folder, runs = experiment.folder, experiment.runs
    try:
        os.stat(folder)
    except FileNotFoundError:
        if folder.is_symlink():
            title = f"{folder} is a link to {os.readlink(folder)}, which is not there"
            raise BadInput(title, "", "is that disk mounted? Else remove the link") from None
    if os.path.lexists(runs) and not runs.is_dir():
        raise BadInput(f"{runs} is not a folder", "the journals of its runs belong there", "move it away")


def problem_of(experiment: Experiment, journal: Path | None = None, mistyped: int = 0) -> str:
    """The problem of an experiment whose runs can be read; empty when there is none. `mistyped`: the number of lines in
    its journal with values of wrong types."""
    _, problem = quick_settings(experiment)
    if not problem and mistyped:
        problem = f"{journal} has lines with values of wrong types, which are ignored: restore that file from a copy"
    if not problem and (others := strays(experiment.runs)):
        problem = f"{others[0]} is not the journal of a run and is ignored: move it away"
    return problem


def quick_settings(experiment: Experiment) -> tuple[str, str]:
    """(preset, why the settings cannot be read, or not all be used). For lists: much faster than load_settings, which
    keeps the comments."""
    from rvc_engine.settings import ExperimentSettings

    path = experiment.settings_toml
    try:
        settings = ExperimentSettings.model_validate(_parsed(read_bytes(path, LIMIT_BYTES).decode("utf-8")))
        return settings.preset, settings.problem
    except FileNotFoundError:
        return "", f"{path} is a link to nothing: restore it" if path.is_symlink() else ""
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
        settings = experiment.load_settings()
        return settings.preset, settings.problem
    except RvcError as error:
        return "?", str(error)
