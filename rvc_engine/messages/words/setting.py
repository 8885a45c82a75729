"""Words of the engine: a value of a setting that is not allowed, and what is."""

from __future__ import annotations

from rvc_engine.messages.words.kinds import Plural, Words

WORDS: dict[str, str | Plural | Words] = {
    "not_allowed": "{key} = {value!r} is not allowed",
    # why
    "absent": "a value is missing",
    "unknown": "there is no such setting",
    "above": "it should be at most {le}",
    "at_bound": "it should be more than {gt}",
    "below": "it should be at least {ge}",
    "no_bool": "it should be true or false",
    "no_integer": "it should be an integer",
    "too_long": "it should be a shorter number",
    "no_number": "it should be a number",
    "not_finite": "it should be a finite number",
    "no_text": "it should be text",
    "no_unicode": "it should be text in UTF-8",
    "no_list": "it should be a list",
    "no_table": "it should be a table",
    "no_choice": "it should be {others} or {last}",
    "not_the_one": "it should be {last}",
    "or_word": "{why}, or {words}",
    "not_registered": "there is no {name}: it should be one of {choices}",
    "no_preset": "there is no preset {name}: it should be one of {choices}",
    # what it is, for --help, experiment.toml and errors
    "about": "{help} [{facts}]",
    "about_with_effect": "{help} [{facts}] {effect}.",
    "one_of": "one of {choices}",
    "default": "default {value}",
}
