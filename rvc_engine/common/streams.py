"""Standard output and standard error: the one way in which commands print. Nothing that others wrote reaches a terminal
as it is."""

from __future__ import annotations

import contextlib
import io
import json
import math
import os
import sys
import warnings
from typing import Any

from rvc_engine.common.lines import Answered, Failed, Line, report, to_parent, to_record
from rvc_engine.common.printable import LONG, printable, printable_lines
from rvc_engine.errors import RvcError
from rvc_engine.messages.wire import with_codes

STREAMS = ("stdin", "stdout", "stderr")
PYTHONS_FORMAT = warnings.formatwarning
_ended = False  # an event that ends was printed as JSON


# --- at the beginning of a process -----------------------------------------------------------------
def prepare_streams() -> None:
    """What cannot be encoded is written as an escape, and what cannot be decoded is read as the byte that it is: no
    name ends a command. A stream that is closed becomes /dev/null, so that no file that is opened later takes its
    number. Warnings are made printable. The programs that this process starts do not report to its parent."""
    global _ended
    _ended = False
    to_parent()
    for number, name in enumerate(STREAMS):
        if not _is_open(number):
            _open_nowhere(number)
        stream = getattr(sys, name)
        if stream is None:
            stream = open(number, "w" if number else "r", encoding="utf-8", errors="surrogateescape", closefd=False)  # noqa: SIM115
            setattr(sys, name, stream)
        elif isinstance(stream, io.TextIOWrapper):
            with contextlib.suppress(ValueError):  # it is closed, or was read from
                stream.reconfigure(errors="surrogateescape" if name == "stdin" else "backslashreplace")
    warnings.formatwarning = format_warning


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def _open_nowhere(number: int) -> None:
    descriptor = os.open(os.devnull, os.O_RDWR)
    if descriptor != number:
        os.dup2(descriptor, number)
        os.close(descriptor)


def format_warning(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, line: str | None = None
) -> str:
    """As Python shows a warning of a library, without what a terminal would obey."""
    return "\n".join(printable_lines(PYTHONS_FORMAT(message, category, filename, lineno, line)))


# --- printing --------------------------------------------------------------------------------------
def say(*lines: str, error: bool = False) -> None:
    """Print each text as one line: a line break in it is escaped. `error`: on standard error."""
    stream = sys.stderr if error else sys.stdout
    if lines and stream is not None:  # without one print would take standard output
        print("\n".join(map(printable, lines)), file=stream, flush=True)


def as_json(value: Any, indent: int | None = None) -> str:
    """Valid JSON in ASCII, without control characters, messages with their codes; a number that is not finite is
    null."""
    value = with_codes({"": value})[""]
    try:
        text = json.dumps(value, indent=indent, allow_nan=False)
    except ValueError:
        text = json.dumps(finite(value), indent=indent)
    return text.replace("\x7f", "\\u007f")


def say_json(value: Any, indent: int | None = None, line: Line | None = None) -> None:
    """Print a result of --json. A process of this program that asked for it gets `line` instead, which is else the
    value."""
    global _ended
    if (parent := to_parent()) is not None:
        parent.send(line or Answered(finite(value)))
    elif sys.stdout is not None:
        print(as_json(value, indent), flush=True)
    _ended = _ended or (line is not None and line.ends)


def say_failure(error: RvcError, *, as_json_too: bool) -> None:
    """For the process that asked, or for --json: the error as the last line. Not after an event that ends."""
    if to_parent() is not None:
        report(Failed.of(error))
    elif as_json_too and not _ended and sys.stdout is not None:
        print(as_json(to_record(Failed.of(error))), flush=True)


def finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    return [finite(item) for item in value] if isinstance(value, list | tuple) else value


def one_line(error: RvcError) -> str:
    """All that an error says."""
    return printable(" ".join(str(error).split()), LONG)


def ask(question: str) -> str:
    """What a person at the terminal answers, without blanks around it; empty at the end of the input."""
    print(printable(question), end=" ", flush=True)
    try:
        return input().strip()
    except EOFError:
        return ""
