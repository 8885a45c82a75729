"""Zip archives from strangers: opened only when their list of records is of a size that can be kept in memory."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rvc_engine.files.foreign import MAX_DIRECTORY_BYTES, MAX_RECORDS, Unreadable, check_regular
from rvc_engine.messages import Message


class _Opening(io.BufferedReader):
    """zipfile reads the whole list of records at once, as large as the file says: this is where that is bounded."""

    opened = False

    def read(self, size: int | None = -1, /) -> bytes:
        if not self.opened and size is not None and size > MAX_DIRECTORY_BYTES:
            raise Unreadable(Message("files.large_zip_list", mib=MAX_DIRECTORY_BYTES >> 20))
        return super().read(size)


@contextmanager
def open_zip(path: Path) -> Iterator[zipfile.ZipFile]:
    """For reading. Raises Unreadable for no regular file and for too many records, zipfile.BadZipFile for what is no
    zip, OSError."""
    check_regular(path)
    with _Opening(io.FileIO(path)) as file, zipfile.ZipFile(file) as archive:
        file.opened = True
        if len(archive.infolist()) > MAX_RECORDS:
            raise Unreadable(Message("files.many_records", most=MAX_RECORDS))
        yield archive
