"""An error that nobody foresaw ends the app with one line, which names a report, in place of pages of traceback."""

from __future__ import annotations

import sys

from rvc_engine import disk
from rvc_engine.common.failures import understood
from rvc_engine.errors import RvcError
from rvc_tui.textual_private import FailureApp


class ReportingApp(FailureApp):
    """`failure`: what ended it, to be printed when the terminal is the shell's again."""

    failure: RvcError | None = None

    def failed(self, error: BaseException | None) -> None:
        if self.failure is None:
            self.failure = understood(error or RuntimeError("the app ended"), "rvc-tui", sys.argv[1:])


def collect_warnings() -> list[str]:
    """What the disk cannot do, from now on: it is printed on leaving, not over the screen."""
    said: list[str] = []
    disk.on_warning = lambda title, message: said.append(f"warning: {title}: {message}")
    return said
