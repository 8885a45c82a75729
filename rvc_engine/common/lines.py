"""How processes of this program talk: lines, each one JSON object {"event": KIND, ...its fields}.

Each kind is a dataclass. A journal is a file of such lines; a process that this program starts writes them to the one
that started it (`to_parent`), which reads them by machine/children.py.
"""

from __future__ import annotations

import functools
import json
import os
import stat
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, BinaryIO, ClassVar, TypeVar

from rvc_engine.common.records import build
from rvc_engine.errors import BadInput, Busy, RvcError, Stopped
from rvc_engine.messages import NOTHING, Message, verbatim
from rvc_engine.messages.wire import FIELD, with_codes, with_messages

LINE_BYTES = 64 << 20  # what is longer is none of ours
CHANNEL = "RVC_LINES"  # environment variable: the descriptor to which a process writes for the one that started it


# --- kinds -----------------------------------------------------------------------------------------
class Line:
    """Subclasses are dataclasses of plain values; their name is the kind. `ends`: nothing follows it."""

    KINDS: ClassVar[dict[str, type[Line]]] = {}
    ends: ClassVar[bool] = False
    nested: ClassVar[bool] = False  # messages may lie deeper in it than in its own fields

    def __init_subclass__(cls) -> None:
        Line.KINDS[cls.__name__] = cls


LineT = TypeVar("LineT", bound=Line)
FailureT = TypeVar("FailureT", bound="Failure")


@dataclass(frozen=True, kw_only=True)
class Failure:
    """The fields of a line that holds an error: what `error_to_record` gives, and the exit code of its class."""

    title: Message
    message: Message = NOTHING
    hint: Message = NOTHING
    exit_code: int = 1

    @classmethod
    def of(cls: type[FailureT], error: RvcError, **others: Any) -> FailureT:
        return cls(**error_to_record(error), exit_code=error.exit_code, **others)

    def error(self) -> RvcError:
        return error_from_record(vars(self), self.exit_code)


def error_to_record(error: RvcError) -> dict[str, Any]:
    """An error as data, everywhere that one is written down."""
    return {"title": error.title, "message": error.message, "hint": error.hint}


def error_from_record(record: dict[str, Any], exit_code: int = 1) -> RvcError:
    """The other way; the exit code says which class."""
    kinds = {kind.exit_code: kind for kind in (BadInput, Busy, Stopped)}
    parts = (record[part] for part in ("title", "message", "hint"))
    title, message, hint = (part if isinstance(part, Message) else verbatim(part) for part in parts)
    return kinds.get(exit_code, RvcError)(title, message, hint)


@dataclass(frozen=True, kw_only=True)
class Failed(Failure, Line):
    """The error that a process ends with."""

    ends: ClassVar[bool] = True


@dataclass(frozen=True)
class Answered(Line):
    """What a command prints with --json, for the process that asked."""

    nested: ClassVar[bool] = True
    data: Any


# --- from and to bytes -----------------------------------------------------------------------------
class Mistyped(ValueError):
    """A line whose fields have wrong types."""


def to_record(line: Line) -> dict[str, Any]:
    return with_codes({"event": type(line).__name__, **vars(line)})


def from_record(record: dict[str, Any], family: type[LineT]) -> LineT | None:
    """A line of `family`; None for other kinds, also those of later versions. Unknown fields are dropped.

    Raises TypeError when a required field is missing, or a field has another type than declared.
    """
    kind = record.get("event", "")
    known = Line.KINDS.get(kind) if isinstance(kind, str) else None
    if known is None or not issubclass(known, family):
        return None
    content = with_messages(record) if FIELD in record or known.nested else record.copy()
    del content["event"]
    return build(known, content)


def encode(line: Line) -> bytes:
    """File names that are not UTF-8 keep their bytes. In ASCII when the text has other surrogates, which cannot be
    encoded."""
    record = to_record(line)
    try:
        text = json.dumps(record, ensure_ascii=False, allow_nan=True, separators=(",", ":"))
        return text.encode("utf-8", "surrogateescape") + b"\n"
    except UnicodeEncodeError:
        return json.dumps(record, allow_nan=True, separators=(",", ":")).encode() + b"\n"


def decode(data: bytes, family: type[LineT]) -> LineT | None:
    """None for what is incomplete or no line of ours, and for a line of another family or of a kind that this version
    does not know. Raises Mistyped."""
    try:
        record = json.loads(data.decode("utf-8", "surrogateescape"))
    except (ValueError, RecursionError):
        return None
    try:
        return from_record(record, family) if isinstance(record, dict) else None
    except TypeError as error:
        raise Mistyped(str(error)) from error


def read_line(stream: BinaryIO, family: type[LineT]) -> LineT | None:
    """Wait for the next line of a family; others are passed over. None at the end."""
    for data in iter(partial(stream.readline, LINE_BYTES), b""):
        with suppress(Mistyped):
            if (found := decode(data, family)) is not None:
                return found
    return None


class Pieces:
    """Whole lines out of what comes in pieces. One that is too long is dropped, and takes no memory."""

    def __init__(self) -> None:
        self._begun = bytearray()
        self._dropping = False

    def add(self, piece: bytes) -> list[bytes]:
        """The lines that are whole now, without their newlines."""
        whole = []
        *ends, rest = piece.split(b"\n")
        for end in ends:
            self._extend(end)
            if not self._dropping:
                whole.append(bytes(self._begun))
            self._begun, self._dropping = bytearray(), False
        self._extend(rest)
        return whole

    def _extend(self, part: bytes) -> None:
        self._dropping = self._dropping or len(self._begun) + len(part) > LINE_BYTES
        if self._dropping:
            self._begun = bytearray()
        else:
            self._begun += part


# --- writing ---------------------------------------------------------------------------------------
class Writer:
    """Writes lines to a descriptor, each in one go: several processes may write to one pipe. Nothing follows one that
    ends."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.ended = False
        self._writing = threading.Lock()

    def send(self, line: Line) -> None:
        """Raises OSError: BrokenPipeError when nobody reads any more."""
        with self._writing:
            if self.ended:
                return
            self.ended = line.ends
            data = encode(line)
            while data:
                data = data[os.write(self.descriptor, data) :]


@functools.cache
def to_parent() -> Writer | None:
    """For the process that started this one, where it listens. Its first call takes the variable out of the
    environment: programs that this process starts do not write there."""
    number = os.environ.pop(CHANNEL, "")
    try:
        if not (number.isdecimal() and stat.S_ISFIFO(os.fstat(int(number)).st_mode)):
            return None
        os.set_inheritable(int(number), False)
    except (OSError, OverflowError):
        return None
    return Writer(int(number))


def report(line: Line) -> None:
    """To the process that started this one; nothing where it does not listen, or is gone."""
    if (parent := to_parent()) is not None:
        with suppress(OSError):
            parent.send(line)


def handed_on() -> tuple[dict[str, str], tuple[int, ...]]:
    """Variables and descriptors for a process that is to write to this one's parent."""
    parent = to_parent()
    return ({CHANNEL: str(parent.descriptor)}, (parent.descriptor,)) if parent is not None else ({}, ())


def _one_line(error: Exception) -> str:
    return traceback.format_exception_only(error)[-1].strip().split("\n")[0]


def run_reporting(work: Callable[[Writer], None]) -> int:
    """Do the work of a process that reports: to the one that started it, else on standard output. An error is its last
    line, with its traceback on standard error. Returns the exit code."""
    writer = to_parent() or Writer(sys.stdout.fileno())
    try:
        work(writer)
    except Exception as error:
        traceback.print_exc()
        known = error if isinstance(error, RvcError) else RvcError(_one_line(error))
        writer.send(Failed.of(known))
        return known.exit_code
    return 0
