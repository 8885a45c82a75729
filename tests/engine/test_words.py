"""Texts and names use the field's standard terms: words of a private vocabulary do not come back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("rvc_engine", "rvc_tui", "tests", "tools", "samples", "benchmarks", "docs")
PAGES = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")
SUFFIXES = {".py", ".md", ".toml"}

# Banned word (as a regular expression, whole words only): what to write instead.
BANNED = {
    "cards?": "GPU",
    "processors?": "CPU",
    "told": "reported, given, known",
    "tells": "reports, says",
    "heard": "input, used, audible",
    "shown": "displayed, printed",
    "mend(s|ed|ing)?": "fix, repair",
    "aside": "backup",
    "courses?": "training history, TrainConfig",
    "extents?": "amount, length",
    "lessons?": "losses of the discriminators",
    "judgements?": "losses of the generator",
    "troubles?": "fault, problem",
    "quicken(s|ed|ing)?": "speed up",
    "glance[sd]?": "quick look",
    "peek(s|ed)?": "quick look",
    "remember(s|ed)?": "cached, kept",
    "keepers?": "supervisor",
    "(go|goes|going|went|gone) on": "resume, continue",
    "ways? out": "fix",
    "what came of it": "result",
    r"so \w+th": "every n-th",
    "whole states?": "checkpoint, full training state",
    "nothing waits": "queue is empty",
    "row passes": "rows",
    "take it": "OK",
}
# Standard terms that hold a banned word, and names that others already have: files, an event, keys of files and of
# printed JSON (with their quotes).
TERMS = (
    r"model[\s_]+cards?|(?<=\.)card_\w+|\"card_\w+\"|MODEL_CARD|card\.(json|md)|remembered\.json|peek_metadata|aside/"
    r"|\bMovedAside\b"
    r"|(?P<quote>[\"'])(aside|course|extent)(?P=quote)"
)

# Names that others already have: keys of files and of printed JSON. File, word and reason.
ALLOWED = {
    ("CHANGELOG.md", "keeper"): "the earlier name of a key",
    ("CHANGELOG.md", "way out"): "the earlier name of a key",
    ("rvc_engine/run/pipeline.py", "extent"): "a kind of setting, and its key in receipts",
    ("rvc_engine/run/receipts.py", "course"): "a kind of setting, and its key in receipts",
    ("rvc_engine/run/receipts.py", "extent"): "a kind of setting, and its key in receipts",
    ("rvc_engine/setting.py", "course"): "a kind of setting, and its key in receipts",
    ("rvc_engine/setting.py", "extent"): "a kind of setting, and its key in receipts",
    ("rvc_engine/stages/receipt.py", "course"): "a key of receipts",
    ("rvc_engine/stages/receipt.py", "extent"): "a key of receipts",
}
# Files as a whole: written by a program, or by others.
EXEMPT = {
    "tests/engine/test_words.py": "the list itself",
    "tests/conformance/check.py": "part of the reference kit, kept as it came",
    "tests/conformance/recipe.py": "part of the reference kit, kept as it came",
}

WORDS = re.compile(rf"(?<![a-z])({'|'.join(BANNED)})(?![a-z])", re.IGNORECASE)


def words_in(text: str) -> Iterator[str]:
    """The banned words of a text, in the parts of identifiers too (camelCase and snake_case)."""
    text = re.sub(TERMS, " ", text, flags=re.IGNORECASE)
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text)
    for found in WORDS.finditer(re.sub(r"[\s_#]+", " ", apart)):
        yield found.group(1).lower()


def files() -> list[Path]:
    inside = [path for name in FOLDERS for path in sorted((ROOT / name).rglob("*"))]
    return [*(ROOT / name for name in PAGES), *(p for p in inside if p.is_file() and p.suffix in SUFFIXES)]


def faults() -> list[str]:
    """What is to be rewritten, as lines."""
    lines = []
    for path in files():
        name = path.relative_to(ROOT).as_posix()
        if name.startswith(tuple(EXEMPT)):
            continue
        for word in words_in(path.read_text(encoding="utf-8")):
            if (name, word) not in ALLOWED:
                lines.append(f"{name}: {word!r}, write {meant(word)}")
    return lines


def meant(word: str) -> str:
    return next(instead for banned, instead in BANNED.items() if re.fullmatch(banned, word))


def test_no_private_words() -> None:
    assert not (found := faults()), "\n".join(found)


def test_the_allow_list_is_needed() -> None:
    """What is allowed is still there."""
    for name, word in ALLOWED:
        assert word in set(words_in((ROOT / name).read_text(encoding="utf-8"))), (name, word)
    for name in EXEMPT:
        assert (ROOT / name).exists(), name


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Free memory of the card.", ["card"]),
        ("def _told(x): ...", ["told"]),
        ("class PutAside:", ["aside"]),
        ('isinstance(event, MovedAside) and receipt["extent"] and the extent', ["extent"]),
        ("training\n    # goes on here", ["goes on"]),
        ("a discarded model card in card.json; of course nots", ["course"]),
        ("metadata, wayside, behold, outshown", []),
    ],
)
def test_words_are_found(text: str, words: list[str]) -> None:
    assert list(words_in(text)) == words
