"""The top lines: which experiment, which preset, what it is doing, which recordings."""

from __future__ import annotations

from rich.text import Text

from rvc_engine.commands.display import duration
from rvc_tui.drawing import shortened
from rvc_tui.state import ScreenState
from rvc_tui.widgets.panel import Panel, join

STATE_STYLE = {"running": "bold cyan", "finished": "bold green", "failed": "bold red", "stopped": "bold yellow", "idle": "bold"}


class Heading(Panel):
    def draw(self, state: ScreenState, width: int, now: float) -> Text:
        name = state.view.name or "no experiment"
        head = Text.assemble(("rvc-tui ", "dim"), (name, "bold"), ("  preset ", "dim"), state.preset or "not chosen", "  ")
        head.append(*self.activity(state, now))
        where = state.outlook.dataset or state.outlook.problem or "reading..."
        label = "recordings " if state.outlook.dataset else ""
        return join([head, Text.assemble((label, "dim"), shortened(where, width - len(label), ascii=self.ascii))])

    def activity(self, state: ScreenState, now: float) -> tuple[str, str]:
        view = state.view
        if state.starting:
            return "starting", STATE_STYLE["running"]
        if view.state == "running":
            text = f"running for {duration(max(0.0, now - view.started_at))}, process {view.pid}"
            if silence := state.silent_s(now):
                return f"{text}, no progress for {duration(silence)}", "bold yellow"
            return text, STATE_STYLE["running"]
        if view.state == "idle":
            return "no run yet" if view.name else "press n to begin", STATE_STYLE["idle"]
        return f"{view.state} after {duration(max(0.0, view.updated_at - view.started_at))}", STATE_STYLE[view.state]
