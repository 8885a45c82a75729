"""What the words of a code can be: a template, one with a plural, or the three parts of an error."""

from __future__ import annotations

from typing import NamedTuple

CAUSE, FIX = ".cause", ".fix"


class Words(NamedTuple):
    """An error: one line, why, and what to do about it."""

    title: str
    cause: str = ""
    fix: str = ""


class Plural(NamedTuple):
    """Which of both is used depends on {count}."""

    one: str
    many: str
