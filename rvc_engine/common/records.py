"""Records from files, checked once against the types that a dataclass declares: what stands behind a reader may trust
them.

Numbers are finite and fit 64 bits, counts are not negative. `Moment` and `Pid` are bounded further, for what is done
with them.
"""

from __future__ import annotations

import json
import types
from collections.abc import Callable, Collection
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from rvc_engine.common.opening import read_bytes
from rvc_engine.messages import Message, verbatim

T = TypeVar("T")
Check = Callable[[Any], bool]

BIGGEST = 2**63 - 1
FAR = 1e18  # no scalar is larger: seconds, rates
_FLOATS, _NUMBERS = frozenset({float}), frozenset({float, int})
LIMIT_BYTES = 16 << 20  # of a small file


class AtMost(int):
    """Metadata of a number: 0 to this."""


class Holds(dict[str, Any]):
    """Metadata of a list of dicts: the keys that each has, with their types. Others may be there too."""


Moment = Annotated[float, AtMost(250_000_000_000)]  # seconds since the epoch, before the year 9892: strftime takes it
Pid = Annotated[int, AtMost(2**31 - 1)]


# --- files -----------------------------------------------------------------------------------------
def read_json(path: Path, limit: int = LIMIT_BYTES) -> Any:
    """Raises OSError, also for what is no regular file or too large, and ValueError for what is no JSON."""
    return parse_json(read_bytes(path, limit))


def parse_json(content: bytes) -> Any:
    """Bytes that are no UTF-8 are kept as surrogates: names of files may hold them. Raises ValueError."""
    try:
        return json.loads(content.decode("utf-8", "surrogateescape"))
    except RecursionError:
        raise ValueError(Message("common.nested_too_deeply")) from None


# --- types -----------------------------------------------------------------------------------------
def build(kind: Callable[..., T], record: Any) -> T:
    """A dataclass from a record of a file; fields that it does not know are dropped.

    Raises TypeError for a missing field, or one of another type than it declares.
    """
    if type(record) is not dict:
        raise TypeError(Message("common.not_object"))
    checks, unknown = checks_of(kind), []
    for key, value in record.items():
        check = checks.get(key)
        if check is None:
            unknown.append(key)
        elif not check(value):
            raise TypeError(Message("common.wrong_value", key=key, value=outline(value)))
    return kind(**record) if not unknown else kind(**{key: value for key, value in record.items() if key in checks})


def outline(value: Any) -> Message:
    """A value in a few words, however large it is."""
    if isinstance(value, dict):
        return Message("common.object_of", count=len(value))
    if isinstance(value, list):
        return Message("common.list_of", count=len(value))
    if isinstance(value, str):
        return verbatim(repr(value[:40]))
    if type(value) is int and abs(value) > BIGGEST:
        return Message("common.number_beyond_bounds")
    return verbatim(str(value))


@cache
def checks_of(kind: Any) -> dict[str, Check]:
    hints = get_type_hints(kind, include_extras=True)
    return {field.name: check_of(hints[field.name]) for field in fields(kind) if field.init}


def check_of(hint: Any) -> Check:
    """Whether a value from JSON is of a declared type; tuples and deques are lists there, nested dataclasses
    objects."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _annotated(inner[0], inner[1])
    if origin in (Union, types.UnionType):
        any_of = [check_of(one) for one in inner]
        return lambda value: any(check(value) for check in any_of)
    if origin is Literal:
        return lambda value: type(value) is str and value in inner
    if origin is dict:
        return _dict(check_of(inner[1])) if inner[1] is not float else _is_measures
    if origin is tuple:
        return _tuple([check_of(one) for one in inner])
    if origin is not None:
        return _list(check_of(inner[0]))
    if is_dataclass(hint):
        return _object(hint)
    return SCALARS.get(hint, lambda value: False)  # a type that no JSON has


def _int(value: Any) -> bool:
    return type(value) is int and 0 <= value <= BIGGEST


def _float(value: Any) -> bool:
    return (type(value) is float and -FAR < value < FAR) or (type(value) is int and abs(value) <= BIGGEST)


def _is_measures(value: Any) -> bool:
    """Measured values by name, each of which may be infinite or no number. A journal has millions."""
    if type(value) is not dict:
        return False
    kinds = set(map(type, value.values()))
    return kinds <= _FLOATS or (
        kinds <= _NUMBERS and all(type(one) is float or abs(one) <= BIGGEST for one in value.values())
    )


def _str(value: Any) -> bool:
    return type(value) is str


def _text(value: Any) -> bool:
    """A Message has no type in JSON: messages/wire.py makes it of a text before."""
    return type(value) in (str, Message)


SCALARS: dict[Any, Check] = {
    int: _int,
    float: _float,
    str: _str,
    Message: _text,
    bool: lambda value: type(value) is bool,
    type(None): lambda value: value is None,
    Any: lambda value: True,
}


def _annotated(hint: Any, bound: Any) -> Check:
    check = check_of(hint)
    if isinstance(bound, Holds):
        keys = {key: check_of(kind) for key, kind in bound.items()}
        return lambda value: check(value) and all(_has(one, keys) for one in value)
    return lambda value: check(value) and 0 <= value <= bound


def _has(value: Any, keys: dict[str, Check]) -> bool:
    return type(value) is dict and all(key in value and check(value[key]) for key, check in keys.items())


def _dict(check: Check) -> Check:
    def is_dict(value: Any) -> bool:
        return type(value) is dict and all(map(check, value.values()))

    return is_dict


def _list(check: Check) -> Check:
    return lambda value: type(value) is list and all(map(check, value))


def _tuple(checks: Collection[Check]) -> Check:
    def is_tuple(value: Any) -> bool:
        return (
            type(value) is list and len(value) == len(checks) and all(c(v) for c, v in zip(checks, value, strict=True))
        )

    return is_tuple


def _object(kind: Any) -> Check:
    needed = {f.name for f in fields(kind) if f.default is MISSING and f.default_factory is MISSING}

    def is_object(value: Any) -> bool:
        checks = checks_of(kind)
        return (
            type(value) is dict
            and needed <= value.keys()
            and all(k in checks and checks[k](v) for k, v in value.items())
        )

    return is_object
