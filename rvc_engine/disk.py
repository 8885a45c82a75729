"""Files that appear whole or not at all, and old work that is moved aside, never deleted."""

from __future__ import annotations

import codecs
import errno
import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rvc_engine.errors import RvcError
from rvc_engine.names import short

TEMPORARY = ".part"
TEXT_BYTES = 4 << 20
FULL = (errno.ENOSPC, errno.EDQUOT)


class DiskFull(RvcError):
    """There is no room for a file; what was there before is untouched."""


def is_full(error: BaseException) -> bool:
    """Does the error say that the disk is full? numpy, torch and faiss write files in C and C++ and say it in words of their own."""
    if isinstance(error, OSError):
        return error.errno in FULL or (error.errno is None and "requested and" in str(error))  # numpy's tofile
    # The second: torch.save to a path, when a short write went unnoticed at first. The third: faiss.
    words = ("file write failed", "inline_container.cc", "No space left on device")
    return isinstance(error, DiskFull) or (isinstance(error, RuntimeError) and any(word in str(error) for word in words))


@contextmanager
def whole_file(path: Path, *, durable: bool = True, previous: Path | None = None) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success it is fsynced and renamed to `path`, else removed.

    `durable=False` leaves out the fsync, for many small files that can be made again. `previous`: what is at `path` is renamed to this
    first. Raises DiskFull when the disk is full.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{short(path.name)}.{os.getpid()}{TEMPORARY}")
    try:
        yield temporary
        if durable:
            descriptor = os.open(temporary, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        if previous is not None and path.exists():
            os.replace(path, previous)
        os.replace(temporary, path)
        if durable:
            _sync_folder(path.parent)
    except (OSError, RuntimeError) as error:
        if is_full(error):
            raise DiskFull(f"The disk is full: {path}", str(error), "free some space and run the same command again") from error
        raise
    finally:
        temporary.unlink(missing_ok=True)


def write_whole(path: Path, data: bytes | str, *, durable: bool = True) -> None:
    with whole_file(path, durable=durable) as temporary:
        temporary.write_bytes(data.encode() if isinstance(data, str) else data)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_hand_edited(path: Path, *, errors: str = "strict", most_bytes: int = TEXT_BYTES) -> str:
    """The text of a file that people write: UTF-8, or what Windows editors make of it (a byte order mark, UTF-16).

    Raises OSError, and ValueError with the reason where it is no such text.
    """
    with path.open("rb") as file:
        data = file.read(most_bytes + 1)
    if len(data) > most_bytes:
        raise ValueError(f"it is larger than {most_bytes >> 20} MiB")
    code = "utf-16" if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
    try:
        return data.decode(code, errors)
    except UnicodeDecodeError as error:
        raise ValueError(f"it is no text in UTF-8 (byte {error.start}): save it as UTF-8") from error


def move_aside(paths: list[Path], root: Path, label: str) -> Path | None:
    """Move what exists of `paths` (below `root`) to root/aside/TIME-LABEL, keeping relative names. None if nothing existed."""
    present = [p for p in paths if p.exists() or p.is_symlink()]
    if not present:
        return None
    base = root / "aside" / f"{time.strftime('%Y%m%d-%H%M%S')}-{label}"
    target, count = base, 1
    while target.exists():
        count += 1
        target = base.with_name(f"{base.name}-{count}")
    for path in present:
        goal = target / path.relative_to(root)
        goal.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(str(path), str(goal))
    return target


def remove_temporaries(folder: Path, of: Callable[[str], bool] = lambda name: True) -> None:
    """Remove what a killed process left half written (our own temporary names only). `of`: whether a file of that name is meant."""
    if folder.is_dir():
        for path in folder.glob(f".*{TEMPORARY}"):
            if of(path.name[1:].removesuffix(TEMPORARY).rpartition(".")[0]):
                path.unlink(missing_ok=True)


def sha256_of(path: Path, progress: Callable[[int], None] | None = None) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
            if progress:
                progress(len(block))
    return digest.hexdigest()


def free_bytes(folder: Path) -> int:
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free
