"""How far the measuring of a folder is, on standard error: a bar on a terminal, else a line every two seconds."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from rvc_engine.common.lines import report
from rvc_engine.common.streams import say
from rvc_engine.dataset.report import FileReport
from rvc_engine.events import Progressed

QUIET_S = 1.0
"""What is done by then shows no progress."""
INTERVAL_S = 2.0


class ProgressDisplay(Protocol):
    def __call__(self, done: int, name: str) -> None: ...


def watched(reports: Iterable[FileReport | None], total: int, *, plain: bool) -> list[FileReport]:
    """All reports; their progress is displayed."""
    live = not plain and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
    found: list[FileReport] = []
    with bar(total) if live else lines(total) as show:
        show(0, "")
        for report in reports:
            if report is not None:
                found.append(report)
            show(len(found), found[-1].name if found else "")
    return found


@contextmanager
def lines(total: int) -> Iterator[ProgressDisplay]:
    started = last = time.monotonic()
    said = False

    def show(done: int, name: str) -> None:
        nonlocal last, said
        now = time.monotonic()
        if now - last >= (INTERVAL_S if said else QUIET_S):
            last, said = now, True
            say(f"dataset: {done}/{total} files, {now - started:.0f} s", error=True)
            report(Progressed(stage="dataset", done=done, total=total, unit="files", item=name))

    yield show


@contextmanager
def bar(total: int) -> Iterator[ProgressDisplay]:
    """It shows itself after a second and goes away at the end."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns: tuple[Any, ...] = (
        SpinnerColumn("line"),
        TextColumn("measuring"),
        BarColumn(24),
        MofNCompleteColumn(),
        TextColumn("files"),
    )
    progress = Progress(
        *columns, TimeElapsedColumn(), TimeRemainingColumn(), console=Console(stderr=True), transient=True
    )
    task = progress.add_task("", total=total)
    begin = threading.Timer(QUIET_S, progress.start)
    begin.start()
    try:
        yield lambda done, name: progress.update(task, completed=done)
    finally:
        begin.cancel()
        begin.join()
        progress.stop()
