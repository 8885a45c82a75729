"""One line a stage: what it is doing in a word, how far, how long, and what was left out."""

from __future__ import annotations

from rich.text import Text

from rvc_engine.commands.display import duration
from rvc_engine.pipeline import STAGES
from rvc_engine.status import StageView
from rvc_tui.drawing import bar
from rvc_tui.state import ScreenState
from rvc_tui.widgets.panel import Panel, join

STYLE = {"running": "bold cyan", "done": "green", "skipped": "green", "failed": "bold red", "stopped": "bold yellow", "pending": "dim"}
WORD = {"pending": "waiting", "skipped": "up to date"}  # the other states are their own word


class StagesPanel(Panel):
    TITLE = "Stages"

    def draw(self, state: ScreenState, width: int, now: float) -> Text:
        return join([self.line(stage, width, now) for stage in state.stages()])

    def line(self, stage: StageView, width: int, now: float) -> Text:
        word = WORD.get(stage.state, stage.state)
        line = Text.assemble((f"{stage.name:<11}", "bold"), (f"{word:<11}", STYLE[stage.state]))
        tail = self.tail(stage, now)
        if stage.total and stage.state != "skipped":
            counter = f" {stage.done}/{stage.total} {stage.unit}"
            line.append(bar(stage.done, stage.total, min(32, width - 22 - len(counter) - len(tail)), ascii=self.ascii), STYLE[stage.state])
            line.append(counter)
        else:
            reason = stage.reason if stage.state in ("pending", "skipped") and stage.reason != word else ""
            line.append(reason or ("" if stage.state == "skipped" else stage.title), "dim")
        return line.append(tail)

    def tail(self, stage: StageView, now: float) -> str:
        seconds = max(0.0, now - stage.started_at) if stage.state == "running" and stage.started_at else stage.seconds
        parts = [duration(seconds)] if seconds else []
        if stage.skipped_items:
            parts.append(f"{len(stage.skipped_items)} left out")
        return "".join(f"  {part}" for part in parts)


class OneStagePanel(StagesPanel):
    """The line of one stage, and what a run would do about it."""

    TITLE = ""

    def __init__(self, stage: str, *, ascii: bool, id: str | None = None) -> None:
        super().__init__(ascii=ascii, id=id)
        self.stage = stage
        self.border_title = STAGES[stage].title

    def draw(self, state: ScreenState, width: int, now: float) -> Text:
        lines = [self.line(stage, width, now) for stage in state.stages() if stage.name == self.stage]
        for name, action, reason in state.outlook.plan:
            if name == self.stage and not state.running and action not in ("skip", "after") and state.view.stages:
                lines.append(Text(f"next run: {reason}", "dim"))
        return join(lines or [Text("not part of this experiment", "dim")])
