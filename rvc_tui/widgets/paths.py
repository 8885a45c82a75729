"""Completion of paths of files and folders, and paths as they are displayed."""

from __future__ import annotations

import os
from pathlib import Path

from textual.suggester import Suggester


class FileSuggester(Suggester):
    """The first folder, or file with one of `suffixes` (none: any), whose path starts with what is typed."""

    def __init__(self, *suffixes: str) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self.suffixes = suffixes

    async def get_suggestion(self, value: str) -> str | None:
        head, tail = os.path.split(value)
        try:
            with os.scandir(os.path.expanduser(head) or ".") as entries:
                fitting = [
                    e
                    for e in entries
                    if e.name.startswith(tail) and (tail or not e.name.startswith(".")) and self.fits(e)
                ]
        except (OSError, ValueError):  # the second: no name of a file, whatever is typed or pasted
            return None
        first = min(fitting, key=lambda e: e.name, default=None)
        if first is None or not value:
            return None
        return os.path.join(head, first.name) + (os.sep if first.is_dir() else "")

    def fits(self, entry: os.DirEntry[str]) -> bool:
        return entry.is_dir() or not self.suffixes or entry.name.lower().endswith(self.suffixes)


def within(path: str, home: Path) -> str:
    """Relative to the workspace where it lies in it."""
    try:
        return str(Path(path).relative_to(home))
    except ValueError:
        return path
