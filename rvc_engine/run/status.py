"""The state of an experiment now: its newest journal, its lock and its heartbeat."""

from __future__ import annotations

import math
import time
from pathlib import Path

import psutil

from rvc_engine.common.heartbeat import Heartbeat
from rvc_engine.common.lock import live_holder
from rvc_engine.common.opening import open_file
from rvc_engine.errors import BadInput, RvcError
from rvc_engine.experiment import Experiment, journals
from rvc_engine.run import snapshot
from rvc_engine.run.damage import cannot_read, check_folder, problem_of
from rvc_engine.run.journal import JournalReader
from rvc_engine.run.supervisor import WRITING_S
from rvc_engine.run.view import RunView

FROZEN_S = 10.0  # with an older heartbeat the engine is not being executed: it is suspended, or the machine was


def read_view(experiment: Experiment) -> RunView:
    """The state of an experiment now: from a replay of its newest journal, and from its lock, which knows whether the
    engine lives. Its curves are incomplete.

    Never raises for damaged or unreadable files: then the view has an error.
    """
    try:
        return _read_view(experiment)
    except OSError as error:
        wrong: RvcError = cannot_read(error, experiment.folder)
    except RvcError as error:
        wrong = error
    view = RunView(name=experiment.name, folder=str(experiment.folder))
    view.note_unreadable(wrong)
    return view


def _read_view(experiment: Experiment) -> RunView:
    check_folder(experiment)
    files = journals(experiment.runs)
    holder = live_holder(experiment.lock)  # before the journal, so that no engine seems to live after its end event
    if not files:
        view = RunView(name=experiment.name, folder=str(experiment.folder))
        view.problem = problem_of(experiment)
        return view
    view, reader = _replayed(experiment, files[-1])
    deadline = time.monotonic() + WRITING_S
    while (
        view.state == "running"
        and holder is None
        and is_supervisor_alive(view.supervisor)
        and time.monotonic() < deadline
    ):
        time.sleep(0.02)  # its supervisor is about to record how it ended
        view.fold_all(reader)
    if not view.run and not view.updated_at and reader.offset:
        raise BadInput("run.empty_journal", path=files[-1])
    view.problem = problem_of(experiment, files[-1], reader.mistyped)
    if view.state == "running" and (holder is None or holder.pid != view.pid):
        view.note_gone()
    elif (
        view.state == "running" and (beat := Heartbeat.read(experiment.heartbeat)) is not None and beat.pid == view.pid
    ):
        now = time.time()
        view.silent_s = max(0.0, now - beat.event_at)
        view.stuck = view.silent_s > (beat.stuck_after_s or math.inf) or now - beat.at > FROZEN_S
    return view


def _replayed(experiment: Experiment, journal: Path) -> tuple[RunView, JournalReader]:
    """Starts from the snapshot if there is one; saves a new one when much was read."""
    about = journal.stat()
    view, reader = _from_snapshot(journal) or (
        RunView(name=experiment.name, folder=str(experiment.folder)),
        JournalReader(journal, brief=True),
    )
    view.move_to(experiment)
    known = reader.offset
    view.fold_all(reader)
    if reader.offset - known >= snapshot.WORTH_BYTES:
        snapshot.save(journal, about, reader.offset, {"view": view.to_record(), "mistyped": reader.mistyped})
    return view, reader


def _from_snapshot(journal: Path) -> tuple[RunView, JournalReader] | None:
    found = snapshot.load(journal)
    if found is None:
        return None
    offset, state = found
    try:
        view, reader = RunView.from_record(state["view"]), JournalReader(journal, brief=True, offset=offset)
        reader.mistyped = int(state["mistyped"])
    except (KeyError, TypeError, ValueError):
        return None
    return view, reader


def is_supervisor_alive(pid: int) -> bool:
    """Checks the command line too: the process ID may have been reused."""
    try:
        return pid > 0 and "rvc_engine.run.supervisor" in psutil.Process(pid).cmdline()
    except psutil.Error:
        return False


def log_tail(experiment: Experiment, lines: int = 8) -> list[str]:
    """The last lines that the engine and its libraries printed."""
    try:
        with open_file(experiment.engine_log) as log:
            log.seek(max(0, experiment.engine_log.stat().st_size - 8192))
            return log.read().decode(errors="replace").splitlines()[-lines:]
    except OSError:
        return []
