"""What was found out about this machine, kept for next time in the user's cache folder."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from rvc_engine.common.opening import read_text
from rvc_engine.common.user import cache_folder
from rvc_engine.disk import write_whole
from rvc_engine.errors import RvcError, reason_of
from rvc_engine.messages import NOTHING, Message


@dataclass(frozen=True)
class Cache:
    """A JSON file NAME of findings by key."""

    name: str

    @property
    def path(self) -> Path:
        return cache_folder() / self.name

    def all(self) -> dict[str, Any]:
        """Empty when there is none or it cannot be read: it can be found out again."""
        try:
            kept = json.loads(read_text(self.path))
        except (OSError, ValueError):
            return {}
        return kept if isinstance(kept, dict) else {}

    def get(self, key: str) -> Any:
        return self.all().get(key)

    def keep(self, key: str, finding: Any) -> Message:
        """NOTHING, or why it could not be kept: then it is found out again next time, no more."""
        try:
            write_whole(self.path, json.dumps({**self.all(), key: finding}, indent=1))
        except (OSError, RvcError) as error:
            return reason_of(error)
        return NOTHING


def key_of(*parts: str) -> str:
    """Findings hold for one version of torch."""
    try:
        torch = version("torch")
    except PackageNotFoundError:
        torch = "none"
    return " | ".join((*parts, f"torch {torch}"))
