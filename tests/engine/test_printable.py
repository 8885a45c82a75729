"""What others wrote, on its way to a terminal."""

from __future__ import annotations

import json
import math
import unicodedata

import pytest

from rvc_engine.common.printable import printable
from rvc_engine.common.streams import as_json

HOSTILE = {
    "a\x1b[31mb": r"a\x1b[31mb",
    "\x1b]0;title\x07": r"\x1b]0;title\x07",
    "c1\x9b31m\x90": r"c1\x9b31m\x90",
    "del\x7f": r"del\x7f",
    "two\nlines\r\tx": r"two\nlines\r\tx",
    "file\u202egpj.exe": r"file\u202egpj.exe",
    "\u2066x\u2069\u200e\u200f\u061c": r"\u2066x\u2069\u200e\u200f\u061c",
    "zero\u200bwidth\ufeff\u2060\u00ad": r"zero\u200bwidth\ufeff\u2060\xad",
    "para\u2029graph\u2028": r"para\u2029graph\u2028",
    "tag\U000e0041\U000e007f": r"tag\U000e0041\U000e007f",
    "\udcff\udc81": r"\xff\x81",
    "\ud800": r"\ud800",
    "private\ue000\U000f0000": r"private\ue000\U000f0000",
    "joined\u200d letters": r"joined\u200d letters",
    "李\u200d明": r"李\u200d明",
    "filler\u3164\u115f": r"filler\u3164\u115f",
    "a\ufe0f": r"a\ufe0f",
    "😀\ufe00\ufe01\ufe02": "😀\ufe00\\ufe01\\ufe02",  # bytes hidden behind an emoji
    "a\U000e0101": r"a\U000e0101",
}
ORDINARY = (
    "声の人",
    "Łódź café",
    "cafe\u0301",
    "👩\u200d🎤",
    "👩🏽\u200d🚀",
    "❤\ufe0f",
    "1\ufe0f\u20e3",
    "🏳\ufe0f\u200d🌈",
    "葛\U000e0100",
    "می\u200cخواهم",
    "क्\u200dष",
    "مرحبا",
    "שלום",
    "a\\x1b",
    'it\'s "quoted"',
    "[/] [red]x[/red]",
    "nb\u00a0sp",
    "100 %",
    "🇯🇵",
)


@pytest.mark.parametrize("text", HOSTILE)
def test_what_a_terminal_would_obey_is_displayed(text: str) -> None:
    assert printable(text) == HOSTILE[text]


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_text_stays(text: str) -> None:
    assert printable(text) == text


def test_nothing_of_these_kinds_stays_alone() -> None:
    """Every character of Unicode, between letters: only what is seen is let through."""
    kept = []
    for code in range(0x110000):
        character = chr(code)
        if printable(f"a{character}b") == f"a{character}b":
            kept.append(character)
    kinds = {"Cc", "Cs", "Co", "Zl", "Zp"}
    assert not [
        c
        for c in kept
        if unicodedata.category(c) in kinds or unicodedata.bidirectional(c) in ("LRE", "RLE", "LRO", "RLO", "PDF")
    ]
    formats = [c for c in kept if unicodedata.category(c) == "Cf"]
    assert all("NUMBER" in unicodedata.name(c) or 0x600 <= ord(c) < 0x900 or ord(c) > 0x11000 for c in formats), formats


def test_safe_text_is_safe_again_and_long_text_is_cut() -> None:
    for text in (*HOSTILE, *ORDINARY):
        assert printable(printable(text)) == printable(text)
    assert printable("x" * 5000, 100) == "x" * 100 + "..."
    assert printable("\x1b" * 200, 10) == r"\x1b" * 10 + "..."
    assert printable(None) == "None"


def test_json_is_valid_and_holds_nothing_raw() -> None:
    content = {
        "a\x1b\x7f\x9b": ["\u202e", "\udcff", "\ud800", "声"],
        "n": [1.5, math.nan, (math.inf, -math.inf)],
        "t": True,
    }
    text = as_json(content)
    assert text.isascii() and text.isprintable()

    def refuse(name: str) -> None:
        raise ValueError(name)

    back = json.loads(text, parse_constant=refuse)
    assert back == {"a\x1b\x7f\x9b": ["\u202e", "\udcff", "\ud800", "声"], "n": [1.5, None, [None, None]], "t": True}
