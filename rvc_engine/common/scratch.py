"""A folder for the temporary files of one engine and all that it starts. Its supervisor makes and removes it, because
an engine ends without clearing up after its libraries: multiprocessing's sockets, torch's caches, what was being
written when it was killed.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

PREFIX = "rvc-run-"
STARTING = ".rvc-starting-"  # of a folder that is not locked yet
LONGEST = 55  # multiprocessing puts sockets 49 characters deeper, and a socket's path has at most 107
YOUNG_S = 60.0
AFTER_ITS_OWN = -200  # multiprocessing removes its folder with priority -100
GONE_S = 5.0  # workers that end with their engine may still write


@contextmanager
def scratch_folder() -> Iterator[tuple[dict[str, str], tuple[int, ...]]]:
    """What an engine's environment gets, and descriptors for it to inherit: while one is open, the folder is in use.
    Both are empty where no folder can be made. What is left of engines whose supervisor was killed with them is removed
    first."""
    made = _made()
    if made is None:
        yield {}, ()
        return
    folder, held = made
    try:
        yield {"TMPDIR": str(folder)}, (held,)
    finally:
        os.close(held)
        _remove(folder)


@lru_cache(maxsize=1)
def gather_temporaries() -> None:
    """The temporary files of this process, from now on, in such a folder, for a process that a signal may end while it
    has workers. In an engine they are already."""
    from multiprocessing.util import Finalize

    if Path(tempfile.gettempdir()).name.startswith(PREFIX):
        return
    if made := _made():
        tempfile.tempdir = str(made[0])
        Finalize(None, _remove, (made[0],), exitpriority=AFTER_ITS_OWN)


def _made() -> tuple[Path, int] | None:
    """A new folder, and a descriptor that holds its lock. None where it cannot be."""
    try:
        base = Path(tempfile.gettempdir())
        if len(os.fsencode(base)) > LONGEST and os.access("/tmp", os.W_OK | os.X_OK):
            base = Path("/tmp")
        _remove_left(base)
        new = Path(tempfile.mkdtemp(prefix=STARTING, dir=base))
        held = os.open(new, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        _is_free(held)
        folder = base / f"{PREFIX}{new.name.removeprefix(STARTING)}"
        new.rename(folder)
    except OSError:
        return None
    return folder, held


def _remove_left(base: Path) -> None:
    """Folders of this user that nobody holds any more."""
    for folder in (*base.glob(f"{PREFIX}*"), *base.glob(f"{STARTING}*")):
        with contextlib.suppress(OSError):
            found = folder.lstat()
            young = folder.name.startswith(STARTING) and abs(time.time() - found.st_mtime) < YOUNG_S
            if found.st_uid != os.getuid() or young:
                continue
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                if _is_free(descriptor):
                    shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(descriptor)


def _is_free(descriptor: int) -> bool:
    """Locks the folder if nobody has. False also where the file system knows no locks: then it is left alone."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except OSError:
        return False


def _remove(folder: Path) -> None:
    deadline = time.monotonic() + GONE_S
    while folder.exists() and time.monotonic() < deadline:
        shutil.rmtree(folder, ignore_errors=True)
        if folder.exists():
            time.sleep(0.05)
