"""Starting, following and stopping engine processes. Light: the app uses it too."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from rvc_engine.common.failures import explained
from rvc_engine.common.lines import Line
from rvc_engine.common.lock import Holder, live_holder
from rvc_engine.common.opening import last_line, last_line_of, open_to_append, size_of
from rvc_engine.errors import BadInput, Busy, RvcError, reason_of
from rvc_engine.events import ENDS, Event, RunStarted
from rvc_engine.experiment import Experiment, journals
from rvc_engine.machine.children import Child
from rvc_engine.messages import NOTHING, Message, verbatim
from rvc_engine.run.damage import cannot_read, check_folder
from rvc_engine.run.journal import BRIEF_BYTES, CHUNK_BYTES, JournalReader
from rvc_engine.run.supervisor import WRITING_S

if TYPE_CHECKING:
    from rvc_engine.settings import ExperimentSettings

POLL_S = 0.1
START_S = 120.0
END_S = 5.0  # for the last lines of an engine that has ended


@dataclass(frozen=True)
class Begin(Line):
    """To a waiting engine: its settings, as ExperimentSettings.model_dump gives them."""

    settings: dict[str, Any]


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
        words = [str(experiment.folder), "--home", str(experiment.workspace.home), "--stages", ",".join(stages)]
        words += [*(["--fresh"] if fresh else []), *(["--take-over"] if take_over else [])]
        self.output = tempfile.TemporaryFile()  # noqa: SIM115 - its output before it has a log; __exit__ closes it
        self.child: Child | None = None
        self.start_error: RvcError | None = None
        try:
            self.child = Child("rvc_engine.run.supervisor", words, session=True, listening=True, output=self.output)
        except OSError as error:  # raised by `go`: errors that the caller finds before are more useful
            self.start_error = explained(error)
        self.started = False

    def __enter__(self) -> WaitingEngine:
        return self

    def __exit__(self, *error: object) -> None:
        self.output.close()
        if self.child is None:
            return
        self.child.leave()
        if not self.started:  # without settings the engine ends, then its supervisor cleans up and ends
            threading.Thread(target=self.child.process.wait, daemon=True).start()

    def go(self, settings: ExperimentSettings) -> RunningEngine:
        """Raises Busy when another run holds the experiment, RvcError when the engine does not start."""
        experiment, child = self.experiment, self.child
        if child is None:
            why = self.start_error or RvcError("run.cause_unknown")
            raise RvcError("run.engine_did_not_start", why.summary, why.hint)
        experiment.folder.mkdir(parents=True, exist_ok=True)
        before = len(journals(experiment.runs))
        self.log_start = size_of(experiment.engine_log)
        child.send(Begin(settings.model_dump(mode="json")))
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            for path in journals(experiment.runs)[before:]:
                first = next(iter(JournalReader(path).read_new(1 << 16)), None)
                if isinstance(first, RunStarted) and first.supervisor == child.process.pid:
                    self.started = True
                    return RunningEngine(experiment, first.pid, path, child.process)
            if child.wait(0) is not None:
                raise self._failure(child)
            time.sleep(0.02)
        log = Message("run.its_log", path=experiment.engine_log)
        raise RvcError("run.engine_did_not_start", Message("run.no_answer", seconds=START_S), log)

    def _failure(self, child: Child) -> RvcError:
        """With what it reported; else the last line of its output, or of its log."""
        for _ in child.lines(END_S):
            pass
        self.output.seek(0)
        output, log = self.output.read(), self.experiment.engine_log
        hint = Message("run.its_log", path=log)
        try:
            with os.fdopen(open_to_append(log), "ab") as file:
                file.write(output)
        except OSError as error:
            hint = Message("run.log_not_written", path=log, reason=reason_of(error))
        if isinstance(child.error, Busy):
            return child.error
        code = child.process.returncode
        how = Message("run.signal", number=code - 128) if code > 128 else Message("run.exit_code", number=code)
        why = child.problem or verbatim(last_line(output) or last_line_of(log, self.log_start)) or how
        return (BadInput if code == BadInput.exit_code else RvcError)("run.engine_did_not_start", why, hint)


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
            raise BadInput("run.no_run_yet", name=experiment.name)
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


def ask_to_end(holder: Holder, name: str) -> None:
    """Raises BadInput for a process on another machine or in another container, which a signal cannot reach; RvcError
    for another user's."""
    if not (holder.here and holder.alive):
        raise BadInput("run.on_another_machine", holder.where, name=name)
    try:
        os.kill(holder.pid, signal.SIGTERM)
    except ProcessLookupError:
        pass  # it has ended
    except PermissionError as error:
        raise RvcError("run.of_another_user", _owned(holder.pid), name=name, pid=holder.pid) from error


def _owned(pid: int) -> Message:
    try:
        return Message("run.of_user", pid=pid, user=psutil.Process(pid).username())
    except (psutil.Error, KeyError, OSError):
        return NOTHING


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
