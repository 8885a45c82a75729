"""Errors with a fix: what happened, why, and what to do about it."""

from __future__ import annotations

import errno
from pathlib import Path

from rvc_engine.messages import NOTHING, Message, message_of, verbatim
from rvc_engine.messages.message import cause_of, fix_of

# What an OSError says of the machine or of the rights of this user, not of what a file holds.
NAMES = (
    "EACCES EPERM EMFILE ENFILE ENOMEM ENOSPC EDQUOT EROFS EAGAIN EINTR EBUSY ENODEV ENXIO ENOLCK ESTALE ENOTCONN "
    "ETIMEDOUT EHOSTDOWN "
    "EHOSTUNREACH ENETDOWN ENETUNREACH"
)
ENVIRONMENT = frozenset(getattr(errno, name) for name in NAMES.split() if hasattr(errno, name))


class RvcError(Exception):
    """A failure that is understood where it is raised: `RvcError("files.no_weights", path=path)`.

    `what` is a code of messages/words, or a Message. `title` is one line, `message` the cause, `hint` the fix; `cause`
    and `fix` replace those that the code has. `exit_code` is what a command ends with.
    """

    exit_code = 1

    def __init__(self, what: str, cause: Message = NOTHING, fix: Message = NOTHING, /, **params: object) -> None:
        title = what if isinstance(what, Message) else Message(what, **params)
        super().__init__(title)
        self.title = title
        self.message = verbatim(cause) if cause else cause_of(title)
        self.hint = verbatim(fix) if fix else fix_of(title)

    @property
    def summary(self) -> Message:
        """title: cause, without the fix."""
        return Message("errors.with_cause", title=self.title, cause=self.message) if self.message else self.title

    @property
    def line(self) -> Message:
        """All of it in one line: title: cause (fix)."""
        if not self.hint:
            return self.summary
        if not self.message:
            return Message("errors.with_fix", title=self.title, fix=self.hint)
        return Message("errors.whole", title=self.title, cause=self.message, fix=self.hint)

    def __str__(self) -> str:
        return str(self.line)


class BadInput(RvcError):
    """Bad arguments or input files, found before anything is written (exit code 2)."""

    exit_code = 2


class Busy(RvcError):
    """Another run holds the experiment (exit code 3)."""

    exit_code = 3


class Stopped(RvcError):
    """The user stopped the work (exit code 130)."""

    exit_code = 130


class UnusableRecording(Exception):
    """One recording that cannot be used; the text is the reason. A stage turns it into ItemSkipped."""


def of_environment(error: BaseException) -> bool:
    """Does it say that a file cannot be read here and now? Then nothing is known of what the file holds."""
    return isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno in ENVIRONMENT)


def reason_of(error: BaseException) -> Message:
    """What an exception says: of ours all of it, of the system's its words without number and path."""
    if isinstance(error, RvcError):
        return error.line
    return verbatim(error.strerror) if isinstance(error, OSError) and error.strerror else message_of(error)


def cannot_read(path: Path, error: BaseException) -> BadInput:
    """For a file that is not to blame (see of_environment)."""
    return BadInput("common.cannot_be_read", reason_of(error), Message("errors.file_may_be_whole"), path=path)
