"""Starting, following and stopping engine processes. Light: the app uses it too."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rvc_engine.damage import cannot_read, check_folder
from rvc_engine.errors import BadInput, Busy, RvcError
from rvc_engine.events import ENDS, Event, RunStarted
from rvc_engine.experiment import PACKAGE, Experiment
from rvc_engine.heap import KEEPING_FREED_MEMORY
from rvc_engine.journal import BRIEF_BYTES, CHUNK_BYTES, JournalReader, journals
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


def engine_environment() -> dict[str, str]:
    """The engine must import this package, and nothing from the folder that the user happens to be in."""
    parts = [str(PACKAGE.parent), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    return {**KEEPING_FREED_MEMORY, **os.environ, "PYTHONPATH": os.pathsep.join(dict.fromkeys(parts)), "PYTHONSAFEPATH": "1"}


class WaitingEngine:
    """An engine, in a session of its own, that imports what its stages need while the caller still checks. It writes nothing before `go`;
    leaving the block without that ends it."""

    def __init__(self, experiment: Experiment, stages: list[str], *, fresh: bool = False) -> None:
        self.experiment = experiment
        command = [sys.executable, "-m", "rvc_engine.keeper", str(experiment.folder)]
        command += ["--home", str(experiment.workspace.home), "--stages", ",".join(stages)] + (["--fresh"] if fresh else [])
        self.said = tempfile.TemporaryFile()  # noqa: SIM115 - what it says before it has a log; __exit__ closes it
        self.process: subprocess.Popen[bytes] | None = None
        self.trouble = ""
        try:
            self.process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=self.said, stderr=self.said, start_new_session=True, env=engine_environment(),
                close_fds=True,
            )  # fmt: skip
        except OSError as error:  # told when it is asked to go: what the caller finds meanwhile comes first
            self.trouble = str(error)
        self.started = False

    def __enter__(self) -> WaitingEngine:
        return self

    def __exit__(self, *error: object) -> None:
        self.said.close()
        if self.process is not None and not self.started:
            assert self.process.stdin is not None
            self.process.stdin.close()  # the engine's too: it ends
            self.process.kill()
            self.process.wait()

    def go(self, settings: ExperimentSettings) -> RunningEngine:
        """Raises Busy when another run holds the experiment, RvcError when the engine does not start."""
        experiment, process = self.experiment, self.process
        if process is None:
            raise RvcError("The engine did not start", self.trouble, f"can you run {sys.executable}?")
        experiment.folder.mkdir(parents=True, exist_ok=True)
        before = len(journals(experiment.runs))
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
                    self.started = True
                    return RunningEngine(experiment, first.pid, path, process)
            if process.poll() is not None:
                raise self._failure(process.returncode)
            time.sleep(0.02)
        raise RvcError("The engine did not start", f"it said nothing for {START_S:.0f} s", f"its log is {experiment.engine_log}")

    def _failure(self, code: int) -> RvcError:
        self.said.seek(0)
        said = self.said.read()
        with self.experiment.engine_log.open("ab") as log:
            log.write(said)
        last = said.decode(errors="replace").strip().split("\n")[-1]
        if code == Busy.exit_code:
            return Busy(last)
        return RvcError("The engine did not start", last, f"its log is {self.experiment.engine_log}")


def start(experiment: Experiment, settings: ExperimentSettings, stages: list[str], *, fresh: bool = False) -> RunningEngine:
    """Start an engine. Raises Busy when another run holds the experiment, RvcError when the engine does not start."""
    with WaitingEngine(experiment, stages, fresh=fresh) as engine:
        return engine.go(settings)


def attach(experiment: Experiment) -> RunningEngine:
    """The newest run of an experiment, also one that somebody else started or that has ended. Raises BadInput when there is none, or none
    that can be read."""
    try:
        check_folder(experiment)
        files = journals(experiment.runs)
        if not files:
            raise BadInput(f"{experiment.name} has no run yet", "", f"rvc run {experiment.name} --dataset FOLDER starts one")
        first = next(iter(JournalReader(files[-1]).read_new(1 << 16)), None)
    except OSError as error:
        raise cannot_read(error, experiment.folder) from error
    return RunningEngine(experiment, first.pid if isinstance(first, RunStarted) else 0, files[-1])


def follow(engine: RunningEngine, *, brief: bool = False) -> Iterator[list[Event]]:
    """Batches of events until the run's end. A batch may be empty: time for the caller to look at the clock. `brief`: without what later
    events overwrite, for a view that comes late.

    Ends without an end event when the engine is gone.
    """
    reader = JournalReader(engine.journal, brief=brief)
    gone_at = 0.0
    while True:
        if not engine.alive and not gone_at:  # asked before reading: what it wrote last is still read
            gone_at = time.monotonic()
        before = reader.offset
        batch = reader.read_new(BRIEF_BYTES if brief else CHUNK_BYTES)
        yield batch
        if any(isinstance(event, ENDS) for event in batch):
            if engine.process is not None:
                engine.process.wait(timeout=30)
            return
        if reader.offset != before:
            continue
        if gone_at and time.monotonic() - gone_at > WRITING_S:
            return
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
