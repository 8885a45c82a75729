"""rvc queue: voices one after the other, and a command at the end."""

from __future__ import annotations

import argparse
import json
import shlex
import signal
import subprocess
import sys
import time
from types import FrameType

from rvc_engine import launcher
from rvc_engine.commands import pipeline
from rvc_engine.commands.display import duration
from rvc_engine.commands.flags import given
from rvc_engine.errors import BadInput, Busy
from rvc_engine.experiment import Experiment, Workspace, clean_path
from rvc_engine.lock import RunLock, live_holder
from rvc_engine.pipeline import stages_until
from rvc_engine.run_queue import DONE, FAILED, RUNNING, WAITING, Entry, RunQueue, deadline_of


def build(parser: argparse.ArgumentParser, name: str) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="add|list|move|remove|run")
    add = actions.add_parser("add", help="put a run at the end of the queue; takes what rvc run takes")
    pipeline.build(add, "run")
    listing = actions.add_parser("list", help="what waits, runs and has ended")
    listing.add_argument("--json", action="store_true", help="JSON on standard output and nothing else")
    move = actions.add_parser("move", help="change the order")
    move.add_argument("number", type=int, metavar="N", help="the entry, as rvc queue list numbers it")
    move.add_argument("place", type=int, metavar="PLACE", help="its new place, counted from 1")
    remove = actions.add_parser("remove", help="take an entry out")
    remove.add_argument("number", type=int, metavar="N", help="the entry, as rvc queue list numbers it")
    run = actions.add_parser("run", help="run what waits, one after the other")
    run.add_argument("--then", metavar="COMMAND", help="a command for the end, when all is done or failed; not run by a shell")
    run.add_argument("--time-limit", metavar="TIME", help="8h, 90m or 06:00: then the run stops (it saves) and the rest fails")
    for action in (add, listing, move, remove, run):
        action.add_argument("--home", default=argparse.SUPPRESS, metavar="DIR", help="workspace")


def execute(options: argparse.Namespace, name: str) -> int:
    workspace = Workspace.find(options.home)
    queue = RunQueue(workspace.home)
    if options.action == "add":
        return _add(options, workspace, queue)
    if options.action == "list":
        return _list(queue, as_json=options.json)
    if options.action == "move":
        queue.move(options.number, options.place)
        return _list(queue, as_json=False)
    if options.action == "remove":
        queue.remove(options.number)
        return _list(queue, as_json=False)
    return run_queue(workspace, queue, options.then, options.time_limit)


def _add(options: argparse.Namespace, workspace: Workspace, queue: RunQueue) -> int:
    """The run is checked now, so that a typing error does not wait until night."""
    experiment = workspace.experiment(options.name)
    settings, _ = pipeline.settle(experiment, options)
    pipeline.check_ready(experiment, settings, stages_until(options.until, settings), fresh=options.fresh)
    entry = queue.add(options.name, words_of(options))
    print(f"{entry.number}: {entry.name} waits; rvc queue run starts the queue")
    return 0


def words_of(options: argparse.Namespace) -> list[str]:
    """The words of `rvc run` that these options came from, paths made absolute."""
    words = ["--dataset", clean_path(options.dataset)] if options.dataset else []
    words += ["--preset", options.preset] if options.preset else []
    words += ["--no-pitch"] if options.no_pitch else []
    words += ["--fresh"] if options.fresh else []
    words += ["--until", options.until]
    for text in options.set:
        words += ["--set", text]
    for key, value in given(options).items():
        words += ["--set", f"{key}={value}"]
    return words


def _list(queue: RunQueue, *, as_json: bool) -> int:
    entries = queue.entries()
    if as_json:
        print(json.dumps([vars(entry) for entry in entries]))
        return 0
    if not entries:
        print("the queue is empty; rvc queue add NAME --dataset FOLDER fills it")
    for entry in entries:
        took = f"  {duration(entry.ended_at - entry.started_at)}" if entry.ended_at and entry.started_at else ""
        print(f"{entry.number:>3}  {entry.state:8} {entry.name}{took}{'  ' + entry.outcome if entry.outcome else ''}")
    return 0


# --- running ----------------------------------------------------------------------------------------------------------
class QueueStopped(Exception):
    pass


def run_queue(workspace: Workspace, queue: RunQueue, then: str | None, limit: str | None) -> int:
    """Exit code 0 when every entry is done, 1 when one failed, 3 when another process runs the queue, 130 when stopped."""
    action = shlex.split(then) if then else []
    deadline = deadline_of(limit, time.time()) if limit else None
    lock = RunLock(workspace.home / "queue-run.lock")
    try:
        lock.acquire()
    except Busy as busy:
        raise Busy("Another process runs this queue", busy.message, "rvc queue list shows how far it is") from busy

    def on_signal(number: int, frame: FrameType | None) -> None:
        raise QueueStopped

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, on_signal)
    try:
        while (entry := queue.next()) is not None:
            if deadline is not None and time.time() >= deadline:
                queue.mark(entry.number, FAILED, "the time limit was reached before its turn")
                continue
            _run_entry(workspace, queue, entry, deadline)
    except QueueStopped:
        print("stopped: rvc queue run goes on from there", flush=True)
        return 130
    finally:
        lock.release()
    _list(queue, as_json=False)
    failed = any(entry.state == FAILED for entry in queue.entries())
    if action:
        print(f"then: {shlex.join(action)}", flush=True)
        try:
            failed = subprocess.call(action) != 0 or failed
        except OSError as error:
            raise BadInput(f"{action[0]} cannot be run", str(error), "check the command given with --then") from error
    return 1 if failed else 0


def _run_entry(workspace: Workspace, queue: RunQueue, entry: Entry, deadline: float | None) -> None:
    """Run one entry to its end, or follow it where an earlier queue process left it running."""
    experiment = workspace.experiment(entry.name)
    left_running = entry.state == RUNNING and live_holder(experiment.lock) is not None
    words = ["attach", entry.name, "--plain"] if left_running else ["run", entry.name, *_once(entry), "--plain"]
    print(f"\n{entry.number}: rvc {shlex.join(words)}", flush=True)
    queue.mark(entry.number, RUNNING)
    command = [sys.executable, "-m", "rvc_engine", *words, "--home", str(workspace.home)]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True, errors="replace",
        env=launcher.engine_environment(), start_new_session=True,
    )  # fmt: skip
    try:
        last, late = _follow(process, experiment, deadline)
    except QueueStopped:
        launcher.stop(experiment)  # it saves
        process.wait()
        queue.mark(entry.number, WAITING, "stopped; goes on with rvc queue run")
        raise
    if process.returncode == 0:
        queue.mark(entry.number, DONE)
    else:
        queue.mark(entry.number, FAILED, "the time limit was reached; what it has is saved" if late else last)


def _once(entry: Entry) -> list[str]:
    """--fresh counts for the first start only: a run that was interrupted goes on."""
    return [word for word in entry.words if word != "--fresh" or not entry.started_at]


def _follow(process: subprocess.Popen[str], experiment: Experiment, deadline: float | None) -> tuple[str, bool]:
    """Pass its lines on; the last one, and whether the time limit ended it."""
    last, late = "", False

    def on_alarm(number: int, frame: FrameType | None) -> None:
        nonlocal late
        late = True
        if not launcher.stop(experiment):
            signal.setitimer(signal.ITIMER_REAL, 0.5)  # it has only just been started: ask again

    signal.signal(signal.SIGALRM, on_alarm)
    if deadline is not None:
        signal.setitimer(signal.ITIMER_REAL, max(0.01, deadline - time.time()))
    assert process.stdout is not None
    try:
        for line in process.stdout:
            print(f"   {line}", end="", flush=True)
            last = line.strip() or last
        process.wait()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    return last, late
