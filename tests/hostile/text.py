"""A text that does to a terminal all that a stranger's text can do, and what must never reach one."""

from __future__ import annotations

import re

PIECES = (
    "\x1b]0;owned\x07",
    "\x1b[31m",
    "\x9b2J",
    "\x90q\x9c",
    "\u202etxt",
    "\u2066\u200e\u061c",
    "\u200b\ufeff",
    "\u2028",
    "\r\n\t\x08\x7f\0",
    "\udcff",
    "\ud800",
    "[/]",
    "[red]",
    "[@click=app.leave]",
    ":smile:",
    "\U000e0041",
    "{name}",
    "%s",
)
HOSTILE = "".join(PIECES)
FILE_NAME = HOSTILE.replace("[/]", "[\\]").replace("\0", "").replace("\ud800", "")  # what a file can be called
NEVER = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff\U000e0000-\U000e007f]"
)
"""But for line breaks."""


def found_in(text: str) -> list[str]:
    return [ascii(text[max(0, m.start() - 20) : m.end() + 10]) for m in NEVER.finditer(text)][:5]
