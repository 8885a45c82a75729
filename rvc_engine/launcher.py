"""Starting, following and stopping engine processes. Light: the app uses it too."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rvc_engine.errors import BadInput, Busy, RvcError
from rvc_engine.events import ENDS, Event, RunStarted
from rvc_engine.experiment import PACKAGE, Experiment
from rvc_engine.journal import JournalReader, journals
from rvc_engine.keeper import WRITING_S
from rvc_engine.lock import live_holder

if TYPE_CHECKING:
    from rvc_engine.settings import ExperimentSettings

POLL_S = 0.1
START_S = 120.0


@dataclass
class RunningEngine:
    """An engine that writes `journal`. `process` is its keeper; None when somebody else started it."""

    experiment: Experiment
    pid: int
    journal: Path
    process: subprocess.Popen[bytes] | None = None

    @property
    def alive(self) -> bool:
        if self.process is not None:
            return self.process.poll() is None
        holder = live_holder(self.experiment.lock)
        return holder is not None and holder.pid == self.pid


MEMORY = {
    "GLIBC_TUNABLES": ":".join(
        f"glibc.malloc.{name}"
        for name in ("hugetlb=1", "arena_max=1", "mmap_threshold=4294967296", "trim_threshold=4294967296", "top_pad=268435456")
    ),
    "THP_MEM_ALLOC_ENABLE": "1",
}
"""Huge pages, and memory that stays with the process. Without them each step of a training on a CPU takes longer the longer it runs: what
it needs for a moment lies scattered between the clips that it keeps. Read by glibc and torch when a process starts; others ignore it."""


def engine_environment() -> dict[str, str]:
    """The engine must import this package, and nothing from the folder that the user happens to be in."""
    parts = [str(PACKAGE.parent), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    return {**MEMORY, **os.environ, "PYTHONPATH": os.pathsep.join(dict.fromkeys(parts)), "PYTHONSAFEPATH": "1"}


def start(experiment: Experiment, settings: ExperimentSettings, stages: list[str], *, fresh: bool = False) -> RunningEngine:
    """Start an engine in a session of its own. Raises Busy when another run holds the experiment."""
    experiment.folder.mkdir(parents=True, exist_ok=True)
    before = len(journals(experiment.runs))
    command = [sys.executable, "-m", "rvc_engine.keeper", str(experiment.folder)]
    command += ["--home", str(experiment.workspace.home), "--stages", ",".join(stages)] + (["--fresh"] if fresh else [])
    with experiment.engine_log.open("ab") as log:
        log_start = log.tell()
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True, env=engine_environment(), close_fds=True
        )
    assert process.stdin is not None
    try:
        with process.stdin as pipe:
            pipe.write(settings.model_dump_json().encode())
    except BrokenPipeError:
        pass  # it ended already; what it said is read below
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        for path in journals(experiment.runs)[before:]:
            first = next(iter(JournalReader(path).read_new(1 << 16)), None)
            if isinstance(first, RunStarted) and first.keeper == process.pid:
                return RunningEngine(experiment, first.pid, path, process)
        if process.poll() is not None:
            raise _start_failure(experiment, process.returncode, log_start)
        time.sleep(0.02)
    process.kill()
    raise RvcError("The engine did not start", f"it said nothing for {START_S:.0f} s", f"its log is {experiment.engine_log}")


def _start_failure(experiment: Experiment, code: int, log_start: int) -> RvcError:
    with experiment.engine_log.open("rb") as log:
        log.seek(log_start)
        said = log.read().decode(errors="replace").strip().split("\n")
    if code == Busy.exit_code:
        return Busy(said[-1])
    return RvcError("The engine did not start", said[-1], f"its log is {experiment.engine_log}")


def attach(experiment: Experiment) -> RunningEngine:
    """The newest run of an experiment, also one that somebody else started or that has ended. Raises BadInput when there is none."""
    files = journals(experiment.runs)
    if not files:
        raise BadInput(f"{experiment.name} has no run yet", "", f"rvc run {experiment.name} --dataset FOLDER starts one")
    first = next(iter(JournalReader(files[-1]).read_new(1 << 16)), None)
    return RunningEngine(experiment, first.pid if isinstance(first, RunStarted) else 0, files[-1])


def follow(engine: RunningEngine) -> Iterator[list[Event]]:
    """Batches of events until the run's end. A batch may be empty: time for the caller to look at the clock.

    Ends without an end event when the engine is gone.
    """
    reader = JournalReader(engine.journal)
    gone_at = 0.0
    while True:
        if not engine.alive and not gone_at:  # asked before reading: what it wrote last is still read
            gone_at = time.monotonic()
        batch = reader.read_new()
        yield batch
        if any(isinstance(event, ENDS) for event in batch):
            if engine.process is not None:
                engine.process.wait(timeout=30)
            return
        if gone_at and not batch and time.monotonic() - gone_at > WRITING_S:
            return
        if not batch:
            time.sleep(POLL_S)


def stop(experiment: Experiment, *, wait_s: float = 0.0) -> bool:
    """Ask the engine of an experiment to stop (it saves first). False when none runs. Waits up to `wait_s` for its end."""
    holder = live_holder(experiment.lock)
    if holder is None:
        return False
    if not holder.here:
        raise BadInput(f"{experiment.name} runs on another machine", f"{holder.host}, process {holder.pid}", "stop it there")
    os.kill(holder.pid, signal.SIGTERM)
    deadline = time.monotonic() + wait_s
    while time.monotonic() < deadline and live_holder(experiment.lock) is not None:
        time.sleep(POLL_S)
    return True
