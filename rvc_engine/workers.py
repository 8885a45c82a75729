"""Worker processes for work that holds the interpreter lock. They end with the process that started them, however it ends."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from concurrent.futures import ProcessPoolExecutor

from rvc_engine.device import cores


def worker_count(asked: int, items: int) -> int:
    """0 asks for one a core; never more than there are items."""
    return max(1, min(asked or cores(), items))


def worker_pool(count: int) -> ProcessPoolExecutor:
    """Spawned, never forked: the engine has threads."""
    return ProcessPoolExecutor(count, mp_context=multiprocessing.get_context("spawn"), initializer=_become_worker, initargs=(os.getpid(),))


def _become_worker(parent: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the engine decides when to stop
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    threading.Thread(target=_leave_with, args=(parent,), daemon=True).start()


def _leave_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)
