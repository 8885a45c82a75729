"""Errors with a way out: what happened, why, and what to do about it."""

from __future__ import annotations

from rvc_engine.redact import redacted


class RvcError(Exception):
    """A failure that is understood where it is raised.

    `title` is one line, `message` the cause, `hint` the way out. `exit_code` is what a command ends with.
    """

    exit_code = 1

    def __init__(self, title: str, message: str = "", hint: str = "") -> None:
        super().__init__(redacted(title))
        self.title = redacted(title)
        self.message = redacted(message)
        self.hint = redacted(hint)

    def __str__(self) -> str:
        return ": ".join(part for part in (self.title, self.message) if part) + (f" ({self.hint})" if self.hint else "")


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
