"""What one check of this machine found."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from types import ModuleType

from rvc_engine.messages import NOTHING, Message, message_of

OK, WARN, FAIL, NONE = "ok", "warn", "fail", "n/a"


@dataclass(frozen=True)
class Finding:
    """`state` is ok, warn (works, with a limit), fail (something will not work) or n/a (this machine has none).
    `name`: a Message where it is no name that anything else has. `advice` empty: nothing to do."""

    name: str
    state: str
    found: Message
    advice: Message = NOTHING


def load(name: str) -> tuple[ModuleType | None, Message]:
    """(the module, NOTHING) or (None, why it cannot be imported)."""
    try:
        return importlib.import_module(name), NOTHING
    except Exception as error:  # a broken package raises anything: OSError for a library, RuntimeError for a version
        return None, message_of(error)
