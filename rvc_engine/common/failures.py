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
from rvc_engine.messages import NOTHING, Message, message_of, verbatim

KEPT_REPORTS = 20
NO_PROCESS = Message("common.end_other_programs_raise_limit")

ADVICE: dict[int, tuple[str, str]] = {
    errno.EACCES: (Message("common.no_permission"), Message("common.see_whose_ls_ld_change")),
    errno.EPERM: (Message("common.system_does_not_allow"), Message("common.see_whose_ls_ld_lsattr")),
    errno.EROFS: (
        Message("common.file_system_read_only"),
        Message("common.choose_another_place_home_dir"),
    ),
    errno.ENOENT: (Message("common.not"), Message("common.check_path_may_been_moved")),
    errno.ENOTDIR: (Message("common.part_path_file_not_folder"), Message("common.check_path")),
    errno.EISDIR: (Message("common.folder"), Message("common.move_out_way_choose_another")),
    errno.EEXIST: (Message("common.already"), Message("common.move_out_way_choose_another")),
    errno.ENOTEMPTY: (Message("common.folder_not_empty"), Message("common.move_out_way")),
    errno.ELOOP: (Message("common.links_lead_round_circle_link"), Message("common.remove_link")),
    errno.ENAMETOOLONG: (Message("common.name_too_long"), Message("common.choose_shorter_names_files_folders")),
    errno.EFBIG: (
        Message("common.file_would_be_larger_than"),
        Message("common.raise_limit_shell_ulimit_f"),
    ),
    errno.EMFILE: (Message("common.too_many_files_open"), Message("common.raise_limit_shell_ulimit_n")),
    errno.ENFILE: (Message("common.too_many_files_open_machine"), Message("common.end_other_programs_then_run")),
    errno.EAGAIN: (Message("common.system_gives_no_more_processes"), NO_PROCESS),
    errno.ENOMEM: (Message("common.not_enough_memory_2"), Message("common.end_other_programs_use_fewer")),
    errno.EIO: (Message("common.disk_does_not_read_write"), Message("common.save_what_another_disk_look")),
    errno.ESTALE: (Message("common.network_file_system_lost"), Message("common.mount_again_then_run_same")),
    errno.ENOTCONN: (Message("common.network_file_system_not_connected"), Message("common.mount_again_then_run_same")),
    errno.ETIMEDOUT: (
        Message("common.no_answer_time"),
        Message("common.check_network_network_file_system"),
    ),
    errno.ENODEV: (Message("common.device_gone"), Message("common.connect_again_then_run_same")),
    errno.ENXIO: (Message("common.device_gone"), Message("common.connect_again_then_run_same")),
    errno.EBUSY: (Message("common.something_else_uses"), Message("common.end_what_uses_then_run")),
    errno.EINVAL: (Message("common.file_system_does_not_know"), Message("common.use_workspace_another_file_system")),
    errno.ENOSYS: (Message("common.system_does_not_know_how"), Message("common.use_workspace_another_file_system")),
    errno.EOPNOTSUPP: (
        Message("common.file_system_does_not_know"),
        Message("common.use_workspace_another_file_system"),
    ),
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
        return RvcError("common.not_enough_memory", NOTHING, ADVICE[errno.ENOMEM][1])
    if isinstance(error, RuntimeError) and "start new thread" in str(error):
        return RvcError("common.no_thread_can_be_started", ADVICE[errno.EAGAIN][0], NO_PROCESS)
    if isinstance(error, ImportError):
        return _of_package(error)
    return None


def _of_package(error: ImportError) -> RvcError | None:
    """A package that is missing or cannot be loaded; one of this program is its own fault."""
    package = (error.name or "").partition(".")[0]
    if package in ("", "rvc_engine", "rvc_tui"):
        return None
    missing = isinstance(error, ModuleNotFoundError)
    title = (
        Message("common.package_not_installed", package=package)
        if missing
        else Message("common.package_cannot_be_loaded", package=package)
    )
    return RvcError(
        title, NOTHING if missing else _first_line(error), Message("common.pip_install_force_reinstall_rvc")
    )


def unreadable(path: Path, error: OSError) -> BadInput:
    """For a file that a command needs."""
    known = _explained(error)
    return BadInput("common.cannot_be_read", known.message or known.title, known.hint, path=path)


def _explained(error: OSError) -> RvcError:
    if isinstance(error, NotAFile):
        return BadInput("common.cannot_be_used_2", message_of(error), path=error.path)
    if is_full(error):
        where = f": {_name(error)}" if _name(error) else ""
        return RvcError("common.disk_full", verbatim(error.strerror) or message_of(error), where=where)
    if isinstance(error, FileNotFoundError) and not _name(error):
        if not _has_folder():
            return BadInput("common.current_folder_gone")
        if "temporary directory" in str(error):
            return BadInput("common.no_folder_takes_temporary_files")
    if "AF_UNIX path too long" in str(error):
        return BadInput("common.path_folder_temporary_files_too", tempfile.gettempdir())
    cause, hint = ADVICE.get(
        error.errno or 0, (error.strerror or str(error), "check the path, the disk and its permissions")
    )
    return RvcError(
        Message("common.cannot_be_used", name=_name(error)) if _name(error) else Message("common.system_refused"),
        cause,
        hint,
    )


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
            return RvcError(title, first, Message("common.please_report", write_report=_write_report(folder, text)))
    last = traceback.extract_tb(error.__traceback__)[-1:]
    where = f"{Path(last[0].filename).name}, line {last[0].lineno}" if last else Message("common.unknown_place")
    return RvcError(title, first, Message("common.please_report_version", where=where, version=__version__))


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [""])[0][:200]


def _facts(program: str, words: Sequence[str]) -> list[str]:
    return [
        f"rvc-tui {__version__}, Python {platform.python_version()}, {platform.platform()}, "
        f"{time.strftime('%Y-%m-%d %H:%M:%S %z')}",
        f"command: {program} {shlex.join(words)}".rstrip(),
        "packages: "
        f"{' '.join(sorted(name for name in ('torch', 'numpy', 'av', 'faiss', 'textual') if name in sys.modules))}",
        Message(
            "common.home_user_terminal",
            get=os.environ.get("RVC_HOME", "-"),
            getuid=os.getuid(),
            get_2=os.environ.get("TERM", "-"),
        ),
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
