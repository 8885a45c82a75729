"""The voices of a workspace: small models and bundles in weights/, bundles beside it or in exports/, experiments with
checkpoints only."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rvc_engine.common.names import voice_of_stem
from rvc_engine.errors import BadInput, reason_of
from rvc_engine.experiment import Experiment
from rvc_engine.messages import Message
from rvc_engine.run.damage import cannot_read, check_folder
from rvc_engine.voices.metadata import SUFFIX, UNKNOWN, peek_metadata
from rvc_engine.workspace import Workspace

EXPORTS = "exports"  # where the app puts what it makes for others


def rows_of(workspace: Workspace) -> list[dict[str, Any]]:
    """Newest first. Each: the fields of peek_metadata, and `voice` (the argument for `rvc convert`), `name`, `path`,
    `bytes`, `at` (time of the file), `index` (of its experiment), `newest` (of its name)."""
    folders = (workspace.weights, workspace.home, workspace.home / EXPORTS)
    rows = [row for folder in folders for row in _rows_in(folder, SUFFIX, _bundle)]
    rows += _rows_in(workspace.weights, ".pth", lambda path: _small_model(path, workspace))
    voiced = {row["name"] for row in rows}
    for experiment in workspace.experiments():
        if experiment.name not in voiced:
            rows += _unfinished(experiment)
    return sorted(rows, key=lambda row: -float(row["at"]))


def _rows_in(folder: Path, suffix: str, row_of: Callable[[Path], dict[str, Any]]) -> list[dict[str, Any]]:
    """Broken links and unreadable files have rows with a problem."""
    try:
        found = sorted(p for p in folder.iterdir() if p.suffix == suffix and not p.name.startswith("."))
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        return [_row(folder, folder.name, str(folder), problem=cannot_read(error, folder).line)]
    return [row_of(path) for path in found if path.is_symlink() or os.path.isfile(path)]


def _row(path: Path, name: str, voice: str, **more: Any) -> dict[str, Any]:
    try:
        about = path.stat()
        size, at = about.st_size, about.st_mtime
    except OSError as error:
        size, at, more = 0, 0.0, {"problem": Message("run.not_read", reason=reason_of(error))}
    return {
        "voice": voice,
        "name": name,
        "path": str(path),
        "bytes": size,
        "at": at,
        "index": None,
        "newest": True,
        **UNKNOWN,
        **more,
    }


def _bundle(path: Path) -> dict[str, Any]:
    return _row(path, path.stem, str(path), **peek_metadata(path))


def _small_model(path: Path, workspace: Workspace) -> dict[str, Any]:
    """A name alone stands for its newest file."""
    name = voice_of_stem(path.stem)
    try:
        experiment = workspace.experiment(name)
    except BadInput:  # not the name of an experiment: the path is used
        return _row(path, name, str(path), **peek_metadata(path))
    try:
        newest = experiment.small_models()[-1] == path
        index = next((str(p) for p in reversed(experiment.indexes())), None)
    except OSError:  # a broken link among them, or an unreadable folder
        newest, index = False, None
    named = newest and not name.endswith((".pth", SUFFIX)) and os.sep not in name
    return _row(path, name, name if named else str(path), **{**peek_metadata(path), "index": index, "newest": newest})


def _unfinished(experiment: Experiment) -> list[dict[str, Any]]:
    """An experiment with checkpoints and no voice, or one that cannot be read."""
    try:
        check_folder(experiment)
        timed = [
            (at, path)
            for path in experiment.folder.iterdir()
            if path.match("G_*.pth") and (at := _time(path)) is not None
        ]
    except BadInput as error:
        return [_row(experiment.folder, experiment.name, experiment.name, problem=error.line)]
    except OSError as error:
        problem = cannot_read(error, experiment.folder).line
        return [_row(experiment.folder, experiment.name, experiment.name, problem=problem)]
    facts = {"what": "checkpoints", "problem": Message("run.only_checkpoints", name=experiment.name)}
    return [_row(max(timed)[1], experiment.name, experiment.name, **facts)] if timed else []


def _time(path: Path) -> float | None:
    try:
        return path.stat().st_mtime
    except OSError:
        return None
