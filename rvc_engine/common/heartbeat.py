"""The heartbeat file of a run: what its engine writes each second while it lives."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from rvc_engine.common.records import Moment, Pid, build, parse_json, read_json
from rvc_engine.disk import write_whole


@dataclass(frozen=True)
class Heartbeat:
    """`event_at`: the time of the last event; after `stuck_after_s` without an event the engine counts as stuck."""

    at: Moment
    pid: Pid = 0
    stage: str = ""
    event_at: Moment = 0.0
    stuck_after_s: float = 0.0  # 0: not known

    def write(self, path: Path) -> None:
        """Raises OSError and RvcError."""
        write_whole(path, json.dumps(asdict(self)), durable=False)

    @classmethod
    def read(cls, path: Path) -> Heartbeat | None:
        """None when there is no valid one."""
        try:
            return build(cls, read_json(path))
        except (OSError, ValueError, TypeError):
            return None

    @classmethod
    def parse(cls, content: bytes) -> Heartbeat | None:
        try:
            return build(cls, parse_json(content))
        except (ValueError, TypeError):
            return None
