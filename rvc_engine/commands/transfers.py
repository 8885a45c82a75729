"""How downloads are displayed: a bar a file on a terminal, plain lines elsewhere, or one JSON object a line."""

from __future__ import annotations

import os
import sys
import time
from types import TracebackType
from typing import Any

from rvc_engine.assets.download import Transfer
from rvc_engine.client.replies import FileTransfer
from rvc_engine.common.lines import error_to_record
from rvc_engine.common.printable import printable
from rvc_engine.common.streams import say, say_json


class TransferDisplay:
    """Called with the transfers a few times a second, inside `with`."""

    def __enter__(self) -> TransferDisplay:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def __call__(self, transfers: list[Transfer]) -> None: ...


def choose_watch(*, plain: bool, as_json: bool) -> TransferDisplay:
    if as_json:
        return Lines(as_json=True)
    if plain or not sys.stdout.isatty() or os.environ.get("TERM") == "dumb":
        return Lines(as_json=False)
    return Bars()


class Lines(TransferDisplay):
    """A line when a file starts, ends, or every two seconds on its way."""

    interval = 2.0

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self._state: dict[str, str] = {}
        self._said: dict[str, tuple[float, int]] = {}

    def __call__(self, transfers: list[Transfer]) -> None:
        now = time.monotonic()
        for transfer in transfers:
            name = transfer.asset.name
            changed = self._state.get(name, "waiting") != transfer.state
            at, done = self._said.get(name, (now, transfer.done))
            if changed or (transfer.state == "downloading" and now - at >= self.interval):
                speed = (transfer.done - done) / (now - at) if now > at else 0.0
                if self.as_json:
                    _say_json(transfer, speed)
                else:
                    say(self._words(transfer, speed))
                self._said[name] = (now, transfer.done)
            self._state[name] = transfer.state

    def _words(self, transfer: Transfer, speed: float) -> str:
        name, done = transfer.asset.name, transfer.done / 1e6
        if transfer.state == "failed":
            return f"{name}: failed: {transfer.error}" if transfer.error else f"{name}: stopped at {done:.1f} MB"
        if transfer.state != "downloading":
            return f"{name}: {transfer.state} ({done:.1f} MB)"
        total = f" of {transfer.total / 1e6:.1f}" if transfer.total else ""
        left = f", {(transfer.total - transfer.done) / speed:.0f} s left" if transfer.total and speed else ""
        rate = f", {speed / 1e6:.1f} MB/s{left}" if speed else (", resumed" if transfer.resumed_at else "")
        return f"{name}: {done:.1f}{total} MB{rate}"


def _say_json(transfer: Transfer, speed: float) -> None:
    facts: dict[str, Any] = {"file": transfer.asset.name, "done": transfer.done, "total": transfer.total}
    if transfer.state == "downloading":
        facts |= {"bytes_per_s": round(speed), "resumed_at": transfer.resumed_at}
    if transfer.error is not None:
        facts["error"] = error_to_record(transfer.error)
    say_json({"event": transfer.state, **facts}, line=FileTransfer(state=transfer.state, **facts))


class Bars(TransferDisplay):
    def __init__(self) -> None:
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
            TransferSpeedColumn,
        )

        name, state = (TextColumn(text, markup=False) for text in ("{task.description:<16}", "{task.fields[state]}"))
        columns = (name, BarColumn(20), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn(), state)
        self._progress = Progress(*columns, refresh_per_second=5)
        self._tasks: dict[str, Any] = {}

    def __enter__(self) -> Bars:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def __call__(self, transfers: list[Transfer]) -> None:
        for transfer in transfers:
            name = transfer.asset.name
            if name not in self._tasks:
                self._tasks[name] = self._progress.add_task(
                    printable(name), total=transfer.total, completed=transfer.done, state=""
                )
            self._progress.update(
                self._tasks[name], total=transfer.total, completed=transfer.done, state=transfer.state
            )
