"""What keeps a training from being faster, in words."""

from __future__ import annotations

from rvc_engine.client.machine import Machine, share_of
from rvc_engine.client.pace import waiting_share
from rvc_engine.client.state import ScreenState
from rvc_engine.common.printable import printable
from rvc_tui.drawing import gib, number
from rvc_tui.engine_texts import translated
from rvc_tui.texts import _

WAITING = 0.2  # of the time for data is worth telling
IDLE_PERCENT = 50.0
FULL = 0.98
OTHERS_BYTES = 1 << 30
SWAP_BYTES_S = 1 << 20


def bottlenecks(state: ScreenState) -> list[str]:
    """What keeps the training from being faster, the worst first; empty while none is known."""
    view, machine = state.view, state.machine
    found = [_("paused: {reason}").format(reason=printable(translated(view.paused)))] if view.paused else []
    found += spilling(machine)
    share = waiting_share(view)
    if share >= WAITING:
        found.append(
            _("waiting for data {share} of the time: a slow disk, or other programs on the CPU").format(
                share=f"{share:.0%}"
            )
        )
    for gpu in machine.gpus:
        ours = share_of(gpu, view, running=state.running)
        if ours.run:
            busy = state.busy(gpu.index)
            if busy is not None and busy < IDLE_PERCENT and share < WAITING:
                found.append(
                    _("GPU {index} is only {busy} % busy: small batches leave it idle").format(
                        index=gpu.index, busy=f"{busy:.0f}"
                    )
                )
            if gpu.memory_used is not None and gpu.memory_total and gpu.memory_used > FULL * gpu.memory_total:
                found.append(_("memory of GPU {index} is full").format(index=gpu.index))
        if ours.run and ours.others_at_least > OTHERS_BYTES:
            found.append(
                _("another user holds {gib} GiB of GPU {index}").format(gib=gib(ours.others_at_least), index=gpu.index)
            )
    return found


def spilling(machine: Machine) -> list[str]:
    rate = machine.swapped_in_s
    if rate is None or rate < SWAP_BYTES_S:
        return []
    return [
        _("memory spills to the disk ({rate} MiB/s swapped in): close programs, or a smaller batch").format(
            rate=number(rate / (1 << 20))
        )
    ]


def no_bottleneck(state: ScreenState) -> str:
    """What the training is limited by when nothing is wrong."""
    machine, view = state.machine, state.view
    busy = [state.busy(gpu.index) for gpu in machine.gpus if share_of(gpu, view, running=state.running).run]
    waiting = f"{waiting_share(view):.0%}"
    if busy and busy[0] is not None:
        return _("none: the GPU is {busy} % busy, waiting for data {share}").format(
            busy=f"{busy[0]:.0f}", share=waiting
        )
    if not machine.gpus and machine.cpu_percent is not None:
        percent = f"{machine.cpu_percent:.0f}"
        return _("none: the CPU is {busy} % busy, waiting for data {share}").format(busy=percent, share=waiting)
    return _("none seen; waiting for data {share}").format(share=waiting)
