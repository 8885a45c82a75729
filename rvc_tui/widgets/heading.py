"""The top lines: which experiment, which preset, what it is doing, which recordings."""

from __future__ import annotations

from rich.cells import cell_len
from rich.text import Text

from rvc_engine.client.state import ScreenState
from rvc_engine.client.words import duration
from rvc_engine.common.printable import printable
from rvc_tui.drawing import shortened
from rvc_tui.engine_texts import translated
from rvc_tui.texts import N_, _
from rvc_tui.widgets.panel import Panel, join

STATE_STYLE = {
    N_("running"): "bold cyan",
    N_("finished"): "bold green",
    N_("failed"): "bold red",
    N_("stopped"): "bold yellow",
    N_("idle"): "bold",
}


class Heading(Panel):
    def draw(self, state: ScreenState, width: int, now: float) -> Text:
        name = printable(state.view.name) or _("no experiment")
        head = Text.assemble(
            ("rvc-tui ", "dim"),
            (name, "bold"),
            (f"  {_('preset')} ", "dim"),
            printable(state.preset) or _("not chosen"),
            "  ",
        )
        head.append(*self.activity(state, now))
        where = printable(state.outlook.dataset or translated(state.outlook.problem)) or _("reading...")
        label = _("recordings") + " " if state.outlook.dataset else ""
        return join([head, Text.assemble((label, "dim"), shortened(where, width - cell_len(label), ascii=self.ascii))])

    def activity(self, state: ScreenState, now: float) -> tuple[str, str]:
        view = state.view
        if state.starting:
            return _("starting"), STATE_STYLE["running"]
        if view.state == "running":
            text = _("running for {time}, process {pid}").format(
                time=duration(max(0.0, now - view.started_at)), pid=view.pid
            )
            if silence := state.silent_s(now):
                return f"{text}, {_('no progress for {time}').format(time=duration(silence))}", "bold yellow"
            return text, STATE_STYLE["running"]
        if view.state == "idle":
            return _("no run yet") if view.name else _("press n to begin"), STATE_STYLE["idle"]
        took = duration(max(0.0, view.updated_at - view.started_at))
        return _("{state} after {time}").format(state=_(view.state), time=took), STATE_STYLE[view.state]
