"""How processes of this program talk: messages, one JSON object a line, {"event": KIND, ...its fields}.

Each kind is a dataclass. A journal is a file of such lines; a process that this program starts writes them to the one
that started it (`to_parent`), which reads them by machine/children.py.
"""

from __future__ import annotations

import functools
import json
import os
import stat
import threading
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, BinaryIO, ClassVar, TypeVar

from rvc_engine.common.records import build
from rvc_engine.errors import BadInput, Busy, RvcError, Stopped

LINE_BYTES = 64 << 20  # a longer line is not a message
CHANNEL = "RVC_MESSAGES"  # environment variable: the descriptor to which a process writes for the one that started it


# --- messages ------------------------------------------------------------------------------------------------
class Message:
    """One line. Subclasses are dataclasses of plain values; their name is the kind. `ends`: nothing follows it."""

    KINDS: ClassVar[dict[str, type[Message]]] = {}
    ends: ClassVar[bool] = False

    def __init_subclass__(cls) -> None:
        Message.KINDS[cls.__name__] = cls


M = TypeVar("M", bound=Message)
FailureT = TypeVar("FailureT", bound="Failure")


@dataclass(frozen=True, kw_only=True)
class Failure:
    """The fields of a message that holds an error: what `error_to_record` gives, and the exit code of its class."""

    title: str
    message: str = ""
    hint: str = ""
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
    return kinds.get(exit_code, RvcError)(record["title"], record["message"], record["hint"])


@dataclass(frozen=True, kw_only=True)
class Failed(Failure, Message):
    """The error that a process ends with."""

    ends: ClassVar[bool] = True


@dataclass(frozen=True, kw_only=True)
class Answered(Message):
    """What a command prints with --json, for the process that asked."""

    data: Any


# --- lines ---------------------------------------------------------------------------------------------------
class Mistyped(ValueError):
    """A line with a message whose fields have wrong types."""


def to_record(message: Message) -> dict[str, Any]:
    return {"event": type(message).__name__, **vars(message)}


def from_record(record: dict[str, Any], family: type[M]) -> M | None:
    """A message of `family`; None for other kinds, also those of later versions. Unknown fields are dropped.

    Raises TypeError when a required field is missing, or a field has another type than declared.
    """
    kind = record.get("event", "")
    known = Message.KINDS.get(kind) if isinstance(kind, str) else None
    if known is None or not issubclass(known, family):
        return None
    content = record.copy()
    del content["event"]
    return build(known, content)


def to_line(message: Message) -> bytes:
    """File names that are not UTF-8 keep their bytes. In ASCII when the text has other surrogates, which cannot be
    encoded."""
    record = to_record(message)
    try:
        text = json.dumps(record, ensure_ascii=False, allow_nan=True, separators=(",", ":"))
        line = text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        line = json.dumps(record, allow_nan=True, separators=(",", ":")).encode()
    return line + b"\n"


def from_line(line: bytes, family: type[M]) -> M | None:
    """None for an incomplete line, a line that is not a message, or a message of another family or of a kind that this
    version does not know. Raises Mistyped."""
    try:
        record = json.loads(line.decode("utf-8", "surrogateescape"))
    except (ValueError, RecursionError):
        return None
    try:
        return from_record(record, family) if isinstance(record, dict) else None
    except TypeError as error:
        raise Mistyped(str(error)) from error


def read_message(stream: BinaryIO, family: type[M]) -> M | None:
    """Wait for the next message of a family; other lines are passed over. None at the end."""
    for line in iter(partial(stream.readline, LINE_BYTES), b""):
        with suppress(Mistyped):
            if (found := from_line(line, family)) is not None:
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


# --- writing -------------------------------------------------------------------------------------------------
class Writer:
    """Writes messages to a descriptor, each line in one go: several processes may write to one pipe. Nothing follows a
    message that ends."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.ended = False
        self._writing = threading.Lock()

    def send(self, message: Message) -> None:
        """Raises OSError: BrokenPipeError when nobody reads any more."""
        with self._writing:
            if self.ended:
                return
            self.ended = message.ends
            line = to_line(message)
            while line:
                line = line[os.write(self.descriptor, line) :]


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


def report(message: Message) -> None:
    """To the process that started this one; nothing where it does not listen, or is gone."""
    if (parent := to_parent()) is not None:
        with suppress(OSError):
            parent.send(message)


def handed_on() -> tuple[dict[str, str], tuple[int, ...]]:
    """Variables and descriptors for a process that is to write to this one's parent."""
    parent = to_parent()
    return ({CHANNEL: str(parent.descriptor)}, (parent.descriptor,)) if parent is not None else ({}, ())
