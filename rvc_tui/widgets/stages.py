"""One line a stage: what it is doing in a word, how far, how long, and what was left out."""

from __future__ import annotations

from rich.cells import cell_len
from rich.text import Text

from rvc_engine.client.state import ScreenState
from rvc_engine.client.words import duration
from rvc_engine.common.printable import printable
from rvc_engine.run.stage_list import title_of, usual_stages
from rvc_engine.run.view import StageView
from rvc_tui.drawing import bar, padded
from rvc_tui.engine_texts import translated
from rvc_tui.texts import N_, _
from rvc_tui.widgets.panel import Panel, join

STYLE = {
    "running": "bold cyan",
    "done": "green",
    "skipped": "green",
    "failed": "bold red",
    "stopped": "bold yellow",
    "pending": "dim",
}
# the other states are their own word
WORD = {
    "pending": N_("waiting"),
    "skipped": N_("up to date"),
    "done": N_("done"),
}
COLUMN = 11  # cells
NAME = 40  # characters of a foreign name


def stage_name(name: str) -> str:
    """As wide as the widest of them, and a space."""
    return padded(printable(_(name), NAME), max(cell_len(_(stage.name)) for stage in usual_stages()) + 1)


class StagesPanel(Panel):
    TITLE = "Stages"

    def draw(self, state: ScreenState, width: int, now: float) -> Text:
        return join([self.line(stage, width, now) for stage in state.stages()])

    def line(self, stage: StageView, width: int, now: float) -> Text:
        word = WORD.get(stage.state, stage.state)
        line = Text.assemble((stage_name(stage.name), "bold"), (padded(_(word), COLUMN), STYLE[stage.state]))
        tail = self.tail(stage, now)
        if stage.total and stage.state != "skipped":
            counter = f" {stage.done}/{stage.total} {printable(_(stage.unit), NAME)}"
            line.append(
                bar(
                    stage.done,
                    stage.total,
                    min(32, width - line.cell_len - cell_len(counter) - cell_len(tail)),
                    ascii=self.ascii,
                ),
                STYLE[stage.state],
            )
            line.append(counter)
        else:
            reason = stage.reason if stage.state in ("pending", "skipped") and stage.reason != word else ""
            line.append(printable(translated(reason) or ("" if stage.state == "skipped" else _(stage.title))), "dim")
        return line.append(tail)

    def tail(self, stage: StageView, now: float) -> str:
        seconds = max(0.0, now - stage.started_at) if stage.state == "running" and stage.started_at else stage.seconds
        parts = [duration(seconds)] if seconds else []
        if stage.skipped_items:
            parts.append(_("{count} left out").format(count=len(stage.skipped_items)))
        return "".join(f"  {part}" for part in parts)


class OneStagePanel(StagesPanel):
    """The line of one stage, and what a run would do about it."""

    TITLE = ""

    def __init__(self, stage: str, *, ascii: bool, id: str | None = None) -> None:
        super().__init__(ascii=ascii, id=id)
        self.stage = stage
        self.border_title = _(title_of(stage))

    def draw(self, state: ScreenState, width: int, now: float) -> Text:
        lines = [self.line(stage, width, now) for stage in state.stages() if stage.name == self.stage]
        for name, action, reason in state.outlook.plan:
            if name == self.stage and not state.running and action not in ("skip", "after") and state.view.stages:
                lines.append(Text(_("next run: {reason}").format(reason=printable(translated(reason))), "dim"))
        return join(lines or [Text(_("not part of this experiment"), "dim")])
