"""What one check of this machine found."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from types import ModuleType

OK, WARN, FAIL, NONE = "ok", "warn", "fail", "n/a"


@dataclass(frozen=True)
class Finding:
    """`state` is ok, warn (works, with a limit), fail (something will not work) or n/a (this machine has none).
    `advice` empty: nothing to do."""

    name: str
    state: str
    found: str
    advice: str = ""


def first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]


def load(name: str) -> tuple[ModuleType | None, str]:
    """(the module, "") or (None, why it cannot be imported)."""
    try:
        return importlib.import_module(name), ""
    except Exception as error:  # a broken package raises anything: OSError for a library, RuntimeError for a version
        return None, first_line(error)
