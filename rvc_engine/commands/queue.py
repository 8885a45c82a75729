"""rvc queue: trainings and conversions one after the other, and a command at the end."""

from __future__ import annotations

import argparse
import math
import os
import shlex
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from rvc_engine.client.replies import Detached, QueueStarted
from rvc_engine.client.words import duration, stopped_words
from rvc_engine.commands import pipeline
from rvc_engine.commands.display import PlainDisplay
from rvc_engine.commands.flags import TAKE_OVER, given
from rvc_engine.common.failures import understood
from rvc_engine.common.lines import report
from rvc_engine.common.lock import Holder, RunLock, busy, live_holder
from rvc_engine.common.opening import open_to_append
from rvc_engine.common.streams import say, say_json
from rvc_engine.dataset.files import dataset_path
from rvc_engine.disk import require_writable
from rvc_engine.errors import BadInput, Busy, RvcError
from rvc_engine.experiment import Experiment
from rvc_engine.machine.children import Child
from rvc_engine.messages import NOTHING, Message, message_of
from rvc_engine.messages.message import fix_of
from rvc_engine.run import launcher
from rvc_engine.run.begin import check_ready, settle
from rvc_engine.run.conversions import new_conversion, remove_unused
from rvc_engine.run.queue import CONVERT, DAMAGED, DONE, FAILED, RUNNING, WAITING, Entry, RunQueue, deadline_of
from rvc_engine.run.stage_list import stages_until
from rvc_engine.run.status import read_view
from rvc_engine.run.view import RunView
from rvc_engine.workspace import Workspace

LOCK = "queue-run.lock"
START_S = 60.0
ATTACH = "attach"
BEFORE = "   "  # before the lines of a run


def build(parser: argparse.ArgumentParser, name: str) -> None:
    parser.description = f"{parser.description}. rvc convert ... --queue adds a conversion."
    actions = parser.add_subparsers(dest="action", required=True, metavar="add|list|move|remove|run|stop")
    add = actions.add_parser("add", help="add a training to the end of the queue, with the arguments of rvc run")
    pipeline.build(add, "run")
    listing = actions.add_parser("list", help="the entries that are waiting, running or done")
    move = actions.add_parser("move", help="change the order")
    move.add_argument("number", type=int, metavar="N", help="the entry, as rvc queue list numbers it")
    move.add_argument("place", type=int, metavar="PLACE", help="its new place, counted from 1")
    remove = actions.add_parser("remove", help="remove an entry")
    remove.add_argument("number", type=int, metavar="N", help="the entry, as rvc queue list numbers it")
    run = actions.add_parser("run", help="run the waiting entries one after the other")
    run.add_argument(
        "--then", metavar="COMMAND", help="a command to run at the end, also after failures; not run by a shell"
    )
    run.add_argument(
        "--time-limit", metavar="TIME", help="8h, 90m or 06:00: then the run stops (it saves) and the rest fails"
    )
    run.add_argument(
        "--detach", action="store_true", help="return at once; the queue continues, its lines in queue.log"
    )
    run.add_argument(TAKE_OVER, action="store_true", help="take the lock of a queue on another host that is gone")
    stop = actions.add_parser("stop", help="stop the queue and its run, which saves; rvc queue run resumes from there")
    for action in (listing, move, remove, run, stop):
        also = ", with --detach" if action is run else ""
        action.add_argument("--json", action="store_true", help=f"JSON on standard output and nothing else{also}")
    for action in (add, listing, move, remove, run, stop):
        action.add_argument("--home", default=argparse.SUPPRESS, metavar="DIR", help="workspace")


def execute(options: argparse.Namespace, name: str) -> int:
    workspace = Workspace.find(options.home)
    queue = RunQueue(workspace.home)
    if options.action == "add":
        return _add(options, workspace, queue)
    if options.action == "stop":
        return _stop(workspace, as_json=options.json)
    if options.action == "run":
        if options.detach:
            return _detach(options, workspace, queue)
        return run_queue(workspace, queue, options.then, options.time_limit, take_over=options.take_over)
    if options.action == "move":
        queue.move(options.number, options.place)
    elif options.action == "remove":
        queue.remove(options.number)
    return _list(queue, as_json=options.json)


def _add(options: argparse.Namespace, workspace: Workspace, queue: RunQueue) -> int:
    """The run is checked now, so that a typing error does not wait until night."""
    experiment = workspace.experiment(options.name)
    settings, _ = settle(experiment, pipeline.request_of(options))
    stages = stages_until(options.until, settings)
    check_ready(experiment, settings, stages, fresh=options.fresh)
    pipeline.confirm(experiment, settings, stages, options)
    return say_added(queue, queue.add(options.name, words_of(options)), as_json=options.json)


def say_added(queue: RunQueue, entry: Entry, *, as_json: bool) -> int:
    if as_json:
        return _list(queue, as_json=True)
    say(f"{entry.number}: {entry.title} waits; rvc queue run starts the queue")
    return 0


def words_of(options: argparse.Namespace) -> list[str]:
    """The words of `rvc run` that these options came from, paths made absolute."""
    words = ["--dataset", dataset_path(options.dataset)] if options.dataset else []
    words += ["--preset", options.preset] if options.preset else []
    words += ["--no-pitch"] if options.no_pitch else []
    words += ["--fresh"] if options.fresh else []
    words += ["--yes"] if options.yes else []
    words += [TAKE_OVER] if options.take_over else []
    words += ["--until", options.until] if options.until else []
    for key, value in given(options).items():
        words += ["--set", f"{key}={value}"]
    for text in options.set:  # last, as on the command line: of one stage where a flag is for several
        words += ["--set", text]
    return words


def _list(queue: RunQueue, *, as_json: bool) -> int:
    entries = queue.entries()
    if as_json:
        say_json([entry.facts() for entry in entries])
        return 0
    if not entries:
        say("the queue is empty; rvc queue add NAME --dataset FOLDER or rvc convert ... --queue fills it")
    for entry in entries:
        took = f"  {duration(entry.ended_at - entry.started_at)}" if entry.ended_at and entry.started_at else ""
        say(f"{entry.number:>3}  {entry.state:8} {entry.title}{took}{'  ' + entry.outcome if entry.outcome else ''}")
    return 0


# --- running ----------------------------------------------------------------------------------------------------------
class QueueStopped(Exception):
    """With how the run was stopped, once it is."""


def _ending(then: str | None, limit: str | None) -> tuple[list[str], float | None]:
    """The command for the end and the deadline. Raises BadInput for what cannot be one."""
    try:
        action = shlex.split(then) if then else []
    except ValueError as error:
        raise BadInput("commands.no_command", message_of(error), then=then) from error
    return action, deadline_of(limit, time.time()) if limit else None


BUSY = Message("commands.queue_runs")
BUSY_HINT = fix_of(BUSY)


def _detach(options: argparse.Namespace, workspace: Workspace, queue: RunQueue) -> int:
    """The same command again, in a session of its own. Returns when it holds the queue, or has ended."""
    _ending(options.then, options.time_limit)
    holder = live_holder(workspace.home / LOCK)
    if holder is not None and not (options.take_over and not (holder.here and holder.alive)):
        raise busy(workspace.home / LOCK, holder, BUSY, BUSY_HINT)
    log = workspace.home / "queue.log"
    words = ["queue", "run", "--home", str(workspace.home)]
    words += ["--then", options.then] if options.then else []
    words += ["--time-limit", options.time_limit] if options.time_limit else []
    words += [TAKE_OVER] if options.take_over else []
    require_writable(log.parent, Message("run.another_workspace"))
    log.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(open_to_append(log), "ab") as said:
        child = Child("rvc_engine", words, session=True, output=said)
    try:
        _await_start(child, log)
    finally:
        child.leave()
    pid = child.process.pid
    waiting = sum(entry.state in (WAITING, RUNNING) for entry in queue.entries())
    if options.json:
        say_json({"detached": True, "pid": pid, "log": str(log), "waiting": waiting})
    else:
        say(f"the queue runs as process {pid}; its lines are in {log}, rvc queue stop stops it")
    return 0


def _await_start(child: Child, log: Path) -> None:
    """Raises RvcError with its own error when it ends before it holds the queue."""
    if any(isinstance(line, QueueStarted) for line in child.lines(START_S)) or child.late:
        return
    if (code := child.wait()) != 0:
        how = child.problem or Message("commands.exit_code", number=code)
        raise RvcError("commands.queue_did_not_start", how, path=log)


def _stop(workspace: Workspace, *, as_json: bool) -> int:
    holder = live_holder(workspace.home / LOCK)
    if holder is None:
        raise BadInput("commands.queue_does_not_run")
    launcher.ask_to_end(holder, Message("run.the_queue"))
    if as_json:
        say_json({"stopping": holder.pid})
    else:
        say("stopping: the run saves at its next step, then ends; rvc queue run resumes it")
    return 0


def run_queue(
    workspace: Workspace, queue: RunQueue, then: str | None, limit: str | None, *, take_over: bool = False
) -> int:
    """Exit code 0 when every entry is done, 1 when one failed or is damaged, 3 when another process runs the queue, 130
    when stopped."""
    action, deadline = _ending(then, limit)
    require_writable(workspace.home, Message("run.another_workspace"))
    lock = RunLock(workspace.home / LOCK, BUSY, BUSY_HINT)
    if said := lock.acquire(take_over=take_over):
        say(said)
    report(QueueStarted(os.getpid()))

    def on_signal(number: int, frame: FrameType | None) -> None:
        raise QueueStopped

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, on_signal)
    try:
        while (entry := queue.next()) is not None:
            if deadline is not None and time.time() >= deadline:
                queue.mark(entry.number, FAILED, Message("commands.too_late"))
                continue
            _run_entry(workspace, queue, entry, deadline, take_over=take_over)
    except QueueStopped:
        say("stopped: rvc queue run resumes from there")
        return 130
    finally:
        lock.release()
    _list(queue, as_json=False)
    failed = any(entry.state in (FAILED, DAMAGED) for entry in queue.entries())
    if action:
        say(f"then: {shlex.join(action)}")
        try:
            failed = subprocess.call(action) != 0 or failed
        except OSError as error:
            raise BadInput("commands.command_not_run", message_of(error), command=action[0]) from error
    return 1 if failed else 0


def _run_entry(workspace: Workspace, queue: RunQueue, entry: Entry, deadline: float | None, *, take_over: bool) -> None:
    """Run one entry to its end, or follow it where an earlier queue process left it running."""
    try:
        experiment = _place_of(workspace, entry)
    except RvcError as error:
        queue.mark(entry.number, FAILED, error.line)
        return
    converts = entry.command == CONVERT
    name = experiment.name if converts else entry.name
    queue.mark(entry.number, RUNNING, conversion=name if converts else None)
    words = _words_to_run(entry, name, live_holder(experiment.lock), take_over=take_over)
    try:
        code, outcome = _run_words(words, workspace, entry, experiment, deadline)
        if code == Busy.exit_code and entry.state == RUNNING and live_holder(experiment.lock) is not None:
            # an earlier queue process had only just started it
            code, outcome = _run_words(_words_to_attach(name), workspace, entry, experiment, deadline)
    except QueueStopped as stopped:
        if stopped.args:
            queue.mark(entry.number, WAITING, Message("commands.queue_resumes", how=stopped.args[0]))
        raise
    unused = converts and code != 0 and remove_unused(experiment)
    queue.mark(entry.number, FAILED if code else DONE, outcome if code else NOTHING, conversion="" if unused else None)


def _place_of(workspace: Workspace, entry: Entry) -> Experiment:
    """Where it runs. A conversion gets a folder when its turn comes, and keeps it. Raises BadInput."""
    if entry.command != CONVERT:
        return workspace.experiment(entry.name)
    known = workspace.experiment(entry.conversion) if entry.conversion else None
    return known if known is not None and known.folder.is_dir() else new_conversion(workspace)


def _run_words(
    words: list[str], workspace: Workspace, entry: Entry, experiment: Experiment, deadline: float | None
) -> tuple[int, Message]:
    """Start what `rvc WORDS` says, or attach to it, and print what happens. Returns its exit code and what has become
    of the run. Raises QueueStopped with that when the queue was stopped, and the run with it."""
    say("", f"{entry.number}: rvc {shlex.join(words)}")
    with _time_limit(experiment, deadline) as limit:
        try:
            code, outcome = _run_to_end(words, workspace, experiment)
        except QueueStopped:
            launcher.stop(experiment, wait_s=math.inf)  # it saves
            raise QueueStopped(_how_stopped(experiment)) from None
        except (RvcError, OSError) as error:
            known = understood(error, "rvc queue")
            code, outcome = known.exit_code, known.line
            say(f"{BEFORE}rvc {words[0]}: {outcome}")
    return code, Message("commands.time_limit", how=_how_stopped(experiment)) if limit.reached else outcome


def _run_to_end(words: list[str], workspace: Workspace, experiment: Experiment) -> tuple[int, Message]:
    """Raises RvcError for what cannot be attached to, and for a run that refused what it was given."""
    ours, display = words[0] != ATTACH, PlainDisplay(BEFORE)
    if not ours:
        engine = launcher.attach(experiment)
    else:
        child, begun = _request(words, workspace)
        if begun is None:
            code = child.process.returncode or 1
            return code, child.problem or Message("commands.exit_code", number=code)
        for note in begun.notes:
            display.note(note)
        engine = launcher.RunningEngine(experiment, begun.pid, Path(begun.journal))
    view = RunView(name=experiment.name, folder=str(experiment.folder))
    for batch in launcher.follow(engine, brief=not ours):
        pipeline.show(batch, view, display)
    code = pipeline.conclude(view, display, ours=ours)
    return code, display.last


def _request(words: list[str], workspace: Workspace) -> tuple[Child, Detached | None]:
    """Let a process of its own check a run and start its engine. What it prints is passed on."""
    program = [*words, "--detach", "--json", "--home", str(workspace.home)]
    child = Child("rvc_engine", program, session=True, printed=lambda text: say(f"{BEFORE}{text}"))
    try:
        begun = next((line for line in child.lines() if isinstance(line, Detached)), None)
        child.wait()
    except QueueStopped:
        child.wait()  # if it starts an engine, that can be stopped then
        raise
    finally:
        child.leave()
    return child, begun


@dataclass
class _Limit:
    reached: bool = False


@contextmanager
def _time_limit(experiment: Experiment, deadline: float | None) -> Iterator[_Limit]:
    """Stops the run at the deadline."""
    limit = _Limit()

    def on_alarm(number: int, frame: FrameType | None) -> None:
        limit.reached = True
        if not launcher.stop(experiment):
            signal.setitimer(signal.ITIMER_REAL, 0.5)  # it has only just been started: ask again

    signal.signal(signal.SIGALRM, on_alarm)
    if deadline is not None:
        signal.setitimer(signal.ITIMER_REAL, max(0.01, deadline - time.time()))
    try:
        yield limit
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _how_stopped(experiment: Experiment) -> Message:
    """What the journal says of the end of its newest run."""
    stop = read_view(experiment).stop
    return stopped_words(stop) if stop is not None else Message("client.stopped")


def _words_to_run(entry: Entry, name: str, holder: Holder | None, *, take_over: bool) -> list[str]:
    """`take_over`: of a queue whose host is gone; then what it left running is gone too, if it cannot be seen here."""
    interrupted = entry.state == RUNNING
    if interrupted and holder is not None and not (take_over and not (holder.here and holder.alive)):
        return _words_to_attach(name)
    place = ["--resume", name] if entry.command == CONVERT else []
    taking = [TAKE_OVER] if take_over and interrupted else []
    return [entry.command, entry.name, *_once(entry), *place, *taking, "--plain"]


def _words_to_attach(name: str) -> list[str]:
    return [ATTACH, name, "--plain"]


def _once(entry: Entry) -> list[str]:
    """--fresh counts for the first start only: a run that was interrupted resumes."""
    return [word for word in entry.words if word != "--fresh" or not entry.started_at]
