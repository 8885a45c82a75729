"""What went wrong: the title, the cause, the fix. Visible only while there is something to say."""

from __future__ import annotations

from collections.abc import Mapping

from rich.text import Text

from rvc_engine.client.state import ScreenState
from rvc_engine.common.printable import LONG, printable
from rvc_tui.drawing import padded
from rvc_tui.engine_texts import translated
from rvc_tui.texts import _
from rvc_tui.widgets.panel import Panel, join


class FailurePanel(Panel):
    TITLE = "What went wrong"
    WRAPS = True

    def draw(self, state: ScreenState, width: int, now: float) -> Text:
        error = failure_of(state)
        rows = ((error.get("title", ""), "bold red"), (error.get("message", ""), ""), (error.get("hint", ""), "bold"))
        labels = ("", padded(_("cause"), 9), padded(_("fix"), 9))
        lines = []
        for label, (text, style) in zip(labels, rows, strict=True):
            if text:
                lines.append(
                    Text.assemble((label, "dim"), (printable(" ".join(translated(text).split()), LONG), style))
                )
        return join(lines)


def failure_of(state: ScreenState) -> Mapping[str, str]:
    """The error to show: a refused start is newer than the run's own error."""
    if state.refused:
        return {"title": _("The run did not start"), "message": state.refused}
    return state.view.error or {}
