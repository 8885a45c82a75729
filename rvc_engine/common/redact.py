"""Passwords and tokens out of texts that are displayed, written down or sent to others."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from urllib.parse import parse_qsl, unquote, urlsplit

MASK = "***"
TOKENS = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
ADDRESSES = ("HF_ENDPOINT", "HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "https_proxy", "http_proxy", "all_proxy")
"""Variables of the environment that may hold secrets."""
SHORTEST = 4
"""A shorter value is not looked for in texts: it would be found everywhere. Inside an address it is seen all the
same."""

_USER = re.compile(r"([a-zA-Z][\w+.-]*://)(?:[^\s'\"<>/@:]*:[^\s'\"<>]*|[^\s'\"<>/@]*)@")
_VALUE = re.compile(r"(?i)([?&;][\w.-]*(?:token|key|secret|passw|auth|signature|sig|credential)[\w.-]*=)[^&;\s'\"<>]+")
_TOKEN = re.compile(r"\bhf_[A-Za-z0-9]{8,}|(?i:\bbearer) [\w.~+/=-]{8,}")


def redacted(text: str) -> str:
    """The text without user:password of an address, values that are called token, key, secret and the like, and the
    environment's own tokens."""
    for secret in sorted(set(_known()), key=len, reverse=True):
        text = text.replace(secret, MASK)
    text = _USER.sub(rf"\1{MASK}@", text) if "://" in text else text
    return _TOKEN.sub(MASK, _VALUE.sub(rf"\1{MASK}", text))


def _known() -> Iterator[str]:
    for name in TOKENS:
        if len(value := os.environ.get(name, "").strip()) >= SHORTEST:
            yield value
    for name in ADDRESSES:
        if "@" in (address := os.environ.get(name, "")) or "?" in address:
            yield from (value for value in _secrets_of(address) if len(value) >= SHORTEST)


def _secrets_of(address: str) -> Iterator[str]:
    try:
        parts = urlsplit(address)
    except ValueError:
        return
    if "@" in parts.netloc:
        password = parts.netloc.rpartition("@")[0].partition(":")[2]
        yield from (password, unquote(password))
    for _, value in parse_qsl(parts.query):
        yield value
