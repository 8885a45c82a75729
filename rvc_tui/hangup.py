"""The end of the terminal is the end of the app. A dropped link sends a hang-up signal, which ends it at once. Where
that is ignored, or goes to another process (nohup, wrappers), Textual would read the closed terminal again and again,
with a core of its own."""

from __future__ import annotations

import os
import signal
import termios
import threading
import time
from collections.abc import Callable

LOOK_S = 1.0


def is_gone(descriptor: int) -> bool:
    try:
        termios.tcgetattr(descriptor)
    except termios.error:
        return True
    return False


def end_with_terminal(descriptor: int, before: Callable[[], object]) -> None:
    """From a thread of its own: the app's own may wait for a terminal that takes nothing any more, so it is not asked
    to leave."""

    def watch() -> None:
        while not is_gone(descriptor):
            time.sleep(LOOK_S)
        before()
        os._exit(128 + signal.SIGHUP)

    threading.Thread(target=watch, name="hang-up", daemon=True).start()
