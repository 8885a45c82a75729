"""The engine process: lock, signals, heartbeat, and the pipeline in a worker thread.

    python -m rvc_engine.run.runner FOLDER --stages preprocess,pitch  with the line Begin on standard input

It is started by launcher.WaitingEngine, under a supervisor, in its own session. Until the settings arrive it imports
the modules of its stages and writes nothing; without settings it ends. Its exit code and the last event of its journal
agree.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import queue
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import FrameType

import psutil

from rvc_engine import __version__, disk
from rvc_engine.common.failures import explained, understood
from rvc_engine.common.heartbeat import Heartbeat
from rvc_engine.common.lines import Failed, read_line, report
from rvc_engine.common.lock import RunLock
from rvc_engine.common.streams import prepare_streams
from rvc_engine.disk import is_full, move_to_backup, remove_temporaries
from rvc_engine.errors import Busy, RvcError
from rvc_engine.events import (
    ENDS,
    CheckpointSaved,
    Event,
    EventsLeft,
    MovedAside,
    RunFinished,
    RunStarted,
    StageFailed,
    StageFinished,
    StageStarted,
    StageStopped,
    StepsSuperseded,
    TrainStepped,
    Warned,
)
from rvc_engine.experiment import Experiment
from rvc_engine.machine import workers
from rvc_engine.machine.memory_samples import MemorySamples
from rvc_engine.messages import NOTHING, Message, message_of
from rvc_engine.registry import STAGES
from rvc_engine.run.journal import Journal
from rvc_engine.run.launcher import Begin
from rvc_engine.run.pipeline import back_up_stage, run_pipeline
from rvc_engine.settings import ExperimentSettings
from rvc_engine.stages.receipt import is_complete
from rvc_engine.stages.stage import Stage
from rvc_engine.workspace import Workspace

HEARTBEAT_S = 1.0
MEMORY_S = 10.0
STUCK_S = 40.0  # a stage counts as stuck after so long, or ten times its slowest unit of work, without an event
SAME_SIGNAL_S = 1.0  # signals within this time count as one: the supervisor forwards those that were sent to both
GRACE_S = 30.0  # a stop ends the process after so long, or SLOW_UNITS times the slowest unit, without an event
SAVING_GRACE_S = 300.0  # the same while the stage saves
SLOW_UNITS = 4


class Engine:
    """Runs the pipeline in a worker thread; the main thread writes the journal."""

    def __init__(self, experiment: Experiment, settings: ExperimentSettings, stages: list[str], fresh: bool) -> None:
        self.experiment, self.settings, self.fresh = experiment, settings, fresh
        self.stages = [STAGES.get(name) for name in stages]
        self.events: queue.Queue[Event | None] = queue.Queue(maxsize=256)
        self.closing = threading.Event()
        self.lock: RunLock | None = None
        self.stage = ""
        self.last_event_at, self.last_event = time.time(), time.monotonic()
        self.slowest_unit_s = 0.0
        self.saved_at: tuple[int, int] | None = (
            None  # step and epoch of the checkpoint that a training resumes from; None: not known yet
        )
        self.exit_code, self.ended = 1, False
        self.signals, self.signalled_at, self.stop_requested_at = 0, -SAME_SIGNAL_S, 0.0
        self.beat_at = 0.0

    # --- worker thread ------------------------------------------------------------------------------------------
    def work(self) -> None:
        stage, kept = "", True  # whether finished work of the stage is kept when it is stopped
        try:
            for event in self._events():
                if isinstance(event, StageStarted):
                    stage = event.stage
                    kept = STAGES.get(stage).incremental or STAGES.get(stage).unit == "steps"
                kept = kept or isinstance(event, StageFinished)
                self.events.put(event)
                self.events.join()  # a checkpoint must not have more steps than the journal
                if isinstance(event, RunFinished):
                    break
        except StopRequested:
            self.events.put(StageStopped(stage=stage, saved=kept))
        except RvcError as error:
            self.events.put(StageFailed.of(error, stage=stage))
        except Exception as error:
            traceback.print_exc()
            self.events.put(StageFailed.of(self._explained(error), stage=stage))
        finally:
            self.events.put(None)

    def _events(self) -> Generator[Event, None, None]:
        if self.fresh:
            yield from self._back_up_all()
        pipeline = run_pipeline(self.experiment, self.settings, self.stages)
        try:
            for event in pipeline:
                yield event
                if self.signals and not isinstance(event, RunFinished):
                    self.closing.set()
                    try:
                        pipeline.close()  # saves
                    except EventsLeft as left:
                        yield from left.events
                    raise StopRequested
        finally:
            pipeline.close()

    def _back_up_all(self) -> Iterator[Event]:
        for stage in STAGES.all():
            target = back_up_stage(stage, self.experiment, self.settings)
            others = move_to_backup(stage.other_outputs(self.experiment), self.experiment.folder, stage.name)
            for path in filter(None, (target, others)):
                yield MovedAside(stage=stage.name, path=str(path), reason=Message("run.fresh"))

    def _explained(self, error: Exception) -> RvcError:
        if "torch" in sys.modules or isinstance(error, MemoryError):
            from rvc_engine.machine.device import out_of_memory

            if known := out_of_memory(error):
                return known
        if known := explained(error):
            return known
        cause = message_of(error) if str(error).strip() else NOTHING
        log = Message("run.see_log", path=self.experiment.engine_log)
        return RvcError("common.unexpected", cause, log, kind=type(error).__name__)

    def warn(self, title: Message, message: Message) -> None:
        """May be called from any thread, also the main one; hence it never waits."""
        with contextlib.suppress(queue.Full):
            self.events.put_nowait(Warned(title=title, message=message))

    # --- main thread --------------------------------------------------------------------------------------------
    def on_signal(self, number: int, frame: FrameType | None) -> None:
        """Changes only numbers and takes no lock: a second signal may interrupt the handler of the first."""
        now = time.monotonic()
        if now - self.signalled_at > SAME_SIGNAL_S:
            self.signals += 1
            self.stop_requested_at = self.stop_requested_at or now
        self.signalled_at = now

    def run(self, journal: Journal, number: int, notes: Sequence[Event] = ()) -> int:
        """Returns the exit code. `notes`: events to write first."""
        journal.append(
            RunStarted(
                run=number,
                name=self.experiment.name,
                folder=str(self.experiment.folder),
                pid=os.getpid(),
                host=socket.gethostname(),
                version=__version__,
                preset="" if self.settings.conversion else self.settings.preset,
                stages=[s.name for s in self.stages],
                supervisor=os.getppid(),
            )
        )
        for note in notes:
            journal.append(note)
        threading.Thread(target=self.work, name="stage", daemon=True).start()
        with MemorySamples(MEMORY_S) as memory:
            while True:
                try:
                    event = self.events.get(timeout=0.25)
                except queue.Empty:
                    self._housekeeping(journal, memory)
                    continue
                if event is None:
                    return self.exit_code
                self._write(journal, event)
                self.events.task_done()
                self._housekeeping(journal, memory)

    def _housekeeping(self, journal: Journal, memory: MemorySamples) -> None:
        """Called between events. Nothing is written after the event that ends the run."""
        if self.ended:
            if self.signals > 1:  # a second stop request: its threads do not end
                end_now(self.exit_code)
            return
        now = time.monotonic()
        if now - self.beat_at >= HEARTBEAT_S:
            self._beat()
            self.beat_at = now
            if other := self.lock.lost_to() if self.lock else None:
                journal.append(StageFailed.of(RvcError("run.taken_over", other.where), stage=self.stage))
                end_now(1)
        if sample := memory.take():
            journal.append(replace(sample, stage=self.stage))
        if self.signals and self.events.empty() and (reason := self._overdue(now)):
            step, epoch = self.saved_at or (None, None)
            journal.append(StageStopped(stage=self.stage, saved=False, after_step=step, epoch=epoch, reason=reason))
            end_now(130)

    def _overdue(self, now: float) -> Message:
        """Why a stop waits no longer; empty while it waits."""
        if self.signals > 1:
            return Message("run.stopped_twice")
        patience_s = self.grace_s(saving=self.closing.is_set())
        waited_s = now - max(self.last_event, self.stop_requested_at)
        return Message("run.slow_step", seconds=patience_s) if waited_s > patience_s else NOTHING

    def grace_s(self, *, saving: bool) -> float:
        """How long a stop waits after the last event."""
        return max(SAVING_GRACE_S if saving else GRACE_S, SLOW_UNITS * self.slowest_unit_s)

    def _write(self, journal: Journal, event: Event) -> None:
        if self.ended:  # a warning of another thread: nothing follows the end of a run
            return
        now = time.monotonic()
        if isinstance(event, StageStarted):
            self.stage, self.slowest_unit_s, self.saved_at = event.stage, 0.0, None
        else:
            self.slowest_unit_s = max(self.slowest_unit_s, now - self.last_event)
        if isinstance(event, Warned) and not event.stage:
            event = replace(event, stage=self.stage)
        self.last_event_at, self.last_event = journal.append(event).at, now
        self.ended = isinstance(event, ENDS)
        if isinstance(event, StepsSuperseded):
            self.saved_at = (event.after_step, event.epoch)
        elif isinstance(event, CheckpointSaved) and event.kind in ("resume", "checkpoint"):
            self.saved_at = (event.step, event.epoch)
        elif isinstance(event, TrainStepped):
            self.saved_at = self.saved_at or (0, 0)  # a resumed training has an event before its first step
        elif isinstance(event, RunFinished):
            self.exit_code = 0
        elif isinstance(event, StageStopped):
            self.exit_code = 130
        elif isinstance(event, StageFailed):
            self.exit_code = event.exit_code

    def _beat(self) -> None:
        stuck_after_s = max(STUCK_S, 10 * self.slowest_unit_s)
        beat = Heartbeat(time.time(), os.getpid(), self.stage, self.last_event_at, stuck_after_s)
        try:
            beat.write(self.experiment.heartbeat)
        except (OSError, RvcError) as error:
            if not is_full(error):  # with a full disk, writing to the log could raise too
                print(f"heartbeat not written: {error}", file=sys.stderr)


class StopRequested(Exception):
    pass


def end_now(code: int) -> None:
    """End this process and its workers at once. Files stay complete, since each is renamed into place."""
    for child in psutil.Process().children(recursive=True):
        try:
            child.kill()
        except psutil.NoSuchProcess:
            continue
    os._exit(code)


def preload(experiment: Experiment, stages: list[Stage]) -> None:
    """Import the modules of the stages, here and in the server of their workers. Errors are ignored: the stage itself
    reports them."""
    with contextlib.suppress(Exception):
        if wanted := [
            module for stage in stages if not is_complete(experiment, stage.name) for module in stage.workers
        ]:
            workers.prepare_workers(wanted)
        for stage in stages:
            stage.load()


def remove_partial_files(experiment: Experiment) -> None:
    """Remove incomplete files that a killed engine of this experiment left, except clips: their stages do that."""
    for folder in (experiment.folder, experiment.receipts, experiment.auditions, experiment.base):
        remove_temporaries(folder)
    remove_temporaries(experiment.workspace.weights, of=lambda name: experiment.owns(Path(name).stem))


def main(arguments: list[str] | None = None) -> int:
    prepare_streams()
    parser = argparse.ArgumentParser(prog="python -m rvc_engine.run.runner", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--home", required=True)
    parser.add_argument("--stages", required=True)
    parser.add_argument("--fresh", action="store_true")
    parser.add_argument("--take-over", action="store_true")
    options = parser.parse_args(arguments)
    experiment = Experiment(options.folder, Workspace(Path(options.home)))
    stages = options.stages.split(",")
    threading.Thread(target=preload, args=(experiment, [STAGES.get(name) for name in stages]), daemon=True).start()
    begin = read_line(sys.stdin.buffer, Begin)
    if begin is None:
        os._exit(0)
    settings = ExperimentSettings.model_validate(begin.settings)
    lock = RunLock(experiment.lock)
    try:
        taken = lock.acquire(take_over=options.take_over)
    except Busy as busy:
        print(busy, file=sys.stderr)
        report(Failed.of(busy))
        return busy.exit_code
    workers.log_to(experiment.engine_log)
    workers.LOG = experiment.engine_log
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    engine = Engine(experiment, settings, stages, options.fresh)
    disk.on_warning = engine.warn
    engine.lock = lock
    signal.signal(signal.SIGTERM, engine.on_signal)
    signal.signal(signal.SIGINT, engine.on_signal)
    remove_partial_files(experiment)
    experiment.save_settings(settings)
    number, journal = Journal.next_in(experiment.runs)
    with journal:
        try:
            code = engine.run(journal, number, [Warned(title=taken)] if taken else [])
        except Exception as error:
            with contextlib.suppress(Exception):
                journal.append(StageFailed.of(understood(error, "rvc engine"), stage=engine.stage))
            raise
    lock.release()
    sys.stdout.flush()
    sys.stderr.flush()
    end_now(code)  # a stage's libraries may leave threads that would hold the process
    return code


def guarded(arguments: list[str] | None = None) -> int:
    """As `main`, but an error outside the stages is reported to the launcher; its traceback is in the log."""
    try:
        return main(arguments)
    except Exception as error:
        traceback.print_exc()
        known = understood(error, "rvc engine")
        print(" ".join(str(known).split()), file=sys.stderr, flush=True)
        report(Failed.of(known))
        end_now(known.exit_code)
        return known.exit_code


if __name__ == "__main__":
    raise SystemExit(guarded())
