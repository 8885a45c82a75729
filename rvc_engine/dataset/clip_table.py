"""clips.csv and sources.csv: which clip came from where, and the result of each recording."""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Iterable
from dataclasses import MISSING, asdict, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

from rvc_engine.common.opening import read_hand_edited
from rvc_engine.disk import whole_file
from rvc_engine.errors import RvcError, reason_of
from rvc_engine.messages import NOTHING, Message, message_of

USED = "used"
WAITING = "waiting"
NUMBERS: dict[str, type[int] | type[float]] = {"int": int, "float": float}
LARGEST = 1e20
MOST_BYTES = 1 << 28
CLIP = re.compile(r"\d{1,9}_\d{1,9}", re.ASCII)
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
    """`outcome`: "used", "waiting" to be cut, or why the recording gave no clip. `sha256`: of its content, empty where
    it is not known."""

    i: int
    source: str
    bytes: int
    mtime_ns: int
    seconds: float
    clips: int
    outcome: str
    sha256: str = ""


def read_rows(path: Path, kind: type[Row]) -> list[Row]:
    """[] when there is no such file, or a power cut left it empty or zeros. A last row that is not whole is left out:
    what it described is then done again. Raises RvcError naming the file, the line and what to do for anything else."""
    if not os.path.lexists(path):
        return []
    try:
        text = read_hand_edited(path, errors="surrogateescape", most_bytes=MOST_BYTES)
        return _rows_in(text.rstrip("\0"), kind)
    except IsADirectoryError:
        reason = Message("common.is_folder")
    except OSError as error:
        reason = reason_of(error)
    except (csv.Error, ValueError) as error:
        reason = message_of(error)
    raise RvcError("dataset.table_cannot_be_used", path=path, reason=reason)


def _rows_in(text: str, kind: type[Row]) -> list[Row]:
    """Raises ValueError, csv.Error."""
    wanted = [field.name for field in fields(kind) if field.default is MISSING]  # others are columns of a later version
    reader = csv.DictReader(io.StringIO(text, newline=""))
    if "\0" in text:
        raise ValueError(Message("dataset.zero_byte", line=text[: text.index("\0")].count("\n") + 1))
    if text and (lacking := [name for name in wanted if name not in (reader.fieldnames or ())]):
        first_line = text.partition("\n")[0][:80]
        raise ValueError(Message("dataset.no_column", column=lacking[0], first_line=first_line))
    rows: list[Row] = []
    problem = NOTHING
    for record in reader:
        if problem:  # not in the last row
            raise ValueError(problem)
        try:
            rows.append(_row_of(record, kind))
        except ValueError as error:
            problem = Message("dataset.in_line", line=reader.line_num, reason=message_of(error))
    return rows


def _row_of(record: dict[str, Any], kind: type[Row]) -> Row:
    """Raises ValueError for what `write_rows` does not write."""
    values: dict[str, Any] = {}
    for field in fields(kind):
        text = record.get(field.name, None if field.default is MISSING else field.default)
        if text is None:
            raise ValueError(Message("dataset.value_missing", column=field.name))
        values[field.name] = NUMBERS[str(field.type)](text) if str(field.type) in NUMBERS else text
        if field.type != "str" and not 0 <= abs(values[field.name]) < LARGEST:
            raise ValueError(Message("dataset.value_unfit", column=field.name, value=text[:20]))
    if kind is ClipRow and not CLIP.fullmatch(values["clip"]):
        raise ValueError(Message("dataset.no_clip_name", name=values["clip"][:40]))
    return kind(**values)


def write_rows(path: Path, kind: type[Row], rows: Iterable[Row]) -> None:
    """The file appears whole. Any file name survives, also one that is not valid text."""
    with (
        whole_file(path, durable=False) as temporary,
        temporary.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file,
    ):
        writer = csv.DictWriter(
            file, [field.name for field in fields(kind)], lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC
        )
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
