"""The files of a dataset folder and their names."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rvc_engine.common.given_paths import clean_path, refuse_no_path, why_no_folder
from rvc_engine.common.user import expanded
from rvc_engine.errors import BadInput
from rvc_engine.messages import NOTHING, Message, joined, message_of

if TYPE_CHECKING:
    from rvc_engine.settings import ExperimentSettings


def dataset_path(text: str) -> str:
    """The folder that somebody gave, as a whole path. Raises BadInput for an address or a path of Windows."""
    refuse_no_path(text, Message("dataset.folder_of_recordings"))
    return clean_path(text)


def dataset_files(settings: ExperimentSettings, *, texts: bool = False) -> list[Path]:
    """The files of the dataset folder, sorted by name; hidden files are left out. Of a base, transcripts and notes that
    lie among the recordings are left out too; `texts`: only those. Raises BadInput when it cannot be read."""
    folder = dataset_folder(settings)
    if not settings.dataset:
        raise BadInput("dataset.no_folder_given")
    if not os.path.isdir(folder):
        raise why_no_folder(settings.dataset)
    files: list[Path] = []

    def fail(error: OSError) -> None:
        hint = Message("common.check_permissions")
        raise BadInput("common.cannot_be_read", message_of(error), hint, path=folder) from error

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
    "below": "dataset.below",
    "folders": "dataset.folder_links",
    "dangling": "dataset.dangling_links",
    "others": "dataset.no_files",
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
    def sentence(self) -> Message:
        """Such as "3 files in sub-folders and 1 link to nothing were not used"; of nothing at all it is NOTHING."""
        if not self.total:
            return NOTHING
        *others, last = (Message(KINDS[kind], count=count) for kind, count in self.counts.items())
        what = Message("dataset.several_kinds", kinds=others, last=last) if others else last
        return Message("dataset.passed_over", count=self.total, what=what)

    @property
    def hint(self) -> Message:
        return Message("dataset.use_subfolders") if self.counts.get("below") else Message("dataset.copy_linked")


def empty_folder(folder: str, *, subfolders: bool) -> BadInput:
    if subfolders:
        return BadInput("dataset.all_folders_empty", folder=folder)
    return BadInput("dataset.folder_empty", folder=folder)


LISTED = 3
"""Reasons that an error lists."""


def nothing_usable(folder: str, reasons: Sequence[tuple[str, Message]], passed: PassedOver) -> BadInput:
    """`reasons`: why each recording of a folder cannot be used, by its name."""
    said = joined(*(Message("dataset.reason_of", name=name, reason=reason) for name, reason in reasons[:LISTED]))
    if len(reasons) > LISTED:
        said = Message("dataset.and_more_reasons", reasons=said, count=len(reasons) - LISTED)
    return BadInput("dataset.nothing_usable", folder=folder, reasons=joined(said, passed.sentence))


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
