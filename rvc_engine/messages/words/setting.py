"""Words of the engine: a value of a setting that is not allowed, and what is."""

from __future__ import annotations

from rvc_engine.messages.words.kinds import Plural, Words

WORDS: dict[str, str | Plural | Words] = {
    "not_allowed": "{key} = {value!r} is not allowed",
    # why, as pydantic puts it
    "absent": "Field required",
    "unknown": "Extra inputs are not permitted",
    "above": "Input should be less than or equal to {le}",
    "at_bound": "Input should be greater than {gt}",
    "below": "Input should be greater than or equal to {ge}",
    "no_bool": "Input should be a valid boolean",
    "no_bool_in_text": "Input should be a valid boolean, unable to interpret input",
    "no_integer": "Input should be a valid integer",
    "no_integer_in_text": "Input should be a valid integer, unable to parse string as an integer",
    "fraction": "Input should be a valid integer, got a number with a fractional part",
    "too_long": "Unable to parse input string as an integer, exceeded maximum size",
    "no_number": "Input should be a valid number",
    "no_number_in_text": "Input should be a valid number, unable to parse string as a number",
    "not_finite": "Input should be a finite number",
    "no_text": "Input should be a valid string",
    "no_unicode": "Input should be a valid string, unable to parse raw data as a unicode string",
    "no_list": "Input should be a valid list",
    "no_table": "Input should be a valid dictionary or instance of {class_name}",
    "no_choice": "Input should be {others} or {last}",
    "not_the_one": "Input should be {last}",
    "not_registered": "There is no {name}: it should be one of {choices}",
    "no_preset": "There is no preset {name}: it should be one of {choices}",
    # what it is, for --help, experiment.toml and errors
    "about": "{help} [{facts}]",
    "about_with_effect": "{help} [{facts}] {effect}.",
    "one_of": "one of {choices}",
    "default": "default {value}",
}
