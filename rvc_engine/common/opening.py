"""Opening files that somebody else names or put there: only regular files, without ever waiting for anybody."""

from __future__ import annotations

import codecs
import functools
import io
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, TextIO

from rvc_engine.errors import BadInput, reason_of
from rvc_engine.messages import NOTHING, Message, joined, message_of

TEXT_BYTES = 64 << 20
"""No text that this program reads at once is longer: settings, receipts, lists, notes."""
KINDS = {
    stat.S_IFDIR: "common.folder",
    stat.S_IFIFO: "common.named_pipe",
    stat.S_IFSOCK: "common.socket",
    stat.S_IFCHR: "common.device",
    stat.S_IFBLK: "common.device",
}


class NotAFile(OSError):
    """`path` is no file of bytes: a named pipe, a socket, a device, a folder, or a file that the kernel makes up. The
    text says which."""

    def __init__(self, path: Path, what: Message) -> None:
        super().__init__(Message("common.not_regular_file", thing=what))
        self.path = path


def what_else(about: os.stat_result) -> Message:
    """What it is when it is no file: "a named pipe"; empty for a file."""
    if (code := KINDS.get(stat.S_IFMT(about.st_mode))) is not None:
        return Message(code)
    return Message("common.kernel_file") if about.st_dev in _kernel_devices() else NOTHING


@functools.lru_cache(maxsize=1)
def _kernel_devices() -> frozenset[int]:
    """Of /proc and /sys, whose files have no size, or no end."""
    return frozenset(os.stat(place).st_dev for place in ("/proc", "/sys") if os.path.ismount(place))


def refuse_other(path: Path) -> None:
    """Look at what a library is about to open. Raises NotAFile, OSError."""
    if other := what_else(os.stat(path)):
        raise NotAFile(path, other)


def open_file(path: Path) -> BinaryIO:
    """Open a file for reading. Neither this nor reading from it waits for anybody. Raises NotAFile, OSError."""
    refuse_other(path)
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        if other := what_else(os.fstat(descriptor)):  # another thing than was looked at
            raise NotAFile(path, other)
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def read_bytes(path: Path, limit: int = TEXT_BYTES) -> bytes:
    """Raises OSError, also for a file of more than `limit` bytes."""
    with open_file(path) as file:
        data = file.read(min(limit, os.fstat(file.fileno()).st_size) + 1)
    if len(data) > limit:
        raise OSError(Message("common.larger_than", limit=limit))
    return data


def read_text(path: Path, limit: int = TEXT_BYTES, encoding: str = "utf-8", errors: str = "strict") -> str:
    """With universal newlines. Raises as `read_bytes`, and UnicodeDecodeError (a ValueError)."""
    return read_bytes(path, limit).decode(encoding, errors).replace("\r\n", "\n").replace("\r", "\n")


def read_hand_edited(path: Path, *, errors: str = "strict", most_bytes: int = TEXT_BYTES) -> str:
    """The text of a file that people write: UTF-8, or what Windows editors make of it (a byte order mark, UTF-16).

    Raises OSError, and ValueError with the reason where it is no such text.
    """
    data = read_bytes(path, most_bytes)
    code = "utf-16" if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
    try:
        return data.decode(code, errors)
    except UnicodeDecodeError as error:
        raise ValueError(Message("common.not_utf8", byte=error.start)) from error


def open_text(path: Path, encoding: str = "utf-8", errors: str = "strict") -> TextIO:
    """For the csv module: newlines as they are. Raises as `open_file`."""
    return io.TextIOWrapper(open_file(path), encoding=encoding, errors=errors, newline="")


def last_line_of(log: Path, start: int = 0, limit: int = 1 << 16) -> str:
    """Of what was written behind `start`, of the last `limit` bytes of it; empty when there is none or it cannot be
    read."""
    try:
        with open_file(log) as file:
            file.seek(max(start, file.seek(0, os.SEEK_END) - limit))
            return last_line(file.read())
    except OSError:
        return ""


def last_line(output: bytes) -> str:
    """The last that is not empty."""
    lines = output.decode(errors="replace").splitlines()
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


def require_file(path: Path, absent: Message, hint: Message, message: Message = NOTHING) -> None:
    """Raises BadInput: `absent` as its title when nothing is there, else what is there instead of a file. `message`:
    who names it."""
    try:
        refuse_other(path)
    except NotAFile as error:
        why = joined(message_of(error), message)
        raise BadInput("common.cannot_be_used", why, Message("common.give_file"), path=path) from error
    except (FileNotFoundError, NotADirectoryError, ValueError):
        raise BadInput(absent, message, hint) from None
    except OSError as error:
        hint = Message("common.check_path_permissions")
        raise BadInput("common.cannot_be_read", reason_of(error), hint, path=path) from error


def open_to_append(path: Path, *, follow: bool = True) -> int:
    """The descriptor of a log or journal: made when it is not there, never another thing than a file; `follow`: also
    through a link. Raises NotAFile, OSError."""
    with suppress(FileNotFoundError):
        refuse_other(path)
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    flags |= 0 if follow else os.O_NOFOLLOW
    descriptor = os.open(path, flags, 0o666)
    if other := what_else(os.fstat(descriptor)):
        os.close(descriptor)
        raise NotAFile(path, other)
    return descriptor


def size_of(path: Path) -> int:
    """In bytes; 0 when it is not there or cannot be looked at."""
    try:
        return path.stat().st_size
    except OSError:
        return 0
