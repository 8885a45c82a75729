"""Starting, following and stopping engine processes. Light: the app uses it too."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from rvc_engine.common.failures import explained
from rvc_engine.common.lock import TAKE_OVER, Holder, live_holder
from rvc_engine.common.opening import last_line_of, open_to_append, size_of
from rvc_engine.errors import BadInput, Busy, RvcError
from rvc_engine.events import ENDS, Event, RunStarted
from rvc_engine.experiment import Experiment, journals
from rvc_engine.machine.environment import engine_environment
from rvc_engine.run.damage import cannot_read, check_folder
from rvc_engine.run.journal import BRIEF_BYTES, CHUNK_BYTES, JournalReader
from rvc_engine.run.supervisor import WRITING_S

if TYPE_CHECKING:
    from rvc_engine.settings import ExperimentSettings

POLL_S = 0.1
START_S = 120.0


@dataclass
class RunningEngine:
    """An engine that writes `journal`. `process` is its supervisor; None when another process started it."""

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


class WaitingEngine:
    """An engine, in its own session, that imports the modules of its stages while the caller checks the request. It
    writes nothing before `go`; leaving the block without a call of `go` ends it."""

    def __init__(
        self, experiment: Experiment, stages: list[str], *, fresh: bool = False, take_over: bool = False
    ) -> None:
        self.experiment = experiment
        command = [sys.executable, "-m", "rvc_engine.run.supervisor", str(experiment.folder)]
        command += ["--home", str(experiment.workspace.home), "--stages", ",".join(stages)] + (
            ["--fresh"] if fresh else []
        )
        command += [TAKE_OVER] if take_over else []
        self.output = tempfile.TemporaryFile()  # noqa: SIM115 - its output before it has a log; __exit__ closes it
        self.process: subprocess.Popen[bytes] | None = None
        self.start_error: RvcError | None = None
        try:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=self.output,
                stderr=self.output,
                start_new_session=True,
                env=engine_environment(),
                close_fds=True,
            )
        except OSError as error:  # raised by `go`: errors that the caller finds before are more useful
            self.start_error = explained(error)
        self.started = False

    def __enter__(self) -> WaitingEngine:
        return self

    def __exit__(self, *error: object) -> None:
        self.output.close()
        if self.process is not None and not self.started:
            assert self.process.stdin is not None
            self.process.stdin.close()  # also the engine's: it ends, then its supervisor cleans up and ends
            threading.Thread(target=self.process.wait, daemon=True).start()

    def go(self, settings: ExperimentSettings) -> RunningEngine:
        """Raises Busy when another run holds the experiment, RvcError when the engine does not start."""
        experiment, process = self.experiment, self.process
        if process is None:
            why = self.start_error or RvcError("the cause is not known")
            raise RvcError("The engine did not start", ": ".join(filter(None, (why.title, why.message))), why.hint)
        experiment.folder.mkdir(parents=True, exist_ok=True)
        before = len(journals(experiment.runs))
        self.log_start = size_of(experiment.engine_log)
        assert process.stdin is not None
        try:
            with process.stdin as pipe:
                # in ASCII: a path may have bytes that are not UTF-8; a section that is not ours may hold a date
                pipe.write(json.dumps(settings.model_dump(), default=str).encode())
        except BrokenPipeError:
            pass  # it has ended; its output is read below
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
        raise RvcError(
            "The engine did not start", f"no answer for {START_S:.0f} s", f"its log is {experiment.engine_log}"
        )

    def _failure(self, code: int) -> RvcError:
        """With the last line of its output, or of its log."""
        self.output.seek(0)
        output, log = self.output.read(), self.experiment.engine_log
        last = (
            last_line_of(log, self.log_start)
            if not output.strip()
            else output.decode(errors="replace").strip().splitlines()[-1].strip()
        )
        hint = f"its log is {log}"
        try:
            with os.fdopen(open_to_append(log), "ab") as file:
                file.write(output)
        except OSError as error:
            hint = f"its log {log} cannot be written: {error.strerror or error}"
        if code == Busy.exit_code:
            return Busy(last)
        how = f"it was killed by signal {code - 128}" if code > 128 else f"it ended with exit code {code}"
        return (BadInput if code == BadInput.exit_code else RvcError)("The engine did not start", last or how, hint)


def start(
    experiment: Experiment,
    settings: ExperimentSettings,
    stages: list[str],
    *,
    fresh: bool = False,
    take_over: bool = False,
) -> RunningEngine:
    """Start an engine. Raises Busy when another run holds the experiment, RvcError when the engine does not start."""
    with WaitingEngine(experiment, stages, fresh=fresh, take_over=take_over) as engine:
        return engine.go(settings)


def attach(experiment: Experiment) -> RunningEngine:
    """The newest run of an experiment, also one that has ended or that another process started. Raises BadInput when
    there is none that can be read."""
    try:
        check_folder(experiment)
        files = journals(experiment.runs)
        if not files:
            raise BadInput(
                f"{experiment.name} has no run yet", "", f"rvc run {experiment.name} --dataset FOLDER starts one"
            )
        first = next(iter(JournalReader(files[-1]).read_new(1 << 16)), None)
    except OSError as error:
        raise cannot_read(error, experiment.folder) from error
    return RunningEngine(experiment, first.pid if isinstance(first, RunStarted) else 0, files[-1])


def follow(engine: RunningEngine, *, brief: bool = False) -> Iterator[list[Event]]:
    """Batches of events until the run's end. A batch may be empty, so that the caller can do other work. `brief`:
    without what later events overwrite, for a reader that starts late.

    Stops without an end event when the engine process has ended without one.
    """
    reader = JournalReader(engine.journal, brief=brief)
    gone_at = 0.0
    while True:
        if not engine.alive and not gone_at:  # checked before reading, so that its last events are still read
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


def ask_to_end(holder: Holder, what: str) -> None:
    """Raises BadInput for a process on another machine or in another container, which a signal cannot reach; RvcError
    for another user's."""
    if not (holder.here and holder.alive):
        raise BadInput(f"{what} runs on another machine, or in another container", holder.where, "stop it there")
    try:
        os.kill(holder.pid, signal.SIGTERM)
    except ProcessLookupError:
        pass  # it has ended
    except PermissionError as error:
        hint = f"that user can stop it; so can root: sudo kill -TERM {holder.pid}"
        raise RvcError(f"{what} runs as another user", f"process {holder.pid}{_owner(holder.pid)}", hint) from error


def _owner(pid: int) -> str:
    try:
        return f" of {psutil.Process(pid).username()}"
    except (psutil.Error, KeyError, OSError):
        return ""


def stop(experiment: Experiment, *, wait_s: float = 0.0) -> bool:
    """Ask the engine of an experiment to stop; it saves after its next step. False when none runs. Waits up to `wait_s`
    for its end."""
    holder = live_holder(experiment.lock)
    if holder is None:
        return False
    ask_to_end(holder, experiment.name)
    deadline = time.monotonic() + wait_s
    while time.monotonic() < deadline and live_holder(experiment.lock) is not None:
        time.sleep(POLL_S)
    return True
