"""Waiting in the middle of a stage for what somebody has to repair, such as a full disk."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from rvc_engine.events import Event, Paused, Resumed
from rvc_engine.messages import Message

LOOK_S, REPORT_S = 1.0, 5.0
"""What is waited for is looked at, and the waiting is reported, this often."""


class Waiting:
    """One wait, from its making. Its events let a stop through: it ends where they are not asked for any more.
    `sleep`: waits for so many seconds, or until it need not wait any longer."""

    def __init__(
        self, stage: str, reason: Message, needed_bytes: int = 0, sleep: Callable[[float], object] | None = None
    ) -> None:
        self.stage, self.reason, self.needed_bytes, self._sleep = stage, reason, needed_bytes, sleep
        self._started, self._reported = time.monotonic(), 0.0

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._started

    def pause(self, free_bytes: int = 0, seconds: float = 0.0) -> Iterator[Event]:
        """Until the next look: `seconds`, or LOOK_S."""
        now = time.monotonic()
        if not self._reported or now - self._reported >= REPORT_S:
            self._reported = now
            yield Paused(stage=self.stage, reason=self.reason, needed_bytes=self.needed_bytes, free_bytes=free_bytes)
        (self._sleep or time.sleep)(seconds or LOOK_S)

    def ended(self) -> Iterator[Event]:
        if self._reported:
            yield Resumed(stage=self.stage, waited_s=self.seconds)
