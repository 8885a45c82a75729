"""The voices of a workspace: small models and bundles in weights/, bundles beside it or in exports/, experiments with checkpoints only."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from rvc_engine.bundles.glance import SUFFIX, UNTOLD, glance
from rvc_engine.errors import BadInput
from rvc_engine.experiment import Experiment, Workspace, voice_of_stem

EXPORTS = "exports"  # where the app puts what it makes for others


def rows_of(workspace: Workspace) -> list[dict[str, Any]]:
    """Newest first. Each: what `glance` tells, and `voice` as `rvc convert` takes it, `name`, `path`, `bytes`, `at` (time of the file),
    `index` (of its experiment), `newest` (of its name)."""
    bundles = [path for folder in (workspace.weights, workspace.home, workspace.home / EXPORTS) for path in _files(folder, SUFFIX)]
    rows = [*map(_bundle, bundles), *(_small_model(path, workspace) for path in _files(workspace.weights, ".pth"))]
    voiced = {row["name"] for row in rows}
    for experiment in workspace.experiments():
        if experiment.name not in voiced and (checkpoints := [*experiment.folder.glob("G_*.pth")]):
            rows.append(_unfinished(experiment, max(checkpoints, key=lambda path: (len(path.stem), path.stem))))
    return sorted(rows, key=lambda row: -float(row["at"]))


def _files(folder: Path, suffix: str) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(p for p in folder.iterdir() if p.suffix == suffix and not p.name.startswith(".") and p.is_file())


def _row(path: Path, name: str, voice: str, **more: Any) -> dict[str, Any]:
    about = path.stat()
    head = {"voice": voice, "name": name, "path": str(path), "bytes": about.st_size, "at": about.st_mtime, "index": None, "newest": True}
    return {**head, **UNTOLD, **more}


def _bundle(path: Path) -> dict[str, Any]:
    return _row(path, path.stem, str(path), **glance(path))


def _small_model(path: Path, workspace: Workspace) -> dict[str, Any]:
    """The newest of a name is meant by the name alone."""
    name = voice_of_stem(path.stem)
    try:
        experiment = workspace.experiment(name)
    except BadInput:  # no name of an experiment: the file itself is
        return _row(path, name, str(path), **glance(path))
    newest = experiment.small_models()[-1] == path
    named = newest and not name.endswith((".pth", SUFFIX)) and os.sep not in name
    index = next((str(p) for p in reversed(experiment.indexes())), None)
    return _row(path, name, name if named else str(path), **{**glance(path), "index": index, "newest": newest})


def _unfinished(experiment: Experiment, checkpoint: Path) -> dict[str, Any]:
    told = {"what": "checkpoints", "problem": "training checkpoints only; extract makes a voice of the newest"}
    return _row(checkpoint, experiment.name, experiment.name, **told)
