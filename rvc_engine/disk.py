"""Files: read only when they are files, written so that they appear whole or not at all. Old work is moved
to a backup, never deleted."""

from __future__ import annotations

import errno
import hashlib
import os
import resource
import shutil
import stat
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from rvc_engine.common.names import short
from rvc_engine.common.opening import NotAFile, open_file, refuse_other, what_else
from rvc_engine.errors import BadInput, RvcError, reason_of
from rvc_engine.messages import Message, message_of

TEMPORARY = ".part"
TEXT_BYTES = 4 << 20
FULL = (errno.ENOSPC, errno.EDQUOT)
NO_SYNC = (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EBADF)
"""What file systems answer that cannot force a file to the disk."""
NO_RENAME = (errno.EXDEV, errno.EPERM, errno.EACCES, errno.EBUSY, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP)
"""What file systems answer that cannot rename one file over another; EBUSY: it is mounted on its own."""


class DiskFull(RvcError):
    """There is no room for a file; what was there before is untouched."""


def is_full(error: BaseException) -> bool:
    """Does the error say that the disk is full? numpy, torch and faiss write files in C and C++ and say it in words of
    their own."""
    if isinstance(error, OSError):
        return error.errno in FULL or (error.errno is None and "requested and" in str(error))  # numpy's tofile
    if isinstance(error, RuntimeError):
        # The second: torch.save to a path, when a short write went unnoticed at first. The third: faiss.
        text = str(error)
        return "file write failed" in text or "inline_container.cc" in text or "No space left on device" in text
    return isinstance(error, DiskFull)


# --- warnings --------------------------------------------------------------------------------------
def _print_warning(title: Message, message: Message) -> None:
    if sys.stderr is not None:
        with suppress(OSError, ValueError):
            print(f"warning: {title}: {message}", file=sys.stderr, flush=True)


on_warning: Callable[[Message, Message], None] = _print_warning
"""Takes title and message of what a file system cannot do, once a process; the engine makes an event of it."""
_warned: set[str] = set()


def warn_once(title: Message, message: Message) -> None:
    if title.code not in _warned:
        _warned.add(title.code)
        on_warning(title, message)


def sha256_of(path: Path, progress: Callable[[int], None] | None = None) -> str:
    digest = hashlib.sha256()
    with open_file(path) as file:
        while block := file.read(1 << 20):
            digest.update(block)
            if progress:
                progress(len(block))
    return digest.hexdigest()


def facts_of(path: Path) -> dict[str, Any]:
    """{"bytes", "sha256"}: what records of a file say, by which it is known again."""
    return {"bytes": path.stat().st_size, "sha256": sha256_of(path)}


# --- writing ---------------------------------------------------------------------------------------
def temporary_beside(path: Path) -> Path:
    """A name that nobody can foresee, so that nothing is put there beforehand."""
    return path.with_name(f".{short(path.name)}.{os.getpid()}-{os.urandom(4).hex()}{TEMPORARY}")


def _created(path: Path) -> Path:
    """An empty file of our own beside `path`: never one that is there, never through a link."""
    temporary = temporary_beside(path)
    os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666))
    return temporary


@contextmanager
def whole_file(path: Path, *, durable: bool = True, previous: Path | None = None) -> Iterator[Path]:
    """Yield a temporary file beside `path`, empty and ours; on success it is fsynced and renamed to `path`, else
    removed. A link at `path` is replaced, not followed.

    `durable=False` leaves out the fsync, for many small files that can be made again. `previous`: what is at `path` is
    renamed to this first. Raises DiskFull when the disk is full.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = None
    try:
        temporary = _created(path)
        yield temporary
        if durable:
            _sync_file(temporary, path)
        if previous is not None and path.exists():
            _rename(path, previous)
        _rename(temporary, path)
        if durable:
            sync_folder(path.parent)
    except (OSError, RuntimeError) as error:
        if _is_over_limit(error, temporary):
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), str(path)) from error
        if is_full(error):
            raise DiskFull("common.disk_full_at", message_of(error), path=path) from error
        if isinstance(error, OSError) and error.filename is not None and str(error.filename).endswith(TEMPORARY):
            error.filename = str(path)  # what people know; the temporary name means nothing to them
        raise
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def _is_over_limit(error: BaseException, temporary: Path | None) -> bool:
    """Did the shell's limit end it (ulimit -f)? torch and faiss say the same of it as of a full disk."""
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)[0]
    if limit == resource.RLIM_INFINITY or temporary is None:
        return False
    if isinstance(error, OSError):
        return error.errno == errno.EFBIG
    return is_full(error) and os.path.exists(temporary) and os.path.getsize(temporary) >= limit


def write_whole(path: Path, data: bytes | str, *, durable: bool = True) -> None:
    with whole_file(path, durable=durable) as temporary:
        temporary.write_bytes(data.encode() if isinstance(data, str) else data)


def copy_whole(source: Path, path: Path) -> None:
    """Raises DiskFull, OSError."""
    with open_file(source) as old, whole_file(path) as temporary, temporary.open("wb") as new:
        shutil.copyfileobj(old, new, 1 << 20)


def sync(descriptor: int) -> None:
    """Force what was written to the disk. Where the file system cannot, that is a warning. Raises OSError when the disk
    fails."""
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in NO_SYNC:
            raise
        warn_once(Message("disk.no_sync"), Message("disk.power_cut_undoes", reason=reason_of(error)))


def _sync_file(temporary: Path, path: Path) -> None:
    descriptor = os.open(temporary, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if other := what_else(os.fstat(descriptor)):
            raise NotAFile(path, other)
        sync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """So that a new name survives a power cut. Many network file systems cannot; the file itself is safe then: a
    warning."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        why = Message("disk.power_cut_loses_name", folder=folder, reason=reason_of(error))
        warn_once(Message("disk.no_sync_of_folders"), why)


def _rename(source: Path, target: Path) -> None:
    """Where the file system cannot rename over a file that is ours, its content is replaced. Raises OSError."""
    try:
        os.replace(source, target)
    except OSError as error:
        if error.errno not in NO_RENAME or not _copied_over(source, target):
            error.filename, error.filename2 = str(target), None
            raise
        warn_once(Message("disk.no_rename"), Message("disk.power_cut_damages", reason=reason_of(error)))


def _copied_over(source: Path, target: Path) -> bool:
    """Only onto nothing or onto a file of our own: not through a link, not into what somebody else put there."""
    flags = os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    old_bytes = 0
    try:
        about = os.lstat(target)
        old_bytes = about.st_size
        if not stat.S_ISREG(about.st_mode) or about.st_uid != os.geteuid():
            return False
    except FileNotFoundError:
        flags |= os.O_CREAT | os.O_EXCL
    if os.stat(source).st_size - old_bytes > free_bytes(target.parent):  # before anything of the old file is lost
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target))
    try:
        with open_file(source) as old, os.fdopen(os.open(target, flags, 0o666), "wb") as new:
            new.truncate()
            shutil.copyfileobj(old, new, 1 << 20)
            new.flush()
            sync(new.fileno())
        os.unlink(source)
    except OSError as error:
        if is_full(error):
            raise
        return False
    return True


def require_writable(folder: Path, elsewhere: Message) -> None:
    """Can files be made in this folder, or, where it is not there, can it be made? Raises BadInput. `elsewhere`: how
    another place is chosen."""
    while not os.path.exists(folder) and folder != folder.parent:
        folder = folder.parent
    if not os.path.isdir(folder):
        raise BadInput("disk.file_not_folder", path=folder, elsewhere=elsewhere)
    if not os.access(folder, os.W_OK | os.X_OK):
        if os.statvfs(folder).f_flag & os.ST_RDONLY:
            raise BadInput("disk.not_writable", Message("common.read_only"), elsewhere, folder=folder)
        hint = Message("disk.elsewhere_or_permissions", elsewhere=elsewhere)
        raise BadInput("disk.not_writable", Message("common.no_permission"), hint, folder=folder)


# --- moving and removing ---------------------------------------------------------------------------
def move(path: Path, goal: Path) -> None:
    """Rename a file or folder; from one file system to another, copy it (times as far as they are kept), then remove
    it. Raises OSError."""
    try:
        os.rename(path, goal)
    except OSError as error:
        if error.errno not in (errno.EXDEV, errno.ENOSYS, errno.ENOTSUP):
            raise
        _copy(path, goal)
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _copy(path: Path, goal: Path) -> None:
    if path.is_symlink():
        os.symlink(os.readlink(path), goal)
        return
    if path.is_dir():
        goal.mkdir()
        for inside in path.iterdir():
            _copy(inside, goal / inside.name)
    else:
        refuse_other(path)
        shutil.copyfile(path, goal)
    with suppress(OSError):
        shutil.copystat(path, goal)


def move_to_backup(paths: list[Path], root: Path, label: str, copied: Sequence[Path] = ()) -> Path | None:
    """Move what exists of `paths` (below `root`) to root/aside/TIME-LABEL, keeping relative names, and put copies of
    the files `copied` there, which stay where they are: those from outside `root` in a folder named as theirs. None if
    nothing existed."""
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
        move(path, goal(path))
    return target


def copy_file(path: Path, goal: Path) -> None:
    """By a hard link where the file system has them: files that appear whole are replaced, never changed. Raises
    DiskFull."""
    try:
        os.link(path, goal)
    except OSError:
        copy_whole(path, goal)


def remove_temporaries(folder: Path, of: Callable[[str], bool] = lambda name: True) -> None:
    """Remove what a killed process left half written (our own temporary names only). `of`: whether a file of that name
    is meant."""
    if folder.is_dir():
        for path in folder.glob(f".*{TEMPORARY}"):
            if of(path.name[1:].removesuffix(TEMPORARY).rpartition(".")[0]):
                with suppress(OSError):  # a read-only folder, or no file of ours: nothing depends on it
                    path.unlink(missing_ok=True)


def free_bytes(folder: Path) -> int:
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free
