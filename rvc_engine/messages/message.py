"""Message: a str that knows its code and its parameters."""

from __future__ import annotations

import numbers
import os
from collections.abc import Mapping, Sequence
from functools import reduce
from string import Formatter
from typing import Any

from rvc_engine.common.redact import redacted
from rvc_engine.messages.actions import Commands, Flags
from rvc_engine.messages.words import CAUSE, FIX, Plural, templates

Value = str | int | float | None | Sequence[Any]
"""Of a parameter; a str may be a Message itself."""


class Message(str):
    """The English words of `code` with its parameters filled in; secrets in them are masked.

    A parameter may be a number, a text (names, paths, what another program said), a Message, or a list of these. A code
    without words gives the code itself: a message never hides the error that it is about.
    """

    __slots__ = ("code", "params")
    code: str
    params: Mapping[str, Value]

    def __new__(cls, code: str, /, **params: object) -> Message:
        return cls.made(code, {name: simple(value) for name, value in params.items()})

    @classmethod
    def made(cls, code: str, params: Mapping[str, Value]) -> Message:
        """With parameters that are simple already."""
        template = templates().get(code)
        text = redacted(code) if template is None else filled(template, params, Commands(params), Flags())
        message = super().__new__(cls, text)
        message.code, message.params = (code, params) if template is not None else ("", {})
        return message

    def __reduce__(self) -> tuple[Any, ...]:  # to a worker process and back
        return (Message.made, (self.code, dict(self.params))) if self.code else (verbatim, (str(self),))


def verbatim(text: str) -> Message:
    """A text of no code: names, numbers, what another program said. It stays as it is in every language."""
    if isinstance(text, Message):
        return text
    message = str.__new__(Message, redacted(text))
    message.code, message.params = "", {}
    return message


NOTHING = verbatim("")


def message_of(error: BaseException) -> Message:
    """What an exception says; the first line of it, where it is no Message."""
    if error.args and isinstance(error.args[0], Message):
        return error.args[0]
    return verbatim((str(error).strip().splitlines() or [type(error).__name__])[0][:200])


def joined(*statements: Message) -> Message:
    """Several whole statements as one, those that say nothing left out: "the disk is full; training waits"."""
    said = [one for one in statements if one]
    return reduce(lambda first, second: Message("common.both", first=first, second=second), said) if said else NOTHING


def part_of(code: str, part: str, params: Mapping[str, Value]) -> Message:
    """The cause or the fix of an error's code; nothing where it has none."""
    return Message.made(code + part, params) if code + part in templates() else NOTHING


def cause_of(message: Message) -> Message:
    return part_of(message.code, CAUSE, message.params)


def fix_of(message: Message) -> Message:
    return part_of(message.code, FIX, message.params)


def simple(value: object) -> Value:
    """As JSON can hold it: paths and other objects become text."""
    if value is None or isinstance(value, bool | int | Message):
        return value
    if isinstance(value, numbers.Real):
        return float(value)
    if isinstance(value, list | tuple | set | frozenset):
        return [simple(one) for one in value]
    return redacted(os.fsdecode(value) if isinstance(value, bytes | os.PathLike) else str(value))


# --- words -----------------------------------------------------------------------------------------
class _Filler(Formatter):
    """str.format that never fails: a parameter that is missing, or is not what its format takes, stays as it is.
    Lists are joined by commas."""

    def get_field(self, field_name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[Any, Any]:
        try:
            found: tuple[Any, Any] = super().get_field(field_name, args, kwargs)
            return found
        except (KeyError, AttributeError, IndexError):
            return "{" + field_name + "}", field_name

    def format_field(self, value: Any, format_spec: str) -> str:
        if isinstance(value, list):
            return ", ".join(str(one) for one in value)
        try:
            return str(format(value, format_spec)) if format_spec else str(value)
        except (ValueError, TypeError):
            return str(value)


_FILLER = _Filler()


def filled(template: str | Plural, params: Mapping[str, Value], do: object, settings: object) -> str:
    """A template with its parameters; {do.NAME} is an attribute of `do`, {set.STAGE.NAME} of `settings`."""
    if isinstance(template, Plural):
        template = template.one if params.get("count") == 1 else template.many
    if "{" not in template:
        return template
    return _FILLER.vformat(template, (), {**params, "do": do, "set": settings, "flag": Flags()})
