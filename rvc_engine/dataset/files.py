"""The files of a dataset folder and their names."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from rvc_engine.errors import BadInput
from rvc_engine.experiment import clean_path
from rvc_engine.given_paths import refuse_no_path, why_no_folder

if TYPE_CHECKING:
    from rvc_engine.settings import ExperimentSettings


def dataset_path(text: str) -> str:
    """The folder that somebody gave, as a whole path. Raises BadInput for an address or a path of Windows."""
    refuse_no_path(text, "the folder of recordings")
    return clean_path(text)


def dataset_files(settings: ExperimentSettings, *, texts: bool = False) -> list[Path]:
    """The files of the dataset folder, sorted by name; hidden files are left out. Of a base, transcripts and notes that lie among the
    recordings are left out too; `texts`: only those. Raises BadInput when it cannot be read."""
    folder = Path(settings.dataset).expanduser()
    if not settings.dataset:
        raise BadInput("No recordings are given", "", "--dataset FOLDER names the folder of recordings")
    if not os.path.isdir(folder):
        raise why_no_folder(settings.dataset)
    files: list[Path] = []

    def fail(error: OSError) -> None:
        raise BadInput(f"{folder} cannot be read", str(error), "check its permissions") from error

    for root, folders, names in os.walk(folder, onerror=fail):
        files += [Path(root) / name for name in names if not name.startswith(".") and (settings.base and is_text(name)) == texts]
        if not settings.preprocess.subfolders:
            break
        folders[:] = sorted(f for f in folders if not f.startswith("."))
    return sorted(p for p in files if p.is_file())


def is_text(name: str) -> bool:
    return name.lower().endswith((".txt", ".csv", ".md", ".json"))


def source_name(path: Path, settings: ExperimentSettings) -> str:
    """How clips.csv and messages name a recording: its path inside the dataset folder."""
    return str(path.relative_to(Path(settings.dataset).expanduser()))
