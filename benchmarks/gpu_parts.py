"""Runs the parts of gpu_check.py: each a process with a time limit, whose figures are kept as they come."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


def run(
    limits: dict[str, int], command: Callable[[str], list[str]], keep: Callable[[dict[str, Any]], None]
) -> dict[str, Any]:
    """`limits`: seconds of each part; what one does not need, the ones after it may use. `keep` gets the result after
    each figure and each part."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, cwd=ROOT).stdout
    date = time.strftime("%Y-%m-%d", time.gmtime())
    result: dict[str, Any] = {"commit": commit.strip(), "date": date, "figures": []}
    result["unfinished"] = unfinished = dict.fromkeys(limits, "not begun")
    until = time.monotonic()
    for name, limit in limits.items():
        until, started = until + limit, time.monotonic()
        print(f"== {name}", flush=True)
        unfinished[name] = "ended from outside"
        with started_part(command(name)) as process:
            for line in lines_until(process, until):
                print(line, flush=True)
                if (figure := figure_in(line)) is not None:
                    result["figures"].append(figure)
                    keep(result)
            late = process.poll() is None and time.monotonic() >= until
        ended = f"not done after {time.monotonic() - started:.0f} s" if late else f"exit code {process.returncode}"
        print(f"{ended}, {time.monotonic() - started:.0f} s", flush=True)
        unfinished[name] = ended
        if not late and process.returncode == 0:
            del unfinished[name]
        keep(result)
    return result


def figure_in(line: str) -> dict[str, Any] | None:
    """None for what else is printed, and for half a line of a part that was killed."""
    with suppress(ValueError):
        found = json.loads(line)
        return found if isinstance(found, dict) else None
    return None


@contextmanager
def started_part(command: list[str]) -> Iterator[subprocess.Popen[str]]:
    """Nothing of its process group outlives the block."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, start_new_session=True)
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def lines_until(process: subprocess.Popen[str], until: float) -> Iterator[str]:
    """What it prints, up to its end or this time."""
    printed: queue.Queue[str | None] = queue.Queue()

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            printed.put(line.rstrip("\n"))
        process.wait()
        printed.put(None)

    threading.Thread(target=read, daemon=True).start()
    with suppress(queue.Empty):
        while (line := printed.get(timeout=max(0.0, until - time.monotonic()))) is not None:
            yield line
