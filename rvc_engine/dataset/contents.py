"""Which recordings are the same as before. Content decides: size and sha256. The modification time only saves hashing a
file again."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from rvc_engine.dataset.clip_table import USED, SourceRow, read_rows, write_rows
from rvc_engine.dataset.files import dataset_files, source_name
from rvc_engine.disk import sha256_of
from rvc_engine.errors import BadInput, RvcError
from rvc_engine.experiment import Experiment
from rvc_engine.messages import NOTHING, Message

if TYPE_CHECKING:
    from rvc_engine.settings import ExperimentSettings

Stats = dict[str, tuple[Path, os.stat_result]]


def stats_of(files: Iterable[Path], settings: ExperimentSettings) -> Stats:
    """Path and stat of each recording by its name. Files that vanished since they were listed are left out."""
    found: Stats = {}
    for path in files:
        try:
            found[source_name(path, settings)] = (path, path.stat())
        except FileNotFoundError:
            continue
    return found


def content_of(path: Path, about: os.stat_result) -> str:
    """sha256 of a recording, hashed once by this process while size and modification time stay; empty where it cannot
    be read."""
    try:
        return _hashed(path, about.st_size, about.st_mtime_ns)
    except OSError:
        return ""


@lru_cache(maxsize=4096)
def _hashed(path: Path, size: int, mtime_ns: int) -> str:
    return sha256_of(path)


def is_same(row: SourceRow, path: Path, about: os.stat_result) -> bool:
    """Does the file still hold what `row` was made from?"""
    if row.bytes != about.st_size:
        return False
    return row.mtime_ns == about.st_mtime_ns or (row.sha256 != "" and row.sha256 == content_of(path, about))


def up_to_date(row: SourceRow, path: Path, about: os.stat_result) -> SourceRow:
    """`row` with the time of the file as it is now, and with its hash where an older version wrote none."""
    return replace(row, mtime_ns=about.st_mtime_ns, sha256=row.sha256 or content_of(path, about))


def renamed(sources: dict[str, SourceRow], stats: Stats) -> dict[str, str]:
    """New name to old name, of recordings that lie under another name now with the content they had."""
    gone = {name: row for name, row in sources.items() if name not in stats and row.sha256}
    sizes = {row.bytes for row in gone.values()}
    moves: dict[str, str] = {}
    for name, (path, about) in stats.items():
        if name in sources or about.st_size not in sizes:
            continue
        content = content_of(path, about)
        old = next((key for key, row in gone.items() if (row.bytes, row.sha256) == (about.st_size, content)), "")
        if old:
            moves[name] = old
            del gone[old]
    return moves


def recordings(experiment: Experiment, settings: ExperimentSettings) -> list[list[str]]:
    """[name, content] of each recording, in the order of names. Only a file whose size is known but whose time is
    another is hashed for this: any other new file is new whatever it holds. Raises BadInput when the folder cannot be
    read."""
    rows = {row.source: row for row in read_rows(experiment.sources_csv, SourceRow)}
    stats = stats_of(dataset_files(settings), settings)
    return sorted([name, _content(rows.get(name), path, about)] for name, (path, about) in stats.items())


def recordings_read(experiment: Experiment) -> list[list[str]]:
    """The same of the recordings that were cut, as they were then."""
    return sorted([row.source, row.sha256 or "unreadable"] for row in read_rows(experiment.sources_csv, SourceRow))


def _content(row: SourceRow | None, path: Path, about: os.stat_result) -> str:
    if not os.access(path, os.R_OK):
        return "unreadable"
    if row is not None and row.bytes == about.st_size:
        if row.mtime_ns == about.st_mtime_ns and row.sha256:
            return row.sha256
        return content_of(path, about) or "unreadable"
    return f"new: {about.st_size} bytes, {about.st_mtime_ns}"


def as_before_hashes(settings: ExperimentSettings) -> list[list[object]]:
    """What receipts held of the recordings before contents were hashed: [name, size, modification time, readable]."""
    stats = stats_of(dataset_files(settings), settings)
    return [[name, about.st_size, about.st_mtime_ns, os.access(path, os.R_OK)] for name, (path, about) in stats.items()]


def sizes_before_hashes(settings: ExperimentSettings) -> list[list[object]]:
    """What receipts of a content encoder held of recordings and transcripts before contents were hashed: [name,
    size]."""
    files = [*dataset_files(settings), *dataset_files(settings, texts=True)]
    return [[source_name(path, settings), path.stat().st_size] for path in files]


def why_gone(settings: ExperimentSettings) -> Message:
    """Why the recordings cannot be had now: their folder is not there, not readable or empty; NOTHING when there are
    some."""
    try:
        return NOTHING if dataset_files(settings) else Message("dataset.no_file_in", folder=settings.dataset)
    except BadInput as error:
        return error.title


def known_sources(experiment: Experiment, settings: ExperimentSettings) -> list[str]:
    """Names of the recordings; when they are gone, of those that clips were made of. Raises BadInput when neither is
    there."""
    kept = [row.source for row in read_rows(experiment.sources_csv, SourceRow) if row.outcome == USED]
    if kept and why_gone(settings):
        return kept
    return [source_name(path, settings) for path in dataset_files(settings)]


def nothing_in_common(experiment: Experiment, settings: ExperimentSettings) -> bool:
    """Is not one recording that clips were made of among those that are there now?"""
    rows = [row for row in read_rows(experiment.sources_csv, SourceRow) if row.outcome == USED]
    if not rows or why_gone(settings):
        return False
    stats = stats_of(dataset_files(settings), settings)
    same = (row.source in stats and is_same(row, *stats[row.source]) for row in rows)
    return not any(same) and not renamed({row.source: row for row in rows}, stats)


def keep_times(experiment: Experiment, settings: ExperimentSettings) -> None:
    """Write the new times of recordings that were touched or copied into sources.csv, so that they are not hashed at
    each start. Its size stays, by which a stage knows its files; where it cannot be written they are hashed again."""
    rows = read_rows(experiment.sources_csv, SourceRow)
    stats = {} if why_gone(settings) else stats_of(dataset_files(settings), settings)

    def with_time(row: SourceRow) -> SourceRow:
        path, about = stats.get(row.source, (None, None))
        if path is None or about is None or not row.sha256 or len(str(row.mtime_ns)) != len(str(about.st_mtime_ns)):
            return row
        return replace(row, mtime_ns=about.st_mtime_ns) if is_same(row, path, about) else row

    kept = [with_time(row) for row in rows]
    if kept != rows:
        with contextlib.suppress(OSError, RvcError):
            write_rows(experiment.sources_csv, SourceRow, kept)
