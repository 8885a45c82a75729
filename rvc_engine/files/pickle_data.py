"""Pickles as data: the subset that files of weights use, run by a small machine of our own that can neither import nor
call anything.

`pickletools.genops` of the standard library splits the bytes into opcodes. This file has the opcodes that are allowed,
pickle_names.py the names and what they build. Every other opcode or name is refused.
"""

from __future__ import annotations

import io
import mmap
import pickletools
from collections.abc import Callable, Mapping
from typing import IO, Any, cast

from rvc_engine.files.foreign import (
    MAX_COPIED,
    MAX_LINE_BYTES,
    MAX_OPCODES,
    MAX_PICKLE_BYTES,
    MAX_TENSORS,
    MAX_TEXT_BYTES,
    Opaque,
    Unreadable,
    weigh,
)
from rvc_engine.files.pickle_names import (
    CALLS,
    OPAQUE,
    QUANTISED,
    STORAGES,
    TYPES,
    UNTYPED,
    UNTYPED_DTYPES,
    WITHOUT_TENSORS,
    Global,
    put_entry,
)
from rvc_engine.messages import Message, verbatim

Storages = Callable[[str, str, int], Any]
"""(key, torch's name of the dtype, elements) -> the numbers of a storage, (elements,). Raises Unreadable when the file
holds fewer."""


class _Bounded:
    """The bytes of one pickle. Nothing is read that is longer than a pickle or a text in it may be."""

    def __init__(self, stream: bytes | IO[bytes] | mmap.mmap) -> None:
        self.stream = io.BytesIO(stream) if isinstance(stream, bytes) else stream
        self.left = MAX_PICKLE_BYTES

    def read(self, count: int) -> bytes:
        if count > MAX_TEXT_BYTES:
            raise Unreadable(Message("pickle.long_text", count=count, most=MAX_TEXT_BYTES))
        return self._counted(self.stream.read(count))

    def readline(self) -> bytes:
        line = b""
        while not line.endswith(b"\n") and (more := self.read(1)):
            line += more
            if len(line) > MAX_LINE_BYTES:
                raise Unreadable(Message("pickle.long_line", most=MAX_LINE_BYTES))
        return line

    def _counted(self, content: bytes) -> bytes:
        self.left -= len(content)
        if self.left < 0:
            raise Unreadable(Message("pickle.too_large", mib=MAX_PICKLE_BYTES >> 20))
        return content


class _Machine:
    """Stack and memo of one pickle."""

    def __init__(self, storages: Storages, calls: Mapping[str, Callable[..., Any]]) -> None:
        self.storages, self.calls = storages, calls
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}
        self.copied = self.tensors = 0

    def pop(self) -> Any:
        if len(self.stack) <= (self.marks[-1] if self.marks else 0):
            raise Unreadable(Message("pickle.empty_stack"))
        return self.stack.pop()

    def pop_to_mark(self) -> list[Any]:
        if not self.marks:
            raise Unreadable(Message("pickle.no_mark"))
        mark = self.marks.pop()
        items = self.stack[mark:]
        del self.stack[mark:]
        return items

    def top(self) -> Any:
        item = self.pop()
        self.stack.append(item)
        return item

    def run(self, stream: bytes | IO[bytes] | mmap.mmap) -> Any:
        for count, (opcode, argument, _) in enumerate(pickletools.genops(cast("IO[bytes]", _Bounded(stream)))):
            if count > MAX_OPCODES:
                raise Unreadable(Message("pickle.many_opcodes", most=MAX_OPCODES))
            name = opcode.name
            if name == "STOP":
                result = self.pop()
                if self.stack or self.marks:
                    raise Unreadable(Message("pickle.left_over"))
                return result
            if name in CONSTANTS:
                self.stack.append(CONSTANTS[name]())
            elif name in LITERALS:
                self.stack.append(argument)
            elif (step := STEPS.get(name)) is not None:
                step(self, argument)
            elif name not in ("PROTO", "FRAME"):
                raise Unreadable(Message("pickle.opcode", name=name))
        raise Unreadable(Message("pickle.no_end"))

    def copies(self, value: Any) -> None:
        """One opcode copies all of `value`, which may be recalled any number of times."""
        self.copied += len(value) if isinstance(value, list | tuple | dict | str | bytes) else 0
        if self.copied > MAX_COPIED:
            raise Unreadable(Message("pickle.copies", most=MAX_COPIED))

    # --- opcodes ------------------------------------------------------------------------------------------------
    def mark(self, _: Any) -> None:
        self.marks.append(len(self.stack))

    def put(self, number: int) -> None:
        self.memo[number] = self.top()

    def memoize(self, _: Any) -> None:
        self.put(len(self.memo))

    def get(self, number: int) -> None:
        if number not in self.memo:
            raise Unreadable(Message("pickle.not_stored"))
        self.stack.append(self.memo[number])

    def append(self, _: Any) -> None:
        item = self.pop()
        self._extend([item])

    def appends(self, _: Any) -> None:
        self._extend(self.pop_to_mark())

    def _extend(self, items: list[Any]) -> None:
        target = self.top()
        if type(target) is not list:
            raise Unreadable(Message("pickle.no_list"))
        target.extend(items)

    def set_item(self, _: Any) -> None:
        value, key = self.pop(), self.pop()
        put_entry(self.top(), key, value)

    def set_items(self, _: Any) -> None:
        items = self.pop_to_mark()
        if len(items) % 2:
            raise Unreadable(Message("pickle.key_without_value"))
        target = self.top()
        for key, value in zip(items[::2], items[1::2], strict=True):
            put_entry(target, key, value)

    def tuple_of(self, count: int) -> None:
        items = [self.pop() for _ in range(count)]
        self.stack.append(tuple(reversed(items)))

    def tuple_to_mark(self, _: Any) -> None:
        self.stack.append(tuple(self.pop_to_mark()))

    def name(self, argument: str) -> None:
        self._name(*argument.split(" ", 1))

    def stack_name(self, _: Any) -> None:
        name, module = self.pop(), self.pop()
        if not isinstance(name, str) or not isinstance(module, str):
            raise Unreadable(Message("pickle.name_no_text"))
        self._name(module, name)

    def _name(self, module: str, name: str) -> None:
        found = Global(module, name)
        full = f"{module}.{name}"
        if full in QUANTISED:
            raise Unreadable(Message("pickle.quantised"))
        known = full in CALLS or full in OPAQUE or full in TYPES or full == UNTYPED
        if not known and not (module == "torch" and (name in STORAGES or name in UNTYPED_DTYPES)):
            raise Unreadable(Message("pickle.asks_for", found=found))
        self.stack.append(found)

    def reduce(self, _: Any) -> None:
        arguments, called = self.pop(), self.pop()
        if not isinstance(called, Global) or str(called) not in CALLS or not isinstance(arguments, tuple):
            raise Unreadable(Message("pickle.calls", called=called_name(called)))
        for argument in arguments:
            self.copies(argument)
        self.tensors += called.name.startswith("_rebuild_")
        if self.tensors > MAX_TENSORS:
            raise Unreadable(Message("pickle.many_tensors", most=MAX_TENSORS))
        self.stack.append(self.calls[str(called)](*arguments))

    def new_object(self, _: Any) -> None:
        arguments, kind = self.pop(), self.pop()
        if not isinstance(kind, Global) or str(kind) not in OPAQUE or arguments != ():
            raise Unreadable(Message("pickle.makes", kind=called_name(kind)))
        self.stack.append(Opaque(str(kind)))

    def build(self, _: Any) -> None:
        state, target = self.pop(), self.top()
        if isinstance(target, Opaque) and target.kind == "numpy.dtype":
            return  # byte order and the like: only little endian numbers are taken
        if type(state) is not dict:
            raise Unreadable(Message("pickle.state_no_dictionary"))
        if isinstance(target, Opaque):
            self.copies(state)
            target.state.update(state)
            target.state.pop("_parent", None)  # omegaconf's way back up
        elif type(target) is not dict:  # an OrderedDict's _metadata is not needed
            raise Unreadable(Message("pickle.no_state"))

    def persistent(self, _: Any) -> None:
        reference = self.pop()
        if not isinstance(reference, tuple) or len(reference) not in (5, 6) or reference[0] != "storage":
            raise Unreadable(Message("pickle.no_stored_tensor"))
        kind, key, count = reference[1], reference[2], reference[4]
        dtype = None
        if isinstance(kind, Global):
            dtype = "uint8" if str(kind) == UNTYPED else STORAGES.get(kind.name) if kind.module == "torch" else None
        if (
            dtype is None
            or not isinstance(key, str)
            or type(count) is not int
            or count < 0
            or reference[5:] not in ((), (None,))
        ):
            raise Unreadable(Message("pickle.unknown_storage"))
        self.stack.append(self.storages(key, dtype, count))


CONSTANTS: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_DICT": dict,
    "EMPTY_LIST": list,
    "EMPTY_TUPLE": tuple,
}
LITERALS = {
    "BINUNICODE",
    "SHORT_BINUNICODE",
    "BINUNICODE8",
    "BININT",
    "BININT1",
    "BININT2",
    "LONG1",
    "BINFLOAT",
    "BINBYTES",
    "SHORT_BINBYTES",
}
STEPS: dict[str, Callable[[_Machine, Any], None]] = {
    "MARK": _Machine.mark,
    "BINPUT": _Machine.put,
    "LONG_BINPUT": _Machine.put,
    "MEMOIZE": _Machine.memoize,
    "BINGET": _Machine.get,
    "LONG_BINGET": _Machine.get,
    "APPEND": _Machine.append,
    "APPENDS": _Machine.appends,
    "SETITEM": _Machine.set_item,
    "SETITEMS": _Machine.set_items,
    "TUPLE": _Machine.tuple_to_mark,
    "TUPLE1": lambda m, _: m.tuple_of(1),
    "TUPLE2": lambda m, _: m.tuple_of(2),
    "TUPLE3": lambda m, _: m.tuple_of(3),
    "GLOBAL": _Machine.name,
    "STACK_GLOBAL": _Machine.stack_name,
    "REDUCE": _Machine.reduce,
    "NEWOBJ": _Machine.new_object,
    "BUILD": _Machine.build,
    "BINPERSID": _Machine.persistent,
}


def called_name(value: Any) -> Message:
    """What a pickle wants to call, for a message."""
    return verbatim(str(value)) if isinstance(value, Global) else Message("pickle.no_name")


def load(stream: bytes | IO[bytes] | mmap.mmap, storages: Storages, room: int = 0) -> Any:
    """One pickle as plain data (dict, list, tuple, text, numbers, bytes, None), tensors and Opaque. `room`: bytes that
    its tensors may describe, each counted wherever it appears.

    A stream is read up to the pickle's end. Raises Unreadable; ValueError and the like for bytes that are no pickle.
    """
    value = _Machine(storages, CALLS).run(stream)
    if weigh(value).bytes > room:
        raise Unreadable(Message("pickle.tensors_overlap"))
    return value


def load_plain(stream: bytes | IO[bytes] | mmap.mmap) -> Any:
    """As `load`, with None for each tensor: needs no torch."""
    value = _Machine(lambda *_: None, WITHOUT_TENSORS).run(stream)
    weigh(value)
    return value
