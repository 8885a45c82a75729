"""Text that others wrote (names of files, what a voice says of itself, errors of libraries), made safe to print on a
terminal."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

LONG = 2000  # characters of a foreign text that are displayed in one line
FACT = 500  # of one fact of a file
JOINERS = "\u200c\u200d"
NAMED = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}
SUSPECT = re.compile(
    "["
    "\x00-\x1f\x7f-\x9f"  # C0, DEL, C1
    "\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\uffa0"  # invisible letters and marks
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff0-\ufffb"  # zero width, lines, directions
    "\ud800-\udfff\ue000-\uf8ff\ufdd0-\ufdef\ufffe\uffff"  # bytes that are no text, private use, no characters
    "\ufe00-\ufe0f"  # variation selectors
    # shorthand and musical controls, tags, private use
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U0010ffff"
    "]"
)


def printable(text: object, limit: int = 0) -> str:
    """`text` in one line that moves no cursor, changes no colour and no direction: what would is written as an escape
    (\\x1b, \\u202e; a byte of a name that is no text as \\xff), so that a name stays recognisable. Ordinary Unicode
    stays, joined emoji and Persian or Indic joiners too. More than `limit` characters (0: no limit) are cut. Safe text
    stays as it is, so it may be applied twice."""
    plain = text if isinstance(text, str) else str(text)
    rest = "..." if limit and len(plain) > limit else ""
    plain = plain[:limit] if rest else plain
    return (SUSPECT.sub(_escaped, plain) if SUSPECT.search(plain) else plain) + rest


def printable_lines(text: str) -> list[str]:
    """The lines of a text of several lines, each safe. Only for texts whose line breaks nobody else wrote."""
    return [printable(line) for line in text.split("\n")]


def listed(texts: Iterable[object]) -> str:
    """Separated by commas."""
    return ", ".join(map(printable, texts))


def _escaped(match: re.Match[str]) -> str:
    """The character itself where its neighbours need it, else its escape."""
    character, text, at = match.group(), match.string, match.start()
    before, after = text[at - 1 : at], text[at + 1 : at + 2]
    if character in JOINERS and _joins(before) and _joins(after):
        return character
    if 0xFE00 <= ord(character) <= 0xFE0F and _may_vary(before):
        return character
    if 0xE0100 <= ord(character) <= 0xE01EF and unicodedata.name(before, "").startswith("CJK"):
        return character
    return escape(character)


def escape(character: str) -> str:
    """\\n, \\x1b, \\u202e or \\U000e0041; \\xff for a byte that Python could not decode."""
    code = ord(character)
    if character in NAMED:
        return NAMED[character]
    if 0xDC80 <= code <= 0xDCFF:
        code -= 0xDC00
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _joins(character: str) -> bool:
    """Can a joiner stand beside it? Emoji with what changes them, letters of scripts whose forms depend on their
    neighbours."""
    if not character:
        return False
    code = ord(character)
    cursive = 0x0600 <= code < 0x10A0 or 0x1780 <= code < 0x1900
    emoji = code >= 0x2190 and unicodedata.category(character) in ("So", "Sk", "Sm")
    return emoji or code == 0xFE0F or (cursive and unicodedata.category(character)[0] in "LM")


def _may_vary(character: str) -> bool:
    """What has an emoji and a text form, or several forms: symbols, digits of key caps, letters beyond ASCII. Not
    another selector."""
    if not character or 0xFE00 <= ord(character) <= 0xFE0F:
        return False
    return character in "#*0123456789" or (not character.isascii() and unicodedata.category(character)[0] in "LSPN")
