"""What a setting is: one declaration of default, bounds, unit, help and kind, which the command line, experiment.toml
and the app's forms render."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails, PydanticCustomError

from rvc_engine.errors import BadInput
from rvc_engine.messages import Message, verbatim
from rvc_engine.registry import Registry

Kind = Literal["result", "model", "course", "extent", "speed"]
"""result: changes what comes out (part of a stage's identity). model: the same, as a part of the model's shape. course:
holds from now on; a running training continues with it and reports it. extent: only asks for more. speed: changes none
of it."""


@dataclass(frozen=True)
class OneOf:
    """A name in a registry, or one of `more`."""

    registry: Registry[Any]
    more: tuple[str, ...] = ()

    def choices(self) -> tuple[str, ...]:
        return (*self.more, *self.registry.names())

    def __call__(self, name: str) -> str:
        if name in self.more or name in self.registry:
            return name
        about = {"name": name[:100], "choices": ", ".join(self.choices())}
        raise PydanticCustomError("one_of", "There is no {name}: it should be one of {choices}", about)


def setting(default: Any, help: str, *, unit: str = "", effect: str = "", kind: Kind = "result", **bounds: Any) -> Any:
    return Field(default, description=help, json_schema_extra={"unit": unit, "effect": effect, "kind": kind}, **bounds)


class StageSettings(BaseModel):
    model_config = ConfigDict(extra="forbid", validate_assignment=True)

    def of_kind(self, kind: Kind) -> dict[str, Any]:
        return {
            name: getattr(self, name) for name, field in type(self).model_fields.items() if about(field)["kind"] == kind
        }


def about(field: FieldInfo) -> dict[str, Any]:
    """unit, effect and kind of a setting."""
    extra = field.json_schema_extra
    assert isinstance(extra, dict)
    return dict(extra)


@dataclass(frozen=True)
class Bounds:
    """Lowest and highest allowed number, None where open; `above`: the lowest is not allowed itself; `words`: what may
    stand in place of a number."""

    low: float | None = None
    high: float | None = None
    above: bool = False
    words: tuple[str, ...] = ()

    def __str__(self) -> str:
        """`1..100`, `>0..1`, `1..100|auto`; empty without bounds."""
        if self.low is None and self.high is None:
            return ""
        low = "" if self.low is None else f"{'>' if self.above else ''}{self.low}"
        return "|".join((f"{low}..{'' if self.high is None else self.high}", *self.words))


def bounds_of(field: FieldInfo) -> Bounds:
    """Of a number, or of a number or a word."""
    found: dict[str, Any] = {}
    words: tuple[str, ...] = ()
    metadata = list(field.metadata)
    for part in get_args(field.annotation):
        if get_origin(part) is Annotated:
            metadata += get_args(part)[1].metadata
        elif get_origin(part) is Literal:
            words += get_args(part)
    for item in metadata:
        found.update({name: value for name in ("ge", "gt", "le") if (value := getattr(item, name, None)) is not None})
    above = "gt" in found
    return Bounds(found.get("gt" if above else "ge"), found.get("le"), above, words)


def choices_of(field: FieldInfo) -> tuple[str, ...]:
    if get_origin(field.annotation) is Literal:
        return tuple(str(choice) for choice in get_args(field.annotation))
    for item in field.metadata:
        if isinstance(item, AfterValidator) and isinstance(item.func, OneOf):
            return item.func.choices()
    return ()


def set_field(section: StageSettings, name: str, value: Any, key: str) -> None:
    """Raises BadInput that names the setting as `key`."""
    try:
        setattr(section, name, value)
    except ValidationError as error:
        hint = describe(type(section).model_fields[name])
        raise BadInput("setting.not_allowed", why_invalid(error), hint, key=key, value=value) from error


INVALID = {
    "bool_parsing": "setting.no_bool",
    "bool_type": "setting.no_bool",
    "extra_forbidden": "setting.unknown",
    "finite_number": "setting.not_finite",
    "float_parsing": "setting.no_number",
    "float_type": "setting.no_number",
    "greater_than": "setting.at_bound",
    "greater_than_equal": "setting.below",
    "int_from_float": "setting.no_integer",
    "int_parsing": "setting.no_integer",
    "int_parsing_size": "setting.too_long",
    "int_type": "setting.no_integer",
    "less_than_equal": "setting.above",
    "list_type": "setting.no_list",
    "literal_error": "setting.no_choice",
    "missing": "setting.absent",
    "model_type": "setting.no_table",
    "no_preset": "setting.no_preset",
    "one_of": "setting.not_registered",
    "string_type": "setting.no_text",
    "string_unicode": "setting.no_unicode",
}
"""pydantic's types of errors: the codes of their words."""


def why_invalid(error: ValidationError) -> Message:
    """The first thing that is wrong with a value, with all that is allowed."""
    why, words = _why(error.errors(include_url=False)[0]), _words_instead(error)
    return Message("setting.or_word", why=why, words=words) if words else why


def where_invalid(error: ValidationError) -> str:
    """STAGE.NAME of the setting that `why_invalid` is about."""
    place = error.errors(include_url=False)[0]["loc"]
    return ".".join(map(str, place[:-1] if _words_instead(error) else place))


def _words_instead(error: ValidationError) -> list[str]:
    """For the first thing that is wrong: its union of a number and a word gives an error for each of both."""
    first, *others = error.errors(include_url=False)
    same = [one for one in others if one["loc"] and one["loc"][:-1] == first["loc"][:-1]]
    return [one["ctx"]["expected"] for one in same if str(one["loc"][-1]).startswith("literal[")]


def _why(wrong: ErrorDetails) -> Message:
    code, details = INVALID.get(wrong["type"]), wrong.get("ctx", {})
    if code is None:
        return verbatim(wrong["msg"])
    if wrong["type"] == "literal_error":
        *others, last = re.findall(r"'[^']*'", details["expected"]) or [details["expected"]]
        return Message(code, others=others, last=last) if others else Message("setting.not_the_one", last=last)
    return Message(code, **{name: _whole(value) for name, value in details.items()})


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def describe(field: FieldInfo) -> Message:
    """Help, default, bounds and unit in one line, for --help, the TOML file and errors."""
    extra = about(field)
    bounds = bounds_of(field)
    facts = []
    if choices := choices_of(field):
        facts.append(Message("setting.one_of", choices=choices))
    if text := str(bounds):
        facts.append(verbatim(text))
    if extra["unit"]:
        facts.append(verbatim(extra["unit"]))
    default = repr(field.default) if isinstance(field.default, str) else str(field.default)
    facts.append(Message("setting.default", value=default))
    if not extra["effect"]:
        return Message("setting.about", help=field.description, facts=facts)
    effect = f"{extra['effect'][0].upper()}{extra['effect'][1:]}"
    return Message("setting.about_with_effect", help=field.description, facts=facts, effect=effect)
