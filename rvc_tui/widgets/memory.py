"""The machine now: its GPUs with the share of this run, the CPU without one; and the batch size that suits it."""

from __future__ import annotations

from rich.cells import cell_len
from rich.text import Text

from rvc_engine.client.machine import Share, share_of
from rvc_engine.client.state import ScreenState
from rvc_engine.common.printable import printable
from rvc_engine.machine.gpus import Gpu
from rvc_tui.drawing import gib, padded, sparkline
from rvc_tui.engine_texts import translated
from rvc_tui.texts import N_, _
from rvc_tui.widgets.advisor import recommendation
from rvc_tui.widgets.panel import Panel, join

OLD_S = 10.0
VISIBLE_GPUS = 2
SOURCES = (N_("table"), N_("cached"), N_("measured"))  # of a recommended batch size, in a word
LABEL = 8  # cells


class MemoryPanel(Panel):
    TITLE = "Machine"

    def draw(self, state: ScreenState, width: int, now: float) -> Text:
        return join([*machine_lines(state, width, now), *self.advice_lines(state)])

    def advice_lines(self, state: ScreenState) -> list[Text]:
        advice = state.outlook.advice
        if advice is None:
            return [Text(_("batch size: not known yet"), "dim")]
        others = advice["memory_others_bytes"]
        line = Text.assemble(
            _("batch size "),
            recommendation(advice),
            f" ({printable(_(advice['source']))}, {printable(advice['precision'])})",
        )
        free = _("free {free} of {total} GiB on {device}").format(
            free=gib(advice["memory_free_bytes"]),
            total=gib(advice["memory_total_bytes"]),
            device=printable(advice["device"]),
        )
        free += _(", others hold {gib} GiB").format(gib=gib(others)) if others is not None else _(", others: unknown")
        return [
            line,
            Text(
                _("{free}. {reason}").format(
                    free=free, reason=printable(translated(advice["reasons"][0])) if advice["reasons"] else ""
                ),
                "dim",
            ),
        ]


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
        return join([*lines, *self.cpu_lines(state, width)])

    def row(self, label: str, figures: str, history: list[float], width: int) -> Text:
        """Figures in percent, and their history where there is room."""
        room = max(width - cell_len(label) - cell_len(figures) - 2, 0)
        drawn = sparkline([*history[-room:], 0.0, 100.0], room + 2, ascii=self.ascii)[:-2] if room else ""
        return Text.assemble((label, "dim"), figures, "  ", (drawn, "cyan"))

    def cpu_lines(self, state: ScreenState, width: int) -> list[Text]:
        machine, run = state.machine, state.view.rss_bytes if state.running else 0
        percent = "n/a" if machine.cpu_percent is None else f"{machine.cpu_percent:.0f} %"
        history = [reading.cpu_percent or 0.0 for reading in state.readings]
        lines = [Text.assemble((_("CPU"), "bold"), *((f"  {no_gpu(machine.no_gpu)}", "dim"),) * (not machine.gpus))]
        as_gpu = Gpu(0, memory_total=machine.memory_total, memory_used=machine.memory_used)
        share = Share(run, True, max((machine.memory_used or 0) - run, 0))
        lines[0] = self.headed(lines[0], as_gpu, share, width)
        lines.append(
            self.memory(
                as_gpu, share, _(", swap {gib}").format(gib=gib(machine.swap_used)) if machine.swap_used else ""
            )
        )
        return [*lines, self.row(padded(_("busy"), LABEL), percent, history, width)]

    def memory(self, gpu: Gpu, share: Share, more: str = "") -> Text:
        words = f"{gib(gpu.memory_used)}/{gib(gpu.memory_total)} GiB{share_words(share, gpu)}{more}"
        return Text.assemble((padded(_("memory"), LABEL), "dim"), words)

    def headed(self, head: Text, gpu: Gpu, share: Share, width: int) -> Text:
        """With a picture of the memory."""
        head.append("  ")
        return head.append_text(memory_bar(gpu, share, min(40, width - head.cell_len), ascii=self.ascii))

    def picture(self, state: ScreenState, gpu: Gpu, width: int) -> list[Text]:
        share = share_of(gpu, state.view, running=state.running)
        work = [float(g.utilisation or 0) for machine in state.readings for g in machine.gpus if g.index == gpu.index]
        name = Text.assemble((f"GPU {gpu.index} {printable(gpu.name)}{'  MIG' if gpu.mig else ''}", "bold"))
        return [
            self.headed(name, gpu, share, width),
            self.memory(gpu, share),
            self.row(padded(_("busy"), LABEL), "  ".join(figures_of(gpu)), work, width),
        ]


def memory_bar(gpu: Gpu, share: Share, width: int, *, ascii: bool) -> Text:
    """This run, then others, then what is free."""
    if not gpu.memory_total or gpu.memory_used is None or width < 6:
        return Text()
    inside = width - 2
    ours = max(0, min(inside, round(inside * share.run / gpu.memory_total)))
    used = max(ours, min(inside, round(inside * gpu.memory_used / gpu.memory_total)))
    run, others, free = ("#", "+", ".") if ascii else ("█", "▒", "░")
    return Text.assemble(
        "[", (run * ours, "cyan"), (others * (used - ours), "yellow"), (free * (inside - used), "dim"), "]"
    )


def machine_lines(state: ScreenState, width: int, now: float) -> list[Text]:
    machine = state.machine
    if not machine.at:
        return [Text(_("reading..."), "dim")]
    age = "  " + _("{time} ago").format(time=f"{now - machine.at:.0f} s") if now - machine.at > OLD_S else ""
    if not machine.gpus:
        return [cpu_line(state, age)]
    hidden = len(machine.gpus) - VISIBLE_GPUS
    more = "  " + _("and {count} more").format(count=hidden) if hidden > 0 else ""
    lines = []
    for place, gpu in enumerate(machine.gpus[:VISIBLE_GPUS]):
        tail = age + (more if place == VISIBLE_GPUS - 1 else "")
        lines.append(
            Text(gpu_line(gpu, share_of(gpu, state.view, running=state.running), width - cell_len(tail)) + tail)
        )
    return lines


def cpu_line(state: ScreenState, age: str) -> Text:
    machine, run = state.machine, state.view.rss_bytes if state.running else 0
    percent = "n/a" if machine.cpu_percent is None else f"{machine.cpu_percent:.0f} %"
    line = Text(f"{_('CPU')} {percent}  {_('memory')} {gib(machine.memory_used)}/{gib(machine.memory_total)} GiB")
    if run and machine.memory_used is not None:
        line.append(
            _(" (run {run}, others {others})").format(run=gib(run), others=gib(max(machine.memory_used - run, 0)))
        )
    line.append("  " + _("swap {gib}").format(gib=gib(machine.swap_used)) if machine.swap_used else "")
    return line.append(f"{age}  ").append(no_gpu(machine.no_gpu), "dim")


def no_gpu(reason: str) -> str:
    return _("no GPU: {reason}").format(reason=printable(translated(reason)))


def share_words(share: Share, gpu: Gpu) -> str:
    """Empty where there is nothing to tell apart."""
    run = _("run {gib}, ").format(gib=f"{gib(share.run)}{'' if share.exact else '+'}") if share.run else ""
    if share.others is not None:
        return f" ({run}{_('others {gib}').format(gib=gib(share.others))})"
    if gpu.memory_used is None and not run:
        return ""
    most = _("unknown") if share.others_at_most is None else _("at most {gib}").format(gib=gib(share.others_at_most))
    return f" ({run}{_('others {gib}').format(gib=most)})"


def figures_of(gpu: Gpu) -> list[str]:
    """Utilisation, temperature, power; what is unknown is n/a."""

    def figure(value: float | None, unit: str) -> str:
        return f"{'n/a' if value is None else f'{value:.0f}'} {unit}"

    limit = "" if gpu.power_limit is None else f"/{gpu.power_limit:.0f}"
    return [
        figure(gpu.utilisation, "%"),
        figure(gpu.temperature, "C"),
        f"{'n/a' if gpu.power is None else f'{gpu.power:.0f}'}{limit} W",
    ]


def gpu_line(gpu: Gpu, share: Share, width: int) -> str:
    """The name gives way where there is little room."""
    memory = f"{gib(gpu.memory_used)}/{gib(gpu.memory_total)} GiB{share_words(share, gpu)}"
    rest = "  ".join([memory, *figures_of(gpu), *(["MIG"] if gpu.mig else [])])
    name = printable(gpu.name).removeprefix("NVIDIA ").removeprefix("GeForce ")
    room = width - cell_len(rest) - len(f"GPU {gpu.index}   ")
    return f"GPU {gpu.index} {name if len(name) <= room else name[: max(room, 0)].rstrip()}".rstrip() + f"  {rest}"
