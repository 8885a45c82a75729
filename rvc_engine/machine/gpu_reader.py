"""Asking the driver without waiting for it: NVML can hang, and then everything else must not."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable

from rvc_engine.machine.gpus import GpuState, read_gpus
from rvc_engine.messages import Message

ANSWER_S = 1.0  # so long a read waits for the driver
PATIENCE_S = 10.0  # the same where nobody watches: the first answer of a sleeping driver takes seconds
STALE_S = 8.0  # an older answer is not used
NO_ANSWER = Message("machine.driver_silent")


class GpuReader:
    """Calls the driver in its own thread: a driver that hangs must not block the screen or the end of the app."""

    def __init__(self, read: Callable[[], GpuState] = read_gpus) -> None:
        self._read, self._lock = read, threading.Lock()
        self._thread: threading.Thread | None = None
        self._answer, self._answered_at = GpuState(reason=NO_ANSWER), -math.inf

    def read(self, patience_s: float = ANSWER_S) -> GpuState:
        """The state of the GPUs; without an answer within `patience_s` the last one, or NO_ANSWER when it is stale."""
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._ask, daemon=True)
                self._thread.start()
            thread = self._thread
        thread.join(patience_s)
        late = thread.is_alive() and time.monotonic() - self._answered_at > STALE_S
        return GpuState(reason=NO_ANSWER) if late else self._answer

    def _ask(self) -> None:
        try:
            answer = self._read()
        except Exception as error:  # any error of the binding or the driver
            reason = " ".join(str(error).split()) or type(error).__name__
            answer = GpuState(reason=Message("machine.driver_fails", reason=reason))
        self._answer, self._answered_at = answer, time.monotonic()


_reader = GpuReader()


def gpus_now(patience_s: float = PATIENCE_S) -> GpuState:
    """The GPUs as the driver shows them now, from a thread of this process that may hang."""
    return _reader.read(patience_s)
