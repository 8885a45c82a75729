"""Where a training is: epoch and step, how fast, how long yet, what it costs, and what holds it up."""

from __future__ import annotations

from statistics import median

from rich.cells import cell_len
from rich.text import Text

from rvc_engine.client.pace import in_training, run_seconds, steps_a_second, time_left
from rvc_engine.client.state import ScreenState
from rvc_engine.client.words import duration
from rvc_engine.common.printable import printable
from rvc_engine.run.stage_list import has_epochs
from rvc_engine.run.view import GRAD_NORM, RunView
from rvc_tui.bottlenecks import bottlenecks, no_bottleneck
from rvc_tui.drawing import number
from rvc_tui.preferences import Price
from rvc_tui.texts import _, meant
from rvc_tui.widgets.losses import known
from rvc_tui.widgets.panel import Panel, join

NETWORK = 10  # characters of a network's name
NORM_STEPS = 20  # above the limit for so long is too much


class PacePanel(Panel):
    TITLE = "Progress"

    def __init__(self, *, ascii: bool, id: str | None = None) -> None:
        super().__init__(ascii=ascii, id=id)
        self.price: Price | None = None

    def draw(self, state: ScreenState, width: int, now: float) -> Text:
        lines = [self.pace(state.view, now), self.learning(state.view, now, width)]
        if state.running and has_epochs(state.view.stage):
            lines.append(bottleneck_line(state))
        return join(lines)

    def pace(self, view: RunView, now: float) -> Text:
        stage = in_training(view)
        total = f"/{stage.total}" if stage is not None and stage.total and stage.unit == "steps" else ""
        is_voice = stage is None or has_epochs(stage.name)
        epoch = f"{_('epoch')} {view.epoch}/{view.epochs or '?'}  " if is_voice else ""
        line = Text.assemble((f"{epoch}{_('step')} {view.step}{total}", "bold"))
        if rate := steps_a_second(view):
            line.append(f"  {number(float(f'{rate:.3g}'))} {_('steps/s')}")
        left = time_left(view)
        if left is not None:
            line.append("  " + _("{time} left").format(time=left))
        elif view.state == "running" and stage is not None and stage.state == "running":
            line.append("  " + _("time left: not known yet"), "dim")
        elif stage is not None and stage.seconds:
            line.append("  " + _("took {time}").format(time=duration(stage.seconds)))
        return line

    def learning(self, view: RunView, now: float, width: int) -> Text:
        """Learning rate, gradient norms with a mark where they are too high, and the cost."""
        line = Text(f"{meant('learning rate', 'rate')} {view.learning_rate:.3g}")
        for network in sorted(view.grad_norms, reverse=True):
            line.append(f"  {_('gradients')} " if network == "g" else "  ")
            line.append(f"{printable(network.upper(), NETWORK)} {number(float(f'{view.grad_norms[network]:.3g}'))}")
            if worry := norm_worry(view, network):
                line.append(f" ! {worry}", "bold red")
        cost = self.cost(view, now)
        rate = _(" at {price}/h").format(price=self.price) if cost else ""
        return line.append(cost, "bold").append(rate if line.cell_len + cell_len(rate) <= width else "", "dim")

    def cost(self, view: RunView, now: float) -> str:
        """Of this run, and of all of it once the time left is known; empty without a price."""
        seconds, left = run_seconds(view, now), time_left(view)
        if self.price is None or not seconds:
            return ""
        if left:
            return "  " + _("cost {price} of about {all}").format(
                price=self.price.of(seconds), all=self.price.of(seconds + left.middle)
            )
        return "  " + _("cost {price}").format(price=self.price.of(seconds))


def norm_worry(view: RunView, network: str) -> str:
    """Empty while the gradients are as they should be."""
    name = f"{GRAD_NORM}{network}"
    limit = known(name).limit
    late = [row.values.get(name, 0.0) for row in list(view.curves.recent)[-NORM_STEPS:]]
    if limit is None or not late or late[-1] <= limit:
        return ""
    return _("too high") if len(late) >= NORM_STEPS and median(late) > limit else _("high")


def bottleneck_line(state: ScreenState) -> Text:
    found = bottlenecks(state)
    if not found:
        return Text.assemble((_("bottleneck") + "  ", "dim"), (no_bottleneck(state), "dim"))
    line = Text.assemble((_("bottleneck") + "  ", "bold"), (f"! {found[0]}", "bold yellow"))
    return line.append(f"; {'; '.join(found[1:])}" if len(found) > 1 else "", "yellow")
