"""The receipt of a stage, its last file: identity (settings that change its result), inputs (what it read) and extent
(settings that only ask for more)."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rvc_engine.common.records import build, read_json
from rvc_engine.disk import write_whole
from rvc_engine.experiment import Experiment


@dataclass
class Receipt:
    stage: str
    identity: dict[str, Any]
    inputs: str
    extent: dict[str, Any]
    course: dict[str, Any]
    complete: bool = False
    outputs: str = ""
    seconds: float = 0.0
    finished_at: float = 0.0
    artefacts: list[str] = field(default_factory=list)

    @classmethod
    def load(cls, path: Path) -> Receipt | None:
        """None when it is missing or cannot be read: the stage then checks the files themselves."""
        try:
            receipt = build(cls, read_json(path))
        except (OSError, ValueError, TypeError):
            return None
        return (
            receipt
            if all(value == "auto" or type(value) in (int, float) for value in receipt.extent.values())
            else None
        )

    def save(self, path: Path) -> None:
        write_whole(path, json.dumps(asdict(self), indent=1))

    @property
    def digest(self) -> str:
        return fingerprint([self.identity, self.inputs, self.outputs])


def fingerprint(value: Any) -> str:
    return hashlib.sha256(
        json.dumps(value, sort_keys=True, default=str).encode("utf-8", "surrogateescape")
    ).hexdigest()[:32]


def receipt_path(experiment: Experiment, stage: str) -> Path:
    return experiment.receipts / f"{stage}.json"


def is_complete(experiment: Experiment, stage: str) -> bool:
    """It has finished once; `verdict` decides whether it is up to date."""
    receipt = Receipt.load(receipt_path(experiment, stage))
    return receipt is not None and receipt.complete
