"""The rows of the list of experiments. Fast: unchanged experiments are not read again."""

from __future__ import annotations

import os
from pathlib import Path

from rvc_engine.client.state import Row
from rvc_engine.common.lines import error_from_record
from rvc_engine.common.lock import live_holder
from rvc_engine.experiment import Experiment, journals
from rvc_engine.messages import Message, verbatim
from rvc_engine.messages.message import Value
from rvc_engine.run.damage import quick_settings
from rvc_engine.run.status import read_view
from rvc_engine.workspace import Workspace


class Listing:
    """Cached rows of a workspace, each with the state of its files."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[object, Row]] = {}

    def rows(self, workspace: Workspace) -> list[Row]:
        """Running experiments first, then the newest. A damaged experiment has a row with a `problem`. Raises BadInput
        when they cannot be listed."""
        rows = [self._row(experiment) for experiment in workspace.experiments()]
        return sorted(rows, key=lambda row: (row.state != "running", -row.at))

    def _row(self, experiment: Experiment) -> Row:
        """A running one is always read: its engine may have ended without writing anything."""
        stamp = stamp_of(experiment)
        known = self._known.get(experiment.name)
        if known is None or known[0] != stamp or known[1].state == "running":
            known = self._known[experiment.name] = (stamp, row_of(experiment))
        return known[1]


def row_of(experiment: Experiment) -> Row:
    view = read_view(experiment)
    state = "running" if live_holder(experiment.lock) is not None else view.state
    problem = error_from_record(view.error).line if view.error and not view.run else view.problem
    preset = quick_settings(experiment)[0] or view.preset
    return Row(experiment.name, preset, state, touched(experiment), _short(problem, f"{experiment.folder}{os.sep}"))


def _short(text: str, folder: str) -> Message:
    """Without the folder in its paths: the row has its name already."""
    if not isinstance(text, Message) or not text.code:
        return verbatim(text.replace(folder, ""))
    return Message(text.code, **{key: _short_param(value, folder) for key, value in text.params.items()})


def _short_param(value: Value, folder: str) -> Value:
    return _short(value, folder) if isinstance(value, str) else value


def stamp_of(experiment: Experiment) -> object:
    """Changes with each file that a row depends on. Of folders only inode and mode count: reading an experiment writes
    files there."""
    folders = [
        (about.st_ino, about.st_mode) if (about := stat_of(path)) else None
        for path in (experiment.folder, experiment.runs)
    ]
    files = (experiment.settings_toml, *newest_journal(experiment), experiment.lock)
    return folders, [
        (str(path), about.st_ino, about.st_size, about.st_mtime_ns) if (about := stat_of(path)) else None
        for path in files
    ]


def newest_journal(experiment: Experiment) -> list[Path]:
    try:
        return journals(experiment.runs)[-1:]
    except OSError:
        return []


def stat_of(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:
        return None


def touched(experiment: Experiment) -> float:
    """The time of its last change, by the times of its files; 0 when they cannot be read."""
    return max(
        about.st_mtime if (about := stat_of(path)) else 0.0
        for path in (experiment.settings_toml, *newest_journal(experiment))
    )


def newest_experiment(home: Path) -> str:
    """The running experiment, else the one that changed last; empty when there is none. Raises BadInput when logs/
    cannot be listed."""
    experiments = Workspace(home).experiments()

    def rank(experiment: Experiment) -> tuple[bool, float]:
        newest = stat_of((newest_journal(experiment) or [experiment.settings_toml])[0])
        return live_holder(experiment.lock) is not None, newest.st_mtime if newest else 0.0

    return max(experiments, key=rank).name if experiments else ""
