"""The paths of a run's files after its experiment was moved or copied."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from rvc_engine.experiment import Experiment
from rvc_engine.workspace import Workspace


def moved_artefacts(artefacts: list[dict[str, Any]], before: str, now: str) -> list[dict[str, Any]]:
    """The current paths of artefacts that were recorded when the experiment was in the folder `before`: inside its
    folder `now`, and in the weights/ of that workspace. Those that only the original has are left out."""
    if before in ("", now):
        return artefacts
    old, new = (Experiment(Path(folder), Workspace(Path(folder).parent.parent)) for folder in (before, now))
    found = []
    for artefact in artefacts:
        path = _moved(Path(str(artefact["path"])), old, new)
        if path is not None and path.is_file():
            found.append({**artefact, "path": str(path)})
        elif not os.path.exists(artefact["path"]):  # deleted: the recorded path
            found.append(artefact)
    return found


def _moved(path: Path, old: Experiment, new: Experiment) -> Path | None:
    if path.is_relative_to(old.folder):
        return new.folder / path.relative_to(old.folder)
    return new.small_model if path == old.small_model else None
