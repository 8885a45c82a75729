"""Watches one engine, and records how it ended when it could not do so itself: killed, or crashed in native code.

    python -m rvc_engine.run.supervisor FOLDER --home HOME --stages ...  with the line Begin on standard input

It starts the engine with the same arguments and waits. It needs little memory, so that the system's out-of-memory
killer does not choose it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

from rvc_engine.common.failures import understood
from rvc_engine.common.lines import Failed, handed_on, report
from rvc_engine.common.scratch import scratch_folder
from rvc_engine.common.streams import prepare_streams
from rvc_engine.events import ENDS, RunStarted, StageFailed, StageStarted
from rvc_engine.experiment import journals, resumed_by
from rvc_engine.machine.children import command_of
from rvc_engine.messages import Message
from rvc_engine.run.journal import BRIEF_BYTES, Journal, JournalReader

WRITING_S = 1.0  # it needs at most this long to record how its engine ended: readers wait so long for that event


def main(arguments: list[str]) -> int:
    with scratch_folder() as (variables, held):
        return supervise(arguments, variables, held)


def supervise(arguments: list[str], variables: dict[str, str], held: tuple[int, ...]) -> int:
    """Start the engine and wait for its end. `variables`: for its environment; `held`: descriptors that it inherits."""
    folder = Path(arguments[0])
    ours, descriptors = handed_on()  # the engine reports to the launcher too
    environment = {**os.environ, **variables, **ours}
    try:
        engine = subprocess.Popen(
            command_of("rvc_engine.run.runner", arguments), env=environment, pass_fds=(*held, *descriptors)
        )
    except OSError as error:
        known = understood(error, "rvc engine")
        print(" ".join(str(known).split()), file=sys.stderr, flush=True)
        report(Failed.of(known))
        return 1

    def forward(number: int, frame: FrameType | None) -> None:
        if engine.poll() is None:
            engine.send_signal(number)

    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, forward)
    code = engine.wait()
    if code < 0 or code not in (0, 1, 2, 3, 130):
        record_end(folder / "runs", engine.pid, code)
    return code if code >= 0 else 128 - code


def record_end(runs: Path, pid: int, code: int) -> None:
    """End the journal of a dead engine with a StageFailed that has the cause; a journal with an end is not changed."""
    for path in reversed(journals(runs)):
        start, stage, last_at, ended = None, "", 0.0, False
        for events in JournalReader(path, brief=True).batches(BRIEF_BYTES):
            for event in events:
                start = start or event
                stage = event.stage if isinstance(event, StageStarted) else stage
                last_at, ended = event.at, ended or isinstance(event, ENDS)
        if not isinstance(start, RunStarted) or start.pid != pid:
            continue
        if not ended:
            title, message = cause_of(code, last_at)
            hint = resumed_by(start.name)
            with Journal(path) as journal:
                journal.append(StageFailed(stage=stage, title=title, message=message, hint=hint))
        return


def cause_of(code: int, last_at: float) -> tuple[Message, Message]:
    """Title and message for a return code of subprocess: a negative one is a signal."""
    when = time.strftime("%H:%M", time.localtime())
    at = time.strftime("%H:%M:%S", time.localtime(last_at))
    if code >= 0:
        return Message("run.ended_unexpectedly", number=code, when=when), Message("run.last_event", at=at)
    number = -code
    if number in set(signal.Signals):
        title = Message("run.killed_by", signal=signal.Signals(number).name, when=when)
    else:
        title = Message("run.killed_by_number", number=number, when=when)
    return title, Message(_last_event(number), at=at)


def _last_event(number: int) -> str:
    """The code for the end by a signal."""
    if number == signal.SIGKILL:
        return "run.last_event_killed"
    crashed = number in (signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGABRT, signal.SIGFPE)
    return "run.last_event_crashed" if crashed else "run.last_event"


if __name__ == "__main__":
    prepare_streams()
    code = main(sys.argv[1:])
    sys.stdout.flush()
    os._exit(code)
