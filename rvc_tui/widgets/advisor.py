"""Which batch size: what each costs in memory and gives in speed, the recommended one and why."""

from __future__ import annotations

from typing import Any

from rich.text import Text

from rvc_engine.client.state import ScreenState
from rvc_engine.common.printable import printable
from rvc_tui.drawing import gib, number, padded
from rvc_tui.engine_texts import translated
from rvc_tui.texts import N_, _
from rvc_tui.widgets.panel import Panel, join

LABEL = 9
SOURCES = {
    "table": N_("estimated from the preset's shapes"),
    "cached": N_("measured here before"),
    "measured": N_("measured now"),
}


class AdvisorPanel(Panel):
    TITLE = "Batch size"
    WRAPS = True

    def __init__(self, *, ascii: bool, id: str | None = None) -> None:
        super().__init__(ascii=ascii, id=id)
        self.measuring = False
        self.problem = ""
        self.chosen = ""  # what the settings say

    def draw(self, state: ScreenState, width: int, now: float) -> Text:
        advice = state.outlook.advice
        if advice is None:
            return Text(_("not known yet"), "dim")
        lines = [self.headline(advice)]
        if self.measuring:
            lines.append(Text(_("measuring real steps, for minutes perhaps; m stops it"), "bold"))
        if self.problem:
            lines.append(Text(printable(translated(self.problem)), "bold red"))
        lines += [*table(advice, width), Text(self.memory(advice), "dim")]
        return join(lines + [Text(printable(translated(reason)), "dim") for reason in advice["reasons"]])

    def headline(self, advice: dict[str, Any]) -> Text:
        line = recommendation(advice)
        return line.append(_("; set: {size}").format(size=self.chosen) if self.chosen else "")

    def memory(self, advice: dict[str, Any]) -> str:
        others = advice["memory_others_bytes"]
        held = _("others: unknown") if others is None else _("others hold {gib}").format(gib=gib(others))
        free = _("{free} of {total} GiB free on {device}, {held}").format(
            free=gib(advice["memory_free_bytes"]),
            total=gib(advice["memory_total_bytes"]),
            device=printable(advice["device"]),
            held=held,
        )
        return (
            f"{free}; {printable(advice['precision'])}, {printable(_(SOURCES.get(advice['source'], advice['source'])))}"
        )


def recommendation(advice: dict[str, Any]) -> Text:
    line = Text.assemble(
        (_("{size} recommended").format(size=advice["recommended"]), "bold"),
        _(", {size} the largest that fits").format(size=advice["largest"]),
    )
    checkpointed = advice.get("largest_checkpointed", 0)
    return line.append(
        _(", {size} with checkpointing").format(size=checkpointed) if checkpointed > advice["largest"] else ""
    )


def table(advice: dict[str, Any], width: int) -> list[Text]:
    """A column for each size; the recommended one has a star. Where there is no room for all, those near it."""
    rows = advice["batch"]
    if not rows:
        return []
    columns = []
    for row in rows:
        best = row["batch_size"] == advice["recommended"]
        speed = "-" if row["samples_per_s"] is None else number(float(f"{row['samples_per_s']:.3g}"))
        columns.append((best, f"{row['batch_size']}{'*' if best else ''}", gib(row["memory_bytes"]), speed))
    room = max((width - LABEL) // 8, 1)
    at = next((place for place, column in enumerate(columns) if column[0]), 0)
    first = max(0, min(at - room // 2, len(columns) - room))
    lines = []
    for place, label in enumerate((_("batch"), "GiB", _("clips/s")), 1):
        line = Text(padded(label, LABEL), "dim")
        for column in columns[first : first + room]:
            line.append(f"{column[place]:>7} ", "bold not dim" if column[0] else "not dim")
        lines.append(line)
    return lines
