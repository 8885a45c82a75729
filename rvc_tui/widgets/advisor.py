"""Which batch size: what each costs in memory and gives in speed, the recommended one and why."""

from __future__ import annotations

from typing import Any

from rich.text import Text

from rvc_tui.drawing import gib, number
from rvc_tui.state import ScreenState
from rvc_tui.widgets.panel import Panel, join

LABEL = 9
SOURCES = {"table": "estimated from the preset's shapes", "cached": "measured here before", "measured": "measured now"}


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
            return Text("not known yet", "dim")
        lines = [self.headline(advice)]
        if self.measuring:
            lines.append(Text("measuring real steps, for minutes perhaps; m stops it", "bold"))
        if self.problem:
            lines.append(Text(self.problem, "bold red"))
        lines += [*table(advice, width), Text(self.memory(advice), "dim")]
        return join(lines + [Text(reason, "dim") for reason in advice["reasons"]])

    def headline(self, advice: dict[str, Any]) -> Text:
        line = Text.assemble((f"{advice['recommended']} recommended", "bold"), f", {advice['largest']} the largest that fits")
        return line.append(f"; set: {self.chosen}" if self.chosen else "")

    def memory(self, advice: dict[str, Any]) -> str:
        others = advice["memory_others_bytes"]
        held = "others: unknown" if others is None else f"others hold {gib(others)}"
        free = f"{gib(advice['memory_free_bytes'])} of {gib(advice['memory_total_bytes'])} GiB free on {advice['device']}, {held}"
        return f"{free}; {advice['precision']}, {SOURCES.get(advice['source'], advice['source'])}"


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
    for place, label in enumerate(("batch", "GiB", "clips/s"), 1):
        line = Text(f"{label:<{LABEL}}", "dim")
        for column in columns[first : first + room]:
            line.append(f"{column[place]:>7} ", "bold" if column[0] else "not dim")
        lines.append(line)
    return lines
