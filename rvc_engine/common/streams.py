"""Standard output and standard error: the one way in which commands print. Nothing that others wrote reaches a terminal
as it is."""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import math
import os
import sys
import warnings
from typing import Any, NoReturn

from rvc_engine.common.printable import printable, printable_lines
from rvc_engine.messages.wire import with_codes

STREAMS = ("stdin", "stdout", "stderr")
PYTHONS_FORMAT = warnings.formatwarning


# --- at the beginning of a process -----------------------------------------------------------------
def prepare_streams() -> None:
    """What cannot be encoded is written as an escape, and what cannot be decoded is read as the byte that it is: no
    name ends a command. A stream that is closed becomes /dev/null, so that no file that is opened later takes its
    number. Warnings are made printable."""
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


def say_json(value: Any, indent: int | None = None) -> None:
    if sys.stdout is not None:
        print(as_json(value, indent), flush=True)


def finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    return [finite(item) for item in value] if isinstance(value, list | tuple) else value


def ask(question: str) -> str:
    """What a person at the terminal answers, without blanks around it; empty at the end of the input."""
    print(printable(question), end=" ", flush=True)
    try:
        return input().strip()
    except EOFError:
        return ""


class Parser(argparse.ArgumentParser):
    """Its complaints repeat what was typed."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        say(f"{self.prog}: error: {message}", error=True)
        raise SystemExit(2)

    def _print_message(self, message: str, file: Any = None) -> None:
        super()._print_message("\n".join(printable_lines(message)), file)
