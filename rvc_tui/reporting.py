"""An error that nobody foresaw ends the app with one line, which names a report, in place of pages of traceback."""

from __future__ import annotations

import sys

from textual.app import App

from rvc_engine import disk
from rvc_engine.common.failures import understood
from rvc_engine.errors import RvcError


class ReportingApp(App[None]):
    """`failure`: what ended it, to be printed when the terminal is the shell's again."""

    failure: RvcError | None = None

    def _fatal_error(self) -> None:
        """Textual's own prints the traceback with every local variable."""
        if self.failure is None:
            error = sys.exc_info()[1] or self._exception or RuntimeError("the app ended")
            self.failure = understood(error, "rvc-tui", sys.argv[1:])
        self.bell()
        self._close_messages_no_wait()


def collect_warnings() -> list[str]:
    """What the disk cannot do, from now on: it is printed on leaving, not over the screen."""
    said: list[str] = []
    disk.on_warning = lambda title, message: said.append(f"warning: {title}: {message}")
    return said
