"""The machine now: its GPUs with the share of this run, the processor without one; and the batch size that suits it."""

from __future__ import annotations

from rich.text import Text

from rvc_engine.gpus import Gpu
from rvc_tui.drawing import gib, sparkline
from rvc_tui.gpu import Share, share_of
from rvc_tui.state import ScreenState
from rvc_tui.widgets.panel import Panel, join

OLD_S = 10.0
SHOWN_GPUS = 2
LABEL = "{:<8}"


class MemoryPanel(Panel):
    TITLE = "Machine"

    def draw(self, state: ScreenState, width: int, now: float) -> Text:
        return join([*machine_lines(state, width, now), *self.advice_lines(state)])

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


class MachinePanel(Panel):
    """`roomy`: a picture of each GPU's memory and work; else a line each."""

    TITLE = "Machine"

    def __init__(self, *, ascii: bool, id: str | None = None) -> None:
        super().__init__(ascii=ascii, id=id)
        self.roomy = False

    def draw(self, state: ScreenState, width: int, now: float) -> Text:
        if not self.roomy or not state.machine.at:
            return join(machine_lines(state, width, now))
        lines = [line for gpu in state.machine.gpus for line in self.picture(state, gpu, width)]
        return join([*lines, *self.processor(state, width)])

    def row(self, label: str, figures: str, course: list[float], width: int) -> Text:
        """Figures in percent, and their course where there is room."""
        room = max(width - len(label) - len(figures) - 2, 0)
        drawn = sparkline([*course[-room:], 0.0, 100.0], room + 2, ascii=self.ascii)[:-2] if room else ""
        return Text.assemble((label, "dim"), figures, "  ", (drawn, "cyan"))

    def processor(self, state: ScreenState, width: int) -> list[Text]:
        machine, run = state.machine, state.view.rss_bytes if state.running else 0
        percent = "n/a" if machine.processor_percent is None else f"{machine.processor_percent:.0f} %"
        course = [reading.processor_percent or 0.0 for reading in state.readings]
        lines = [Text.assemble(("processor", "bold"), *((f"  no GPU: {machine.no_gpu}", "dim"),) * (not machine.gpus))]
        as_gpu = Gpu(0, memory_total=machine.memory_total, memory_used=machine.memory_used)
        share = Share(run, True, max((machine.memory_used or 0) - run, 0))
        lines[0] = self.headed(lines[0], as_gpu, share, width)
        lines.append(self.memory(as_gpu, share, f", swap {gib(machine.swap_used)}" if machine.swap_used else ""))
        return [*lines, self.row(LABEL.format("busy"), percent, course, width)]

    def memory(self, gpu: Gpu, share: Share, more: str = "") -> Text:
        words = f"{gib(gpu.memory_used)}/{gib(gpu.memory_total)} GiB{share_words(share, gpu)}{more}"
        return Text.assemble((LABEL.format("memory"), "dim"), words)

    def headed(self, head: Text, gpu: Gpu, share: Share, width: int) -> Text:
        """With a picture of the memory."""
        head.append("  ")
        return head.append_text(memory_bar(gpu, share, min(40, width - head.cell_len), ascii=self.ascii))

    def picture(self, state: ScreenState, gpu: Gpu, width: int) -> list[Text]:
        share = share_of(gpu, state.view, running=state.running)
        work = [float(g.utilisation or 0) for machine in state.readings for g in machine.gpus if g.index == gpu.index]
        name = Text.assemble((f"GPU {gpu.index} {gpu.name}{'  MIG' if gpu.mig else ''}", "bold"))
        return [
            self.headed(name, gpu, share, width),
            self.memory(gpu, share),
            self.row(LABEL.format("busy"), "  ".join(figures_of(gpu)), work, width),
        ]


def memory_bar(gpu: Gpu, share: Share, width: int, *, ascii: bool) -> Text:
    """This run, then others, then what is free."""
    if not gpu.memory_total or gpu.memory_used is None or width < 6:
        return Text()
    inside = width - 2
    ours = max(0, min(inside, round(inside * share.run / gpu.memory_total)))
    used = max(ours, min(inside, round(inside * gpu.memory_used / gpu.memory_total)))
    run, others, free = ("#", "+", ".") if ascii else ("█", "▒", "░")
    return Text.assemble("[", (run * ours, "cyan"), (others * (used - ours), "yellow"), (free * (inside - used), "dim"), "]")


def machine_lines(state: ScreenState, width: int, now: float) -> list[Text]:
    machine = state.machine
    if not machine.at:
        return [Text("reading...", "dim")]
    age = f"  {now - machine.at:.0f} s ago" if now - machine.at > OLD_S else ""
    if not machine.gpus:
        return [processor_line(state, age)]
    hidden = len(machine.gpus) - SHOWN_GPUS
    more = f"  and {hidden} more" if hidden > 0 else ""
    lines = []
    for place, gpu in enumerate(machine.gpus[:SHOWN_GPUS]):
        tail = age + (more if place == SHOWN_GPUS - 1 else "")
        lines.append(Text(gpu_line(gpu, share_of(gpu, state.view, running=state.running), width - len(tail)) + tail))
    return lines


def processor_line(state: ScreenState, age: str) -> Text:
    machine, run = state.machine, state.view.rss_bytes if state.running else 0
    percent = "n/a" if machine.processor_percent is None else f"{machine.processor_percent:.0f} %"
    line = Text(f"processor {percent}  memory {gib(machine.memory_used)}/{gib(machine.memory_total)} GiB")
    if run and machine.memory_used is not None:
        line.append(f" (run {gib(run)}, others {gib(max(machine.memory_used - run, 0))})")
    line.append(f"  swap {gib(machine.swap_used)}" if machine.swap_used else "")
    return line.append(f"{age}  ").append(f"no GPU: {machine.no_gpu}", "dim")


def share_words(share: Share, gpu: Gpu) -> str:
    """Empty where there is nothing to tell apart."""
    run = f"run {gib(share.run)}{'' if share.exact else '+'}, " if share.run else ""
    if share.others is not None:
        return f" ({run}others {gib(share.others)})"
    if gpu.memory_used is None and not run:
        return ""
    most = "unknown" if share.others_at_most is None else f"at most {gib(share.others_at_most)}"
    return f" ({run}others {most})"


def figures_of(gpu: Gpu) -> list[str]:
    """Utilisation, temperature, power; what is not told is n/a."""

    def told(value: float | None, unit: str) -> str:
        return f"{'n/a' if value is None else f'{value:.0f}'} {unit}"

    limit = "" if gpu.power_limit is None else f"/{gpu.power_limit:.0f}"
    return [told(gpu.utilisation, "%"), told(gpu.temperature, "C"), f"{'n/a' if gpu.power is None else f'{gpu.power:.0f}'}{limit} W"]


def gpu_line(gpu: Gpu, share: Share, width: int) -> str:
    """The name gives way where there is little room."""
    memory = f"{gib(gpu.memory_used)}/{gib(gpu.memory_total)} GiB{share_words(share, gpu)}"
    rest = "  ".join([memory, *figures_of(gpu), *(["MIG"] if gpu.mig else [])])
    name = gpu.name.removeprefix("NVIDIA ").removeprefix("GeForce ")
    room = width - len(rest) - len(f"GPU {gpu.index}   ")
    return f"GPU {gpu.index} {name if len(name) <= room else name[: max(room, 0)].rstrip()}".rstrip() + f"  {rest}"
