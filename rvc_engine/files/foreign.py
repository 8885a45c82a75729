"""Data from strangers: how much of it is taken, and how it is put into words. Every limit of the readers of foreign
files stands here.

A few hundred bytes may describe a list that holds a list nine times, and so on for fifteen levels: as text it fills the
memory. What a reader returns is therefore weighed with every shared value counted wherever it appears, and messages use
`describe`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rvc_engine.common.opening import open_file, what_else
from rvc_engine.messages import Message, message_of, verbatim

# A whole training state of a v2 voice (1.2 GiB) has 93,000 opcodes, 262 KiB of pickle and 2,908 records.
MAX_PICKLE_BYTES = 8 << 20
MAX_LINE_BYTES = 4096  # names of classes, in a pickle
MAX_OPCODES = 150_000
MAX_COPIED = 500_000  # values and characters that a pickle's calls may copy
MAX_VALUES = 500_000  # in what was read, shared ones counted where they appear
MAX_DEPTH = 100
MAX_TEXT_BYTES = 1 << 20  # of one text
MAX_CHARACTERS = 16 << 20  # of all texts together, shared ones counted where they appear
MAX_KEY = 1 << 61  # whole numbers from here on can be chosen so that a dictionary of them takes for ever
MAX_TENSORS = 20_000
MAX_RANK = 8
MAX_RECORDS = 20_000  # of a zip
MAX_DIRECTORY_BYTES = 4 << 20  # of a zip: the list of its records
MAX_HEADER_BYTES = 8 << 20  # of a safetensors file
MAX_SHARING = 4  # tensors may describe this many times the bytes of their file
MAX_JSON_BYTES = 1 << 20
MAX_LISTING_BYTES = 16 << 20  # of the JSON that lists the parts of a training state
MAX_DIGITS = 640  # of a number in JSON
MAX_REASON = 200  # characters of what another program's error says
SCALARS = (str, int, float, bytes, bool, type(None))


class Unreadable(ValueError):
    """A file that is damaged, hostile or no file of weights. `reason`: one line, without the path."""

    def __init__(self, reason: Message) -> None:
        super().__init__(reason)


@dataclass
class Opaque:
    """What is left of an object of an allow-listed class: its name and its state. Nothing of the class runs."""

    kind: str
    state: dict[str, Any] = field(default_factory=dict)


# --- words -----------------------------------------------------------------------------------------
def describe(value: Any, most: int = 60) -> Message:
    """A foreign value for a message: one printable line of about `most` characters, whatever the value holds."""
    if isinstance(value, str):
        return verbatim(repr(value if len(value) <= most else value[:most] + "..."))
    if isinstance(value, int) and value.bit_length() > 64:
        return Message("files.number_bits", bits=value.bit_length())
    if value is None or isinstance(value, int | float):
        return verbatim(str(value))
    if isinstance(value, bytes):
        return Message("files.bytes", count=len(value))
    if isinstance(value, dict):
        return Message("files.dictionary", count=len(value))
    if isinstance(value, list | tuple):
        return Message("files.list", count=len(value))
    if isinstance(value, Opaque):
        return verbatim(value.kind[:most])
    shape = getattr(value, "shape", None)
    return verbatim(type(value).__name__) if shape is None else Message("files.tensor", shape=list(shape))


def describe_some(values: Iterable[Any], most: int = 5) -> Message:
    """The first few of many."""
    every = list(values)
    some = [describe(value, 80) for value in every[:most]]
    if len(every) > most:
        return Message("files.some_and_more", some=some, count=len(every) - most)
    return Message("files.some", some=some)


def text_of(value: Any, most: int) -> str:
    """A foreign text or number as text of at most `most` characters; empty for anything else."""
    if isinstance(value, str):
        return value[:most]
    return describe(value)[:most] if isinstance(value, int | float) else ""


def first_line(error: BaseException) -> Message:
    """What an error says: its message, or one printable line of another program's words."""
    reason = message_of(error)
    return reason if reason.code else verbatim("".join(c if c.isprintable() else "?" for c in reason[:MAX_REASON]))


# --- weight ----------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Weight:
    """Of a value with all that it holds, shared values counted wherever they appear. `bytes`: what its tensors
    describe."""

    values: int = 1
    characters: int = 0
    bytes: int = 0
    height: int = 0


EMPTY = Weight()


def weigh(value: Any) -> Weight:
    """Raises Unreadable for what holds itself, or is too deep or too much to be walked through or turned into text."""
    return _Scale().of(value, 0)


class _Scale:
    def __init__(self) -> None:
        self.known: dict[int, Weight] = {}
        self.begun: set[int] = set()

    def of(self, value: Any, depth: int) -> Weight:
        if isinstance(value, str | bytes):
            return Weight(characters=len(value))
        if isinstance(value, int):
            return Weight(characters=1 + value.bit_length() // 3)
        held = value.state if isinstance(value, Opaque) else value
        if not isinstance(held, dict | list | tuple):
            return Weight(bytes=getattr(held, "nbytes", 0))
        if not held:
            return EMPTY
        mark = id(held)
        if mark in self.begun:
            raise Unreadable(Message("files.holds_itself", levels=MAX_DEPTH))
        found = self.known.get(mark)
        if found is None:
            self.begun.add(mark)
            found = self.known[mark] = self._sum(held, depth)
            self.begun.remove(mark)
        if depth + found.height > MAX_DEPTH:
            raise Unreadable(Message("files.too_deep", levels=MAX_DEPTH))
        return found

    def _sum(self, held: Any, depth: int) -> Weight:
        if depth > MAX_DEPTH:
            raise Unreadable(Message("files.too_deep", levels=MAX_DEPTH))
        values, characters, size, height = 1, 0, 0, 0
        for item in (*held, *held.values()) if isinstance(held, dict) else held:
            one = self.of(item, depth + 1)
            values, characters, size = values + one.values, characters + one.characters, size + one.bytes
            height = max(height, one.height + 1)
        if values > MAX_VALUES:
            raise Unreadable(Message("files.many_values", most=MAX_VALUES))
        if characters > MAX_CHARACTERS:
            raise Unreadable(Message("files.much_text", millions=MAX_CHARACTERS >> 20))
        return Weight(values, characters, size, height)


# --- files -----------------------------------------------------------------------------------------
def check_regular(path: Path) -> int:
    """The bytes of a regular file. Raises Unreadable for a pipe, a device or a folder, without opening it; OSError when
    there is none."""
    about = path.stat()
    if other := what_else(about):
        raise Unreadable(Message("common.not_regular_file", thing=other))
    return about.st_size


def read_json(path: Path, limit: int = MAX_JSON_BYTES) -> Any:
    """Raises Unreadable for what is no JSON, is larger than `limit`, or nested too deeply; OSError when it cannot be
    opened."""
    if check_regular(path) > limit:
        raise Unreadable(Message("files.too_large", kib=limit >> 10))
    with open_file(path) as file:
        return parse_json(file.read(limit + 1), limit)


def parse_json(content: bytes | str, limit: int = MAX_JSON_BYTES) -> Any:
    """As `read_json`, of what was read."""
    if len(content) > limit:
        raise Unreadable(Message("files.too_large", kib=limit >> 10))
    try:
        text = content.decode("utf-8-sig") if isinstance(content, bytes) else content
        value = json.loads(text, parse_int=_whole_number)
    except Unreadable:
        raise
    except (ValueError, RecursionError) as error:
        reason = Message("common.nested_too_deeply") if isinstance(error, RecursionError) else first_line(error)
        raise Unreadable(Message("files.no_json", reason=reason)) from error
    weigh(value)
    return value


def _whole_number(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise Unreadable(Message("files.long_number", digits=MAX_DIGITS))
    return int(text)
