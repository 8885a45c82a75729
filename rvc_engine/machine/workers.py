"""Work on every core: processes, which end with the one that started them, for what holds the interpreter lock; threads
for what torch does."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import forkserver
from pathlib import Path
from typing import TypeVar

from rvc_engine.common.opening import open_to_append
from rvc_engine.common.scratch import gather_temporaries
from rvc_engine.errors import RvcError, reason_of
from rvc_engine.machine.cpu import cores

Task = TypeVar("Task")
Result = TypeVar("Result")
PATIENCE_S = 5.0
LOG: Path | None = None
"""Where workers print; None: where the server that they are forked from does."""


def worker_count(asked: int, items: int) -> int:
    """0 asks for one a core; never more than there are items."""
    return max(1, min(asked or cores(), items))


def log_to(path: Path) -> None:
    """All that this process and its libraries print goes there."""
    file = open_to_append(path)
    for stream in (1, 2):
        os.dup2(file, stream)
    os.close(file)


def prepare_workers(modules: Sequence[str]) -> None:
    """Start the server that workers are forked from, and let it import these modules, beside what the caller does
    meanwhile. Without it the server starts with the first worker, and each worker imports for itself. It ends with this
    process."""
    multiprocessing.get_context("forkserver").set_forkserver_preload(list(modules))
    forkserver.ensure_running()


def worker_pool(count: int) -> ProcessPoolExecutor:
    """Forked from a server without threads, never from the engine itself, which has some."""
    gather_temporaries()
    context = multiprocessing.get_context("forkserver")
    try:
        context.Lock()
    except OSError as error:
        raise RvcError("machine.no_shared_memory", reason=reason_of(error)) from error
    return ProcessPoolExecutor(count, mp_context=context, initializer=_become_worker, initargs=(LOG,))


def _become_worker(log: Path | None) -> None:
    if log is not None:
        log_to(log)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the engine decides when to stop
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    threading.Thread(target=_leave_with_parent, daemon=True).start()


def _leave_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def results_of(
    work: Callable[[Task], Result], tasks: Sequence[Task], workers: int
) -> Generator[Result | None, None, None]:
    """Results as they finish; None each time that 5 s passed without one, so that the caller can be stopped.

    Closing ends the workers at once. Raises RvcError when a worker dies.
    """
    pool = worker_pool(workers)
    waiting: set[Future[Result]] = set()
    whole = False
    try:
        waiting = _submitted(pool, work, tasks)
        while waiting:
            finished, waiting = wait(waiting, timeout=PATIENCE_S, return_when=FIRST_COMPLETED)
            if not finished:
                yield None
            for future in finished:
                yield future.result()
        whole = True
    except BrokenProcessPool as error:
        raise RvcError("machine.worker_ended") from error
    finally:
        _end(pool, at_once=not whole)


def _submitted(pool: ProcessPoolExecutor, work: Callable[[Task], Result], tasks: Sequence[Task]) -> set[Future[Result]]:
    """Raises BrokenProcessPool when a worker is dead by then, also one that dies before it has read what it is to
    do."""
    try:
        return {pool.submit(work, task) for task in tasks}
    except (BrokenPipeError, ConnectionResetError, EOFError) as error:
        raise BrokenProcessPool from error


def _end(pool: ProcessPoolExecutor, *, at_once: bool) -> None:
    # the pool offers no way to end them before Python 3.14
    processes = list((pool._processes or {}).values()) if at_once else []
    pool.shutdown(wait=not at_once, cancel_futures=True)
    for process in processes:
        process.terminate()
    for process in processes:
        process.join(10)
