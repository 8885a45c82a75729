"""Training steps in throw-away processes: what a batch costs, and whether a precision computes correctly. Light: the
command line and the doctor import it; only the processes that it starts need torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rvc_engine.machine.children import Child
from rvc_engine.machine.measurements import CHECKPOINTED, Measured
from rvc_engine.machine.memory_table import CONTEXT_BYTES
from rvc_engine.machine.numerics import Trial
from rvc_engine.messages import NOTHING, Message

MEASURING, TRYING = "rvc_engine.work.measuring", "rvc_engine.training.numerics"
MEASURE_S = 900.0
TRIAL_S = 300.0
KILLED = (-9, 137)


def measure_batches(
    preset: str, precision: str, device: str, batches: Sequence[int], *, checkpointing: bool = False
) -> tuple[list[Measured], Message]:
    """Real training steps: what was measured, and why it ended early (NOTHING if it did not)."""
    words = [preset, f"{precision}{CHECKPOINTED}" if checkpointing else precision, device, *map(str, batches)]
    with Child(MEASURING, words) as child:
        rows = [line for line in child.lines(MEASURE_S) if isinstance(line, Measured)]
        if device.startswith("cuda"):
            rows = [replace(row, memory_bytes=row.memory_bytes + CONTEXT_BYTES) for row in rows]
        if len(rows) >= len(batches):
            return rows, NOTHING
        if not child.late and child.wait() in KILLED:
            return rows, Message("machine.killed")
        return rows, _late(child, MEASURE_S) or child.problem or Message("machine.exit_code", exit_code=child.wait())


def try_mode(preset: str, device: str, mode: str) -> Trial:
    """In a process of its own, because a broken mode may take its process with it."""
    with Child(TRYING, [preset, device, mode]) as child:
        if found := [line for line in child.lines(TRIAL_S) if isinstance(line, Trial)]:
            return found[-1]
        if late := _late(child, TRIAL_S):
            return Trial(mode, ok=False, why=late, tried=False)
        why, code = _ended_early(child), child.wait()
        short = code in KILLED or (child.error is not None and child.error.title.code == "machine.out_of_memory")
        return Trial(mode, ok=False, why=why, tried=not short)


def _late(child: Child, limit_s: float) -> Message:
    return Message("machine.too_slow", seconds=limit_s) if child.late else NOTHING


def _ended_early(child: Child) -> Message:
    code = child.wait()
    if child.problem:
        return Message("machine.ended_early", reason=child.problem)
    return Message("machine.ended_early_exit_code", exit_code=code)
