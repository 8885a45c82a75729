"""What went wrong in the system or in this program, as a sentence with what to do: the last line of a command that
fails."""

from __future__ import annotations

import errno
import os
import platform
import shlex
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from rvc_engine import __version__
from rvc_engine.common.opening import NotAFile
from rvc_engine.common.redact import redacted
from rvc_engine.disk import is_full
from rvc_engine.errors import BadInput, RvcError

KEPT_REPORTS = 20
NO_PROCESS = "end other programs, raise the limit (ulimit -u), or use fewer workers"

ADVICE: dict[int, tuple[str, str]] = {
    errno.EACCES: ("no permission", "see whose it is (ls -ld), change its permissions, or choose another place"),
    errno.EPERM: ("the system does not allow it", "see whose it is (ls -ld, lsattr), or choose another place"),
    errno.EROFS: (
        "its file system is read-only",
        "choose another place: --home DIR, --output or TMPDIR on a disk that can be written",
    ),
    errno.ENOENT: ("it is not there", "check the path; it may have been moved or removed meanwhile"),
    errno.ENOTDIR: ("a part of its path is a file, not a folder", "check the path"),
    errno.EISDIR: ("it is a folder", "move it out of the way, or choose another path"),
    errno.EEXIST: ("it is there already", "move it out of the way, or choose another path"),
    errno.ENOTEMPTY: ("the folder is not empty", "move it out of the way"),
    errno.ELOOP: ("its links lead round in a circle, or a link is where none may be", "remove the link"),
    errno.ENAMETOOLONG: ("its name is too long", "choose shorter names of files and folders"),
    errno.EFBIG: (
        "a file would be larger than allowed",
        "raise the limit of the shell (ulimit -f unlimited) or use another file system",
    ),
    errno.EMFILE: ("too many files are open", "raise the limit of the shell (ulimit -n 4096), or use fewer workers"),
    errno.ENFILE: ("too many files are open on this machine", "end other programs, then run the same command again"),
    errno.EAGAIN: ("the system gives no more processes or threads", NO_PROCESS),
    errno.ENOMEM: ("there is not enough memory", "end other programs, or use fewer workers"),
    errno.EIO: ("the disk does not read or write", "save what is there to another disk, and look at dmesg"),
    errno.ESTALE: ("the network file system lost it", "mount it again, then run the same command again"),
    errno.ENOTCONN: ("the network file system is not connected", "mount it again, then run the same command again"),
    errno.ETIMEDOUT: (
        "no answer in time",
        "check the network or the network file system, then run the same command again",
    ),
    errno.ENODEV: ("its device is gone", "connect it again, then run the same command again"),
    errno.ENXIO: ("its device is gone", "connect it again, then run the same command again"),
    errno.EBUSY: ("something else uses it", "end what uses it, then run the same command again"),
    errno.EINVAL: ("the file system does not know how", "use a workspace on another file system (--home DIR)"),
    errno.ENOSYS: ("the system does not know how", "use a workspace on another file system (--home DIR)"),
    errno.EOPNOTSUPP: ("the file system does not know how", "use a workspace on another file system (--home DIR)"),
}
"""By number: the cause and what to do."""


# --- the system's errors ---------------------------------------------------------------------------
def explained(error: BaseException) -> RvcError | None:
    """The sentence for what the system refused; None for an error that is this program's own."""
    if isinstance(error, RvcError):
        return error
    if isinstance(error, OSError):
        return _explained(error)
    if isinstance(error, MemoryError):
        return RvcError("There is not enough memory", "", ADVICE[errno.ENOMEM][1])
    if isinstance(error, RuntimeError) and "start new thread" in str(error):
        return RvcError("No thread can be started", ADVICE[errno.EAGAIN][0], NO_PROCESS)
    if isinstance(error, ImportError):
        return _of_package(error)
    return None


def _of_package(error: ImportError) -> RvcError | None:
    """A package that is missing or cannot be loaded; one of this program is its own fault."""
    package = (error.name or "").partition(".")[0]
    if package in ("", "rvc_engine", "rvc_tui"):
        return None
    missing = isinstance(error, ModuleNotFoundError)
    title = f"The package {package} is not installed" if missing else f"The package {package} cannot be loaded"
    return RvcError(
        title,
        "" if missing else _first_line(error),
        "pip install --force-reinstall rvc-tui; rvc doctor checks the packages",
    )


def unreadable(path: Path, error: OSError) -> BadInput:
    """For a file that a command needs."""
    known = _explained(error)
    return BadInput(f"{path} cannot be read", known.message or known.title, known.hint)


def _explained(error: OSError) -> RvcError:
    if isinstance(error, NotAFile):
        return BadInput(f"{error.path} cannot be used", str(error), "give the path of a file")
    if is_full(error):
        where = f": {_name(error)}" if _name(error) else ""
        return RvcError(
            f"The disk is full{where}", error.strerror or str(error), "free some space and run the same command again"
        )
    if isinstance(error, FileNotFoundError) and not _name(error):
        if not _has_folder():
            return BadInput(
                "The current folder is gone",
                "it was removed or unmounted",
                "change to another folder (cd), then run it again",
            )
        if "temporary directory" in str(error):
            return BadInput(
                "No folder takes temporary files",
                "neither TMPDIR nor /tmp can be written",
                "set TMPDIR to a folder of yours",
            )
    if "AF_UNIX path too long" in str(error):
        return BadInput(
            "The path of the folder for temporary files is too long",
            tempfile.gettempdir(),
            "set TMPDIR to a shorter one, such as /tmp",
        )
    cause, hint = ADVICE.get(
        error.errno or 0, (error.strerror or str(error), "check the path, the disk and its permissions")
    )
    return RvcError(f"{_name(error)} cannot be used" if _name(error) else "The system refused", cause, hint)


def _name(error: OSError) -> str:
    """Of the file; a descriptor's number means nothing to people."""
    name = error.filename2 if error.filename2 is not None else error.filename
    return os.fsdecode(name) if isinstance(name, str | bytes | os.PathLike) else ""


def _has_folder() -> bool:
    try:
        os.getcwd()
    except OSError:
        return False
    return True


# --- this program's own errors ---------------------------------------------------------------------
def report(error: BaseException, program: str, words: Sequence[str] = ()) -> RvcError:
    """Write a report of an error that nobody foresaw, to be attached to a bug report. Returns the line that names
    it."""
    text = redacted("\n".join([*_facts(program, words), "", "".join(traceback.format_exception(error))]))
    title = f"Unexpected {type(error).__name__}"
    first = _first_line(error)
    for folder in _report_folders():
        with suppress(OSError):
            return RvcError(title, first, f"please report this with {_write_report(folder, text)}")
    last = traceback.extract_tb(error.__traceback__)[-1:]
    where = f"{Path(last[0].filename).name}, line {last[0].lineno}" if last else "an unknown place"
    return RvcError(title, first, f"please report this: {where} of version {__version__}")


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [""])[0][:200]


def _facts(program: str, words: Sequence[str]) -> list[str]:
    return [
        f"rvc-tui {__version__}, Python {platform.python_version()}, {platform.platform()}, "
        f"{time.strftime('%Y-%m-%d %H:%M:%S %z')}",
        f"command: {program} {shlex.join(words)}".rstrip(),
        "packages: "
        f"{' '.join(sorted(name for name in ('torch', 'numpy', 'av', 'faiss', 'textual') if name in sys.modules))}",
        f"home: {os.environ.get('RVC_HOME', '-')}, user {os.getuid()}, terminal {os.environ.get('TERM', '-')}",
    ]


def _report_folders() -> Iterator[Path]:
    """Where reports may lie, best first: the state folder of the user, then that for temporary files."""
    state = os.path.expanduser(os.environ.get("XDG_STATE_HOME") or "~/.local/state")
    if os.path.isabs(state):
        yield Path(state) / "rvc-tui" / "reports"
    with suppress(OSError):
        yield Path(tempfile.gettempdir())


def _write_report(folder: Path, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for old in sorted(folder.glob("rvc-report-*.txt"))[: -KEPT_REPORTS + 1]:
        with suppress(OSError):
            old.unlink()
    path = folder / f"rvc-report-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}-{os.urandom(3).hex()}.txt"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
        file.write(text)
    return path


def understood(error: BaseException, program: str, words: Sequence[str] = ()) -> RvcError:
    """Of any error: its own sentence, the system's, or where the report of it is."""
    return explained(error) or report(error, program, words)
