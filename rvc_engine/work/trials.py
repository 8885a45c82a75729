"""Training steps in throw-away processes: what a batch costs, and whether a precision computes correctly. Light: the
command line and the doctor import it; only the processes that it starts need torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rvc_engine.machine.children import Child
from rvc_engine.machine.measurements import Measured
from rvc_engine.machine.memory_table import CONTEXT_BYTES
from rvc_engine.machine.numerics import Trial

MEASURING, TRYING = "rvc_engine.work.measuring", "rvc_engine.training.numerics"
MEASURE_S = 900.0
TRIAL_S = 300.0
KILLED = (-9, 137)


def measure_batches(preset: str, precision: str, device: str, batches: Sequence[int]) -> tuple[list[Measured], str]:
    """Real training steps: what was measured, and why it ended early ("" if it did not)."""
    words = [preset, precision, device, *map(str, batches)]
    with Child(MEASURING, words) as child:
        rows = [line for line in child.lines(MEASURE_S) if isinstance(line, Measured)]
        if device.startswith("cuda"):
            rows = [replace(row, memory_bytes=row.memory_bytes + CONTEXT_BYTES) for row in rows]
        if len(rows) >= len(batches):
            return rows, ""
        if not child.late and child.wait() in KILLED:
            return rows, "the system ended it, most likely for memory"
        return rows, _late(child, MEASURE_S) or child.problem or f"it ended with exit code {child.wait()}"


def try_mode(preset: str, device: str, mode: str) -> Trial:
    """In a process of its own, because a broken mode may take its process with it."""
    with Child(TRYING, [preset, device, mode]) as child:
        found = next((line for line in child.lines(TRIAL_S) if isinstance(line, Trial)), None)
        if found is not None:
            return found
        why = _late(child, TRIAL_S)
        code = 0 if why else child.wait()
        return Trial(mode, False, why or f"it ended early: {child.problem or f'exit code {code}'}")


def _late(child: Child, limit_s: float) -> str:
    return f"it took longer than {limit_s:.0f} s" if child.late else ""
