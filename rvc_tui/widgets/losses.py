"""The course of the losses: a sparkline each for the total and the mel loss, the last values of the rest."""

from __future__ import annotations

from rich.text import Text

from rvc_tui.drawing import number, sparkline
from rvc_tui.state import ScreenState
from rvc_tui.widgets.panel import Panel, join

DRAWN = ("total", "mel")  # in this order, by the end of their names


class LossesPanel(Panel):
    TITLE = "Losses"

    def draw(self, state: ScreenState, width: int, now: float) -> Text:
        view = state.view
        if not view.losses:
            return Text("drawn from the first step of training on", "dim")
        chosen = chosen_losses(list(view.losses))
        label = max(map(len, chosen))
        lines = []
        for name in chosen:
            values = [losses[name] for _, losses in view.loss_history if name in losses]
            line = Text.assemble((f"{name:<{label}} ", "bold"), f"{number(view.losses[name]):>8} ")
            lines.append(line.append(sparkline(values, width - len(line) - 1, ascii=self.ascii), "cyan"))
        rest = [f"{name} {number(value)}" for name, value in view.losses.items() if name not in chosen]
        pace = f"epoch {view.epoch}/{view.epochs}  step {view.step}"
        pace += f"  {number(view.step_seconds)} s/step" if view.step_seconds else ""
        lines.append(Text.assemble((pace, "bold"), "  ", ("  ".join(rest), "dim")))
        return join(lines)


def chosen_losses(names: list[str]) -> list[str]:
    """The two to draw: total and mel where there are such, else the first ones."""
    found = [next((n for n in names if n == want or n.endswith((f"/{want}", f"_{want}"))), "") for want in DRAWN]
    chosen = [name for name in found if name]
    return (chosen + [name for name in names if name not in chosen])[:2]
