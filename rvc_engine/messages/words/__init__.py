"""The English words of every code, one file for each part of the engine; tools/catalogues.py takes them from here for
the other languages."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache

from rvc_engine.messages.words.kinds import CAUSE, FIX, Plural, Words

__all__ = ["CAUSE", "FIX", "Plural", "Words", "templates"]


@cache
def templates() -> Mapping[str, str | Plural]:
    """Every template by its code; the cause and the fix of an error as CODE.cause and CODE.fix."""
    found: dict[str, str | Plural] = {}
    for module in pkgutil.iter_modules(__path__):
        table = getattr(importlib.import_module(f"{__name__}.{module.name}"), "WORDS", {})
        for code, words in table.items():
            for part, template in parts(words).items():
                found[f"{module.name}.{code}{part}"] = template
    return found


def parts(words: str | Plural | Words) -> dict[str, str | Plural]:
    if not isinstance(words, Words):
        return {"": words}
    return {part: text for part, text in (("", words.title), (CAUSE, words.cause), (FIX, words.fix)) if text}
