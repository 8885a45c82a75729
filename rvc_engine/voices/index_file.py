"""Reads the layout of an IVF-Flat index file and checks every size in it before faiss is let near it.

faiss believes the numbers in a file: a damaged or hostile one makes it allocate or read without bound. The layout
(little endian), as faiss's index_write.cpp writes it: "IwFl", header, nlist, nprobe, the quantizer ("IxF2" or "IxFI" or
"IxFl", header, centroids), a direct map, inverted lists ("ilar", nlist, bytes a code, sizes "full" or "sprs", then for
each list its codes and its ids).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil

from rvc_engine.common.names import SIDECAR
from rvc_engine.common.opening import refuse_other
from rvc_engine.errors import BadInput, cannot_read, of_environment, reason_of
from rvc_engine.files.foreign import read_json
from rvc_engine.messages import Message
from rvc_engine.presets import PRESETS

MAX_BYTES = 16 << 30
MAX_DIM = 4096
MAX_LISTS = 1 << 18  # RVC makes 16 times the root of the rows: 51,000 for ten million
MAX_NAME = 100
L2 = 1


@dataclass(frozen=True)
class IndexFacts:
    """What a checked index file holds. `encoder` None: neither a sidecar nor the file's name says."""

    path: Path
    dim: int
    rows: int
    lists: int
    encoder: str | None
    version: str | None


class _Reader:
    """Numbers from a mapped file, each checked to lie inside it."""

    def __init__(self, data: np.ndarray) -> None:
        self.data = data
        self.at = 0

    def take(self, count: int) -> np.ndarray:
        if not 0 <= count <= self.data.size - self.at:
            raise ValueError(Message("voices.index_ends"))
        self.at += count
        return self.data[self.at - count : self.at]

    def number(self, kind: str) -> int:
        return int(self.take(np.dtype(kind).itemsize).view(kind)[0])

    def word(self) -> bytes:
        return self.take(4).tobytes()

    def expect(self, value: object, code: str, *allowed: object) -> None:
        """Raises ValueError with the message of `code`, a sentence about another value than is allowed."""
        if value not in allowed:
            raise ValueError(Message(code, value=repr(value)))


def check_index_file(path: Path, *, memory_bytes: int = 0) -> IndexFacts:
    """Everything that can be known about an index file without faiss: it is an IVF-Flat index with L2 distances, whole,
    each size agrees with the file's length, its ids are 0 .. rows - 1, and it fits into `memory_bytes` (0: what is free
    now).

    Raises BadInput naming the file and what is wrong with it.
    """
    try:
        refuse_other(path)
        size = path.stat().st_size
        if size < 64:
            raise ValueError(Message("voices.index_short"))
        limit = min(memory_bytes or _free_memory(), MAX_BYTES)
        if size > limit:
            raise BadInput("voices.index_too_large", path=path, mib=size >> 20, free=limit >> 20)
        reader = _Reader(np.memmap(path, dtype=np.uint8, mode="r"))
        dim, rows, lists = _walk(reader)
    except FileNotFoundError as error:
        raise BadInput("voices.no_index_file", path=path) from error
    except (OSError, ValueError) as error:
        if of_environment(error):
            raise cannot_read(path, error) from error
        raise BadInput("voices.not_an_index", reason_of(error), path=path) from error
    encoder, version = made_with(path)
    return IndexFacts(path, dim, rows, lists, encoder, version)


def _walk(reader: _Reader) -> tuple[int, int, int]:
    reader.expect(reader.word(), "voices.index_kind", b"IwFl")
    dim, rows = _header(reader)
    lists = reader.number("<u8")
    probes = reader.number("<u8")
    if lists > MAX_LISTS:
        raise ValueError(Message("voices.index_many_lists", lists=lists, most=MAX_LISTS))
    if rows * (dim * 4 + 8) > reader.data.size:
        raise ValueError(Message("voices.index_rows_missing", rows=rows, width=dim))
    if not 0 < lists <= rows or not 0 < probes <= lists:
        raise ValueError(Message("voices.index_searched", lists=lists, rows=rows, searched=probes))
    reader.expect(reader.word(), "voices.index_quantizer", b"IxF2", b"IxFI", b"IxFl")
    reader.expect(_header(reader), "voices.index_quantizer_shape", (dim, lists))
    reader.expect(reader.number("<u8"), "voices.index_quantizer_size", lists * dim)
    _finite(reader.take(lists * dim * 4))
    reader.expect(reader.number("u1"), "voices.index_direct_map", 0)
    reader.expect(reader.number("<u8"), "voices.index_direct_map_size", 0)
    reader.expect(reader.word(), "voices.index_lists", b"ilar")
    reader.expect(reader.number("<u8"), "voices.index_list_count", lists)
    reader.expect(reader.number("<u8"), "voices.index_row_bytes", dim * 4)
    sizes = _list_sizes(reader, lists, rows)
    seen = np.zeros(rows, dtype=bool)
    for size in sizes:
        _finite(reader.take(size * dim * 4))
        ids = reader.take(size * 8).view("<i8")
        if size and (ids.min() < 0 or ids.max() >= rows):
            raise ValueError(Message("voices.index_ids"))
        seen[ids] = True
    if not seen.all():
        raise ValueError(Message("voices.index_ids_twice"))
    if reader.at != reader.data.size:
        raise ValueError(Message("voices.index_follows"))
    return dim, rows, lists


def _header(reader: _Reader) -> tuple[int, int]:
    """Width and rows of the index that begins here."""
    dim, rows = reader.number("<i4"), reader.number("<i8")
    reader.take(16)  # two numbers that faiss writes and does not read
    reader.expect(reader.number("u1"), "voices.index_state", 1)
    reader.expect(reader.number("<i4"), "voices.index_metric", L2)
    if not 0 < dim <= MAX_DIM or not 0 < rows <= reader.data.size:
        raise ValueError(Message("voices.index_rows", rows=rows, width=dim))
    return dim, rows


def _list_sizes(reader: _Reader, lists: int, rows: int) -> list[int]:
    form = reader.word()
    reader.expect(form, "voices.index_sizes_form", b"full", b"sprs")
    count = reader.number("<u8")
    if form == b"full":
        reader.expect(count, "voices.index_sizes_count", lists)
        sizes: list[int] = reader.take(8 * count).view("<u8").tolist()
    else:
        if count % 2 or count > 2 * lists:
            raise ValueError(Message("voices.index_sizes_damaged"))
        sizes = [0] * lists
        for which, size in reader.take(8 * count).view("<u8").reshape(-1, 2).tolist():
            if which >= lists or sizes[which]:
                raise ValueError(Message("voices.index_sizes_damaged"))
            sizes[which] = size
    if sum(sizes) != rows:
        raise ValueError(Message("voices.index_sizes_sum", held=sum(sizes), rows=rows))
    return sizes


def _finite(values: np.ndarray) -> None:
    for start in range(0, values.size, 1 << 24):
        if not np.isfinite(values[start : start + (1 << 24)].view("<f4")).all():
            raise ValueError(Message("voices.index_not_finite"))


def _free_memory() -> int:
    return int(psutil.virtual_memory().available)


def sidecar_of(path: Path) -> Path:
    return path.with_name(path.name + SIDECAR)


def made_with(path: Path) -> tuple[str | None, str | None]:
    """(encoder, version) of an index: from the sidecar beside it if that was written for a file of this size, else from
    the version that ends its name (..._v2.index, ..._starter-1.index). None where nothing says."""
    try:
        record = read_json(sidecar_of(path))
        encoder, version = record["encoder"], record["version"]
        if record["bytes"] == path.stat().st_size and all(
            isinstance(name, str) and len(name) <= MAX_NAME for name in (encoder, version)
        ):
            return encoder, version
    except (OSError, ValueError, KeyError, TypeError):
        pass  # no sidecar, or one of another file: the name decides
    for config in PRESETS.values():
        if path.stem.endswith(f"_{config.version}"):
            return config.encoder, config.version
    return None, None
