"""The files of a dataset folder and their names."""

from __future__ import annotations

import os
import stat
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rvc_engine.common.given_paths import clean_path, refuse_no_path, why_no_folder
from rvc_engine.common.user import expanded
from rvc_engine.errors import BadInput
from rvc_engine.messages import Message, message_of

if TYPE_CHECKING:
    from rvc_engine.settings import ExperimentSettings


def dataset_path(text: str) -> str:
    """The folder that somebody gave, as a whole path. Raises BadInput for an address or a path of Windows."""
    refuse_no_path(text, Message("dataset.folder_recordings"))
    return clean_path(text)


def dataset_files(settings: ExperimentSettings, *, texts: bool = False) -> list[Path]:
    """The files of the dataset folder, sorted by name; hidden files are left out. Of a base, transcripts and notes that
    lie among the recordings are left out too; `texts`: only those. Raises BadInput when it cannot be read."""
    folder = dataset_folder(settings)
    if not settings.dataset:
        raise BadInput("dataset.no_recordings_given")
    if not os.path.isdir(folder):
        raise why_no_folder(settings.dataset)
    files: list[Path] = []

    def fail(error: OSError) -> None:
        raise BadInput("dataset.cannot_be_read", message_of(error), folder=folder) from error

    for root, folders, names in os.walk(folder, onerror=fail):
        files += [
            Path(root) / name
            for name in names
            if not name.startswith(".") and (settings.base and is_text(name)) == texts
        ]
        if not settings.preprocess.subfolders:
            break
        folders[:] = sorted(f for f in folders if not f.startswith("."))
    return sorted(p for p in files if p.is_file())


MOST_ENTRIES = 100_000
"""So many things that were passed over are counted."""
KINDS = {
    "below": (Message("dataset.file_sub_folders"), Message("dataset.files_sub_folders")),
    "folders": (Message("dataset.link_folder"), Message("dataset.links_folders")),
    "dangling": (Message("dataset.link_nothing"), Message("dataset.links_nothing")),
    "others": (Message("dataset.pipe_device"), Message("dataset.pipes_devices")),
}


@dataclass(frozen=True)
class PassedOver:
    """What lies in a folder of recordings and is not read: files in sub-folders, links to folders, dangling links,
    pipes and devices."""

    counts: dict[str, int]

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def words(self) -> str:
        """Such as "3 files in sub-folders and 1 link to nothing"."""
        parts = [f"{count} {KINDS[kind][count != 1]}" for kind, count in self.counts.items()]
        return ", ".join(parts[:-1]) + " and " + parts[-1] if len(parts) > 1 else "".join(parts)

    @property
    def sentence(self) -> str:
        return Message("dataset.not_used", words=self.words, value="was" if self.total == 1 else "were")

    @property
    def hint(self) -> str:
        return (
            Message("dataset.subfolders_includes_files_sub_folders")
            if self.counts.get("below")
            else Message("dataset.copy_what_links_name")
        )


def passed_over(folder: Path, *, subfolders: bool) -> PassedOver:
    """What `dataset_files` passes over, hidden files apart; of what cannot be looked at nothing is counted."""
    found: Counter[str] = Counter()
    for root, folders, names in os.walk(folder):
        top = Path(root) == folder
        for name in [*names, *folders]:
            kind = "" if name.startswith(".") else _kind_passed_over(Path(root) / name, read=top or subfolders)
            found[kind] += 1
        folders[:] = [name for name in folders if not name.startswith(".")]
        if found.total() > MOST_ENTRIES:
            break
    return PassedOver({kind: found[kind] for kind in KINDS if found[kind]})


def _kind_passed_over(path: Path, *, read: bool) -> str:
    """ "" for a recording that is read, and for folders."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return "dangling" if path.is_symlink() else ""
    if stat.S_ISDIR(mode):
        return "folders" if path.is_symlink() else ""
    return ("" if read else "below") if stat.S_ISREG(mode) else "others"


def is_text(name: str) -> bool:
    return name.lower().endswith((".txt", ".csv", ".md", ".json"))


def dataset_folder(settings: ExperimentSettings) -> Path:
    return expanded(settings.dataset)


def source_name(path: Path, settings: ExperimentSettings) -> str:
    """How clips.csv and messages name a recording: its path inside the dataset folder."""
    return str(path.relative_to(dataset_folder(settings)))
