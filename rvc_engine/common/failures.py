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
from rvc_engine.errors import BadInput, RvcError, reason_of
from rvc_engine.messages import NOTHING, Message, message_of, verbatim
from rvc_engine.messages.message import fix_of

KEPT_REPORTS = 20

REFUSALS = {
    errno.EACCES: "common.no_permission",
    errno.EPERM: "common.system_forbids",
    errno.EROFS: "common.read_only",
    errno.ENOENT: "common.is_not_there",
    errno.ENOTDIR: "common.path_through_file",
    errno.EISDIR: "common.is_folder",
    errno.EEXIST: "common.already_there",
    errno.ENOTEMPTY: "common.folder_not_empty",
    errno.ELOOP: "common.links_in_circle",
    errno.ENAMETOOLONG: "common.name_too_long",
    errno.EFBIG: "common.file_too_large",
    errno.EMFILE: "common.too_many_files",
    errno.ENFILE: "common.too_many_files_on_machine",
    errno.EAGAIN: "common.too_many_processes",
    errno.ENOMEM: "common.not_enough_memory",
    errno.EIO: "common.disk_fails",
    errno.ESTALE: "common.lost_by_network",
    errno.ENOTCONN: "common.network_not_connected",
    errno.ETIMEDOUT: "common.no_answer_in_time",
    errno.ENODEV: "common.device_gone",
    errno.ENXIO: "common.device_gone",
    errno.EBUSY: "common.in_use",
    errno.EINVAL: "common.unknown_to_file_system",
    errno.ENOSYS: "common.unknown_to_system",
    errno.EOPNOTSUPP: "common.unknown_to_file_system",
}
"""By number: the code that has the cause and, as its fix, what to do."""


def refusal(number: int | None) -> Message:
    """What this number of the system's errors means; fix_of gives what to do. Empty for a number that is not known."""
    code = REFUSALS.get(number or 0)
    return Message(code) if code else NOTHING


# --- the system's errors ---------------------------------------------------------------------------
def explained(error: BaseException) -> RvcError | None:
    """The sentence for what the system refused; None for an error that is this program's own."""
    if isinstance(error, RvcError):
        return error
    if isinstance(error, OSError):
        return _explained(error)
    if isinstance(error, MemoryError):
        return RvcError("common.out_of_memory")
    if isinstance(error, RuntimeError) and "start new thread" in str(error):
        why = refusal(errno.EAGAIN)
        return RvcError("common.no_thread", why, fix_of(why))
    if isinstance(error, ImportError):
        return _of_package(error)
    return None


def _of_package(error: ImportError) -> RvcError | None:
    """A package that is missing or cannot be loaded; one of this program is its own fault."""
    package = (error.name or "").partition(".")[0]
    if package in ("", "rvc_engine", "rvc_tui"):
        return None
    if isinstance(error, ModuleNotFoundError):
        return RvcError("common.package_missing", package=package)
    return RvcError("common.package_broken", _first_line(error), package=package)


def unreadable(path: Path, error: OSError) -> BadInput:
    """For a file that a command needs."""
    known = _explained(error)
    return BadInput("common.cannot_be_read", known.message or known.title, known.hint, path=path)


def _explained(error: OSError) -> RvcError:
    if isinstance(error, NotAFile):
        return BadInput("common.cannot_be_used", message_of(error), Message("common.give_file"), path=error.path)
    path = _name(error)
    if is_full(error):
        title = Message("common.disk_full_at", path=path) if path else Message("common.disk_full")
        return RvcError(title, reason_of(error))
    if isinstance(error, FileNotFoundError) and not path:
        if not _has_folder():
            return BadInput("common.current_folder_gone")
        if "temporary directory" in str(error):
            return BadInput("common.no_folder_for_temporaries")
    if "AF_UNIX path too long" in str(error):
        return BadInput("common.folder_for_temporaries_too_long", verbatim(tempfile.gettempdir()))
    title = Message("common.cannot_be_used", path=path) if path else Message("common.system_refused")
    cause = refusal(error.errno)
    if cause:
        return RvcError(title, cause, fix_of(cause))
    return RvcError(title, reason_of(error), Message("common.check_path_disk_permissions"))


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
    title = Message("common.unexpected", kind=type(error).__name__)
    first = _first_line(error)
    for folder in _report_folders():
        with suppress(OSError):
            return RvcError(title, first, Message("common.report_file", path=_write_report(folder, text)))
    return RvcError(title, first, _place(error))


def _place(error: BaseException) -> Message:
    for last in traceback.extract_tb(error.__traceback__)[-1:]:
        file = Path(last.filename).name
        return Message("common.report_place", file=file, line=last.lineno, version=__version__)
    return Message("common.report_unknown_place", version=__version__)


def _first_line(error: BaseException) -> Message:
    return message_of(error) if str(error).strip() else NOTHING


def _facts(program: str, words: Sequence[str]) -> list[str]:
    return [
        f"rvc-tui {__version__}, Python {platform.python_version()}, {platform.platform()}, "
        f"{time.strftime('%Y-%m-%d %H:%M:%S %z')}",
        f"command: {program} {shlex.join(words)}".rstrip(),
        "packages: "
        f"{' '.join(sorted(name for name in ('torch', 'numpy', 'av', 'faiss', 'textual') if name in sys.modules))}",
        f"home: {os.environ.get('RVC_HOME', '-')}",
        f"user: {os.getuid()}",
        f"terminal: {os.environ.get('TERM', '-')}",
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
