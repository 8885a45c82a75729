"""What the engine says, in the user's language: its sentences are English; those that the app knows are translated
where they are shown.

A sentence is found by its words, with {names} for what is filled in. What is not known stays as it is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from rvc_tui.sentences import SENTENCES
from rvc_tui.texts import _, is_english, language

WHOLE = {"why", "stage", "what"}
"""Names of parts that are sentences or words of the engine themselves; other parts are numbers, names and paths, and
stay as they are."""


@dataclass(frozen=True)
class Sentence:
    text: str
    pattern: re.Pattern[str]
    literal: str  # its longest stretch of fixed text: without it there is no need to look closer


def said(text: str) -> str:
    """The translation, or the text itself."""
    return text if is_english() or not text else _translated(text, language())


@lru_cache(maxsize=2048)
def _translated(text: str, language: str) -> str:
    if (exact := _(text)) != text:
        return exact
    for sentence in _sentences():
        if sentence.literal in text and (found := sentence.pattern.fullmatch(text)):
            parts = {name: part_of(name, value, language) for name, value in found.groupdict().items()}
            return _(sentence.text).format(**parts)
    return text


def part_of(name: str, value: str, language: str) -> str:
    if name == "stages":
        return _(", ").join(_(stage) for stage in value.split(", "))
    return _translated(value, language) if name in WHOLE else value


@lru_cache(maxsize=1)
def _sentences() -> list[Sentence]:
    return [compiled(text) for text in SENTENCES if "{" in text]


def compiled(text: str) -> Sentence:
    pieces = re.split(r"{(\w+)}", text)
    pattern = "".join(f"(?P<{piece}>.+?)" if place % 2 else re.escape(piece) for place, piece in enumerate(pieces))
    return Sentence(text, re.compile(pattern, re.DOTALL), max(pieces[::2], key=len))
