"""Problems of the files of an experiment, as text for its row in a list: which file, and what to do."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path
from typing import Any

from rvc_engine.common.failures import refusal
from rvc_engine.common.opening import read_bytes
from rvc_engine.common.records import LIMIT_BYTES
from rvc_engine.errors import BadInput, RvcError, reason_of
from rvc_engine.experiment import Experiment
from rvc_engine.messages import NOTHING, Message
from rvc_engine.messages.message import fix_of
from rvc_engine.run.journal import strays


def cannot_read(error: OSError, path: Path) -> BadInput:
    """`path`: used when the error names no file."""
    if error.errno in (errno.EACCES, errno.EPERM):
        hint = Message("run.correct_permissions")
    else:
        hint = fix_of(refusal(error.errno)) or Message("run.check_disk")
    return BadInput("common.cannot_be_read", reason_of(error), hint, path=error.filename or path)


def check_folder(experiment: Experiment) -> None:
    """Raises BadInput when the folder is a broken link or its runs are not a folder, OSError when it cannot be read."""
    folder, runs = experiment.folder, experiment.runs
    try:
        os.stat(folder)
    except FileNotFoundError:
        if folder.is_symlink():
            raise BadInput("run.broken_link", folder=folder, target=os.readlink(folder)) from None
    if os.path.lexists(runs) and not runs.is_dir():
        raise BadInput("run.runs_not_folder", runs=runs)


def problem_of(experiment: Experiment, journal: Path | None = None, mistyped: int = 0) -> Message:
    """The problem of an experiment whose runs can be read; empty when there is none. `mistyped`: the number of lines in
    its journal with values of wrong types."""
    _, problem = quick_settings(experiment)
    if not problem and mistyped:
        problem = Message("run.lines_mistyped", journal=journal)
    if not problem and (others := strays(experiment.runs)):
        problem = Message("run.no_journal", path=others[0])
    return problem


def quick_settings(experiment: Experiment) -> tuple[str, Message]:
    """(preset, why the settings cannot be read, or not all be used). For lists: much faster than load_settings, which
    keeps the comments."""
    from rvc_engine.settings import ExperimentSettings

    path = experiment.settings_toml
    try:
        settings = ExperimentSettings.model_validate(_parsed(read_bytes(path, LIMIT_BYTES).decode("utf-8")))
        return settings.preset, settings.problem
    except FileNotFoundError:
        return "", Message("run.settings_link", path=path) if path.is_symlink() else NOTHING
    except Exception:  # of many kinds
        return _slow_settings(experiment)


def _parsed(text: str) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib

        return tomllib.loads(text)
    import tomlkit

    table: dict[str, Any] = tomlkit.parse(text).unwrap()
    return table


def _slow_settings(experiment: Experiment) -> tuple[str, Message]:
    """The same by load_settings, which has better error messages."""
    try:
        settings = experiment.load_settings()
        return settings.preset, settings.problem
    except RvcError as error:
        return "?", error.line
