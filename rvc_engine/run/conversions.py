"""The conversions of a workspace: a folder each, by number, with the journal of its runs."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from rvc_engine.common.lock import live_holder
from rvc_engine.disk import require_writable
from rvc_engine.errors import RvcError
from rvc_engine.experiment import Experiment
from rvc_engine.messages import Message
from rvc_engine.run.stage_list import stages_of
from rvc_engine.stages.receipt import is_complete
from rvc_engine.workspace import Workspace

if TYPE_CHECKING:
    from rvc_engine.settings import ExperimentSettings

KEPT = 50
"""So many ended conversions are kept, the newest. Their results are in other folders and always stay."""


def conversions(workspace: Workspace) -> list[Experiment]:
    """Oldest first."""
    try:
        folders = [path for path in workspace.conversions.iterdir() if path.name.isdecimal() and len(path.name) <= 8]
    except OSError:
        return []
    return [Experiment(path, workspace) for path in sorted(folders, key=_number)]


def unfinished(workspace: Workspace, settings: ExperimentSettings) -> Experiment | None:
    """The newest conversion with the same settings that is neither finished nor running: it is resumed."""
    for one in reversed(conversions(workspace)):
        if live_holder(one.lock) is not None or all(is_complete(one, stage.name) for stage in stages_of(settings)):
            continue
        try:
            same = one.load_settings() == settings
        except RvcError:
            continue
        if same:
            return one
    return None


def new_conversion(workspace: Workspace) -> Experiment:
    """A new conversion; its folder is made here. Removes the folders of the oldest ended ones. Raises BadInput when no
    folder can be made."""
    there = conversions(workspace)
    for old in there[: max(0, len(there) - KEPT + 1)]:
        if live_holder(old.lock) is None:
            shutil.rmtree(old.folder, ignore_errors=True)
    parent = workspace.conversions
    require_writable(parent, Message("run.writable_workspace"))
    number = max((_number(one.folder) for one in there), default=0)
    while True:
        number += 1
        try:
            (parent / str(number)).mkdir(parents=True)
            return Experiment(parent / str(number), workspace)
        except FileExistsError:  # another conversion began at the same moment
            continue


def remove_unused(conversion: Experiment) -> bool:
    """Remove the folder of a conversion that has not begun: nothing is in it. False for any other."""
    try:
        conversion.folder.rmdir()
    except OSError:
        return False
    return True


def _number(folder: Path) -> int:
    return int(folder.name)
