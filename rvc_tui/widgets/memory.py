"""The machine now and the batch size that suits it: one line a GPU (the processor without one), one or two for the advice."""

from __future__ import annotations

from rich.text import Text

from rvc_engine.gpus import Gpu
from rvc_tui.drawing import gib
from rvc_tui.gpu import Machine
from rvc_tui.state import ScreenState
from rvc_tui.widgets.panel import Panel, join

OLD_S = 10.0
SHOWN_GPUS = 2


class MemoryPanel(Panel):
    TITLE = "Machine"

    def draw(self, state: ScreenState, width: int, now: float) -> Text:
        return join([*machine_lines(state.machine, now), *self.advice_lines(state)])

    def advice_lines(self, state: ScreenState) -> list[Text]:
        advice = state.outlook.advice
        if advice is None:
            return [Text("batch size: not known yet", "dim")]
        others = advice["memory_others_bytes"]
        line = Text.assemble(
            "batch size ",
            (f"{advice['recommended']} recommended", "bold"),
            f", {advice['largest']} the largest that fits ({advice['source']}, {advice['precision']})",
        )
        free = f"free {gib(advice['memory_free_bytes'])} of {gib(advice['memory_total_bytes'])} GiB on {advice['device']}"
        free += f", others hold {gib(others)} GiB" if others is not None else ", others: unknown"
        return [line, Text(f"{free}. {advice['reasons'][0] if advice['reasons'] else ''}", "dim")]


def machine_lines(machine: Machine, now: float) -> list[Text]:
    if not machine.at:
        return [Text("reading...", "dim")]
    age = f"  {now - machine.at:.0f} s ago" if now - machine.at > OLD_S else ""
    if machine.gpus:
        hidden = len(machine.gpus) - SHOWN_GPUS
        lines = [Text(gpu_line(gpu) + age) for gpu in machine.gpus[:SHOWN_GPUS]]
        if hidden > 0:
            lines[-1].append(f"  and {hidden} more")
        return lines
    percent = "n/a" if machine.processor_percent is None else f"{machine.processor_percent:.0f} %"
    memory = f"{gib(machine.memory_used)}/{gib(machine.memory_total)} GiB"
    return [Text.assemble(f"processor {percent}  memory {memory}{age}  ", (f"no GPU: {machine.no_gpu}", "dim"))]


def gpu_line(gpu: Gpu) -> str:
    def told(value: float | None, unit: str) -> str:
        return f"{'n/a' if value is None else f'{value:.0f}'} {unit}"

    limit = "" if gpu.power_limit is None else f"/{gpu.power_limit:.0f}"
    power = f"{'n/a' if gpu.power is None else f'{gpu.power:.0f}'}{limit} W"
    memory = f"{gib(gpu.memory_used)}/{gib(gpu.memory_total)} GiB"
    parts = [f"GPU {gpu.index} {gpu.name}", memory, told(gpu.utilisation, "%"), told(gpu.temperature, "C"), power]
    return "  ".join([*parts, "MIG"] if gpu.mig else parts)
