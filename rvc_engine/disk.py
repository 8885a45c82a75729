"""Files that appear whole or not at all, and old work that is moved aside, never deleted."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rvc_engine.errors import RvcError

TEMPORARY = ".part"
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
    temporary = path.with_name(f".{path.name}.{os.getpid()}{TEMPORARY}")
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


def move_aside(paths: list[Path], root: Path, label: str, copied: Sequence[Path] = ()) -> Path | None:
    """Move what exists of `paths` (below `root`) to root/aside/TIME-LABEL, keeping relative names, and put copies of the files `copied`
    there, which stay where they are: those from outside `root` in a folder named as theirs. None if nothing existed."""
    present = [p for p in paths if p.exists() or p.is_symlink()]
    if not present and not copied:
        return None
    base = root / "aside" / f"{time.strftime('%Y%m%d-%H%M%S')}-{label}"
    target, count = base, 1
    while target.exists():
        count += 1
        target = base.with_name(f"{base.name}-{count}")

    def goal(path: Path) -> Path:
        inside = path.relative_to(root) if path.is_relative_to(root) else Path(path.parent.name, path.name)
        (target / inside).parent.mkdir(parents=True, exist_ok=True)
        return target / inside

    for path in copied:  # first: a full disk then leaves everything as it was
        copy_file(path, goal(path))
    for path in present:
        shutil.move(str(path), str(goal(path)))
    return target


def copy_file(path: Path, goal: Path) -> None:
    """By a hard link where the file system has them: files that appear whole are replaced, never changed. Raises DiskFull."""
    try:
        os.link(path, goal)
    except OSError:
        with whole_file(goal) as temporary:
            shutil.copyfile(path, temporary)


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
