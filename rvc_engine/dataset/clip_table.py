"""clips.csv and sources.csv: which clip came from where, and what became of each recording."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable
from dataclasses import MISSING, asdict, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

from rvc_engine.disk import whole_file
from rvc_engine.opening import open_text

USED = "used"
WAITING = "waiting"
Row = TypeVar("Row", "ClipRow", "SourceRow")


@dataclass(frozen=True)
class ClipRow:
    """`level`: dB RMS of the clip before it was levelled."""

    clip: str
    i: int
    source: str
    start_s: float
    seconds: float
    level: float


@dataclass(frozen=True)
class SourceRow:
    """`outcome`: "used", "waiting" to be cut, or why the recording gave no clip. `sha256`: of its content, empty where it is not known."""

    i: int
    source: str
    bytes: int
    mtime_ns: int
    seconds: float
    clips: int
    outcome: str
    sha256: str = ""


def read_rows(path: Path, kind: type[Row]) -> list[Row]:
    """[] when there is no such file; rows that are not whole are left out: what they told of is then done again."""
    rows = []
    types = {field.name: {"int": int, "float": float, "str": str}[str(field.type)] for field in fields(kind)}
    defaults = {field.name: field.default for field in fields(kind) if field.default is not MISSING}  # columns of a later version
    try:
        with open_text(path, errors="surrogateescape") as file:
            for record in csv.DictReader(file):
                values: dict[str, Any] = {name: convert({**defaults, **record}[name]) for name, convert in types.items()}
                rows.append(kind(**values))
    except FileNotFoundError:
        return []
    except (csv.Error, KeyError, TypeError, ValueError):
        return rows
    return rows


def write_rows(path: Path, kind: type[Row], rows: Iterable[Row]) -> None:
    """The file appears whole. Any file name survives, also one that is not valid text."""
    with whole_file(path, durable=False) as temporary, temporary.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(kind)], lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)


def place_of(clip: str) -> tuple[int, int]:
    """The numbers in a clip's name: its recording and its place there."""
    i, _, j = clip.partition("_")
    return int(i), int(j)


def is_whole_wav(path: Path, samples: int) -> bool:
    """Does the size fit a float32 WAV of so many samples, to a few?"""
    try:
        return abs(os.stat(path).st_size - 4 * samples) <= 80
    except OSError:
        return False
