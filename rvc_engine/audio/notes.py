"""What is to be said of a recording that is used all the same."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Note:
    """`code` is stable and names the kind; `text` speaks of one recording ("its ...")."""

    code: str
    text: str
