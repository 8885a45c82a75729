"""One command timed with all its processes, and a row of the table."""

from __future__ import annotations

import os
import statistics
import subprocess
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from rvc_engine.machine.environment import engine_environment

ROOT = Path(__file__).resolve().parent.parent
TOKEN = "RVC_BENCH_TOKEN"
MIB = 1 << 20


@dataclass(frozen=True)
class Run:
    """Of one command: wall seconds, and the most that all its processes held at a time, in bytes. `output`: what it
    printed last."""

    seconds: float
    memory: int
    output: str = ""


@dataclass
class Row:
    what: str
    mode: str
    audio_s: float = 0.0
    ours: list[Run] = field(default_factory=list)
    theirs: list[Run] = field(default_factory=list)
    wanted: float | None = None
    more: str = ""

    @property
    def ratio(self) -> float | None:
        """Theirs over ours, round by round."""
        pairs = list(zip(self.ours, self.theirs, strict=False))
        return statistics.median(b.seconds / a.seconds for a, b in pairs) if pairs else None

    def line(self) -> str:
        def cell(runs: list[Run]) -> str:
            if not runs:
                return " | "
            seconds = statistics.median(run.seconds for run in runs)
            return f"{seconds:.3g} s | {max(run.memory for run in runs) / MIB:.0f} MiB"

        ratio = "" if self.ratio is None else f"{self.ratio:.2f}x"
        wanted = "" if self.wanted is None else f"{self.wanted:g}x"
        speed = ""
        if self.audio_s and self.ours:
            speed = f"{self.audio_s / statistics.median(run.seconds for run in self.ours):.3g}"
        return (
            f"| {self.what} | {self.mode} | {cell(self.ours)} | {speed} | {cell(self.theirs)} | {ratio} | "
            f"{wanted} | {self.more} |"
        )


HEAD = (
    "| stage | mode | ours | memory | audio s/s | theirs | memory | ratio | wanted | "
    "|\n|---|---|---|---|---|---|---|---|---|---|"
)


def timed(
    command: list[str],
    cwd: Path | None = None,
    seconds_of: Callable[[str], float] | None = None,
    *,
    as_engine: bool = False,
) -> Run:
    """Until it ends, in the environment that the engine gets if asked for. Every process that it starts is found by a
    mark in its environment, also one that outlives its parent."""
    token = uuid.uuid4().hex
    environment = {**(engine_environment() if as_engine else os.environ), TOKEN: token, "PYTHONPATH": str(cwd or ROOT)}
    environment["PYTHONSAFEPATH"] = (
        "1"  # the other program's scripts lie beside modules of the same names as its packages
    )
    environment.pop("OMP_NUM_THREADS", None)
    peak, done = 0, threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.25):
            held = 0
            for process in psutil.process_iter():
                try:
                    if process.environ().get(TOKEN) == token:
                        held += process.memory_info().rss
                except (psutil.Error, OSError):
                    continue
            peak = max(peak, held)

    watcher = threading.Thread(target=watch)
    watcher.start()
    started = time.perf_counter()
    try:
        result = subprocess.run(command, cwd=cwd or ROOT, env=environment, capture_output=True, text=True, check=False)
    finally:
        seconds = time.perf_counter() - started
        done.set()
        watcher.join()
    if result.returncode:
        raise SystemExit(
            f"{' '.join(command)}\nended with {result.returncode}:\n{result.stdout[-2000:]}\n{result.stderr[-2000:]}"
        )
    return Run(seconds_of(result.stdout) if seconds_of else seconds, peak, result.stdout.strip()[-500:])
