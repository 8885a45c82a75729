"""What the app keeps of its user from one start to the next: a small file in the configuration folder."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rvc_engine.common.opening import read_text
from rvc_engine.common.user import config_folder
from rvc_engine.disk import write_whole
from rvc_engine.errors import RvcError


def path() -> Path:
    return config_folder() / "remembered.json"


def load_preferences() -> dict[str, Any]:
    """Empty when there is nothing, or nothing that can be read."""
    try:
        kept = json.loads(read_text(path()))
    except (OSError, ValueError):
        return {}
    return kept if isinstance(kept, dict) else {}


def save_preference(key: str, value: object) -> str:
    """Empty, or why it could not be kept."""
    try:
        path().parent.mkdir(parents=True, exist_ok=True)
        write_whole(path(), json.dumps({**load_preferences(), key: value}, indent=1, ensure_ascii=False) + "\n")
    except (OSError, RvcError) as error:
        return f"{path()}: {error}"
    return ""


@dataclass(frozen=True)
class Price:
    """Of an hour of this machine. `currency` as it was typed: $, EUR, or nothing."""

    an_hour: float
    currency: str = ""

    def of(self, seconds: float) -> str:
        amount = self.an_hour * seconds / 3600
        return f"{self.currency}{amount:.2f}" if len(self.currency) == 1 else f"{amount:.2f} {self.currency}".rstrip()

    def __str__(self) -> str:
        return self.of(3600)


def read_price(text: str) -> Price | None:
    """'0.30', '$0.30', '0.30 EUR', '0,30'. None for anything else."""
    found = re.fullmatch(r"\s*(\D{0,4}?)\s*(\d+(?:[.,]\d+)?)\s*(?:(\D{0,4}?)\s*)(?:/\s*h)?\s*", text)
    if found is None or (found[1] and found[3]):
        return None
    return Price(float(found[2].replace(",", ".")), found[1] or found[3])


def kept_price() -> Price | None:
    return read_price(str(load_preferences().get("price_per_hour", "")))
