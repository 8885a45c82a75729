"""How the command line shows a run: a progress display on a terminal, plain lines elsewhere, or one event a line."""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any, Protocol

from rvc_engine import events as ev
from rvc_engine.status import RunView


class Display(Protocol):
    every_event: bool  # also those of a run that is followed late; else what later ones overwrite is left out

    def show(self, event: ev.Event, view: RunView) -> None: ...
    def tick(self, view: RunView) -> None: ...
    def note(self, text: str) -> None: ...
    def ask_stop(self) -> bool: ...
    def end(self, view: RunView) -> None: ...


def choose_display(*, plain: bool, as_json: bool) -> Display:
    if as_json:
        return JsonDisplay()
    if plain or not sys.stdout.isatty() or os.environ.get("TERM") == "dumb":
        return PlainDisplay()
    return LiveDisplay()


class JsonDisplay:
    every_event = True

    def show(self, event: ev.Event, view: RunView) -> None:
        print(json.dumps(ev.to_dict(event)), flush=True)

    def tick(self, view: RunView) -> None: ...

    def note(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    def ask_stop(self) -> bool:
        return True

    def end(self, view: RunView) -> None: ...


def line_of(event: ev.Event) -> str | None:
    """One event in words; None for what a reader of lines does not need."""
    if isinstance(event, ev.RunStarted):
        return f"run {event.run} of {event.name} ({event.preset}): {', '.join(event.stages)}"
    if isinstance(event, ev.StageStarted):
        return f"{event.stage}: started ({event.reason})"
    if isinstance(event, ev.StageSkipped):
        return f"{event.stage}: skipped ({event.reason})"
    if isinstance(event, ev.ItemSkipped):
        return f"{event.stage}: left out {event.item!r}: {event.reason}"
    if isinstance(event, ev.MovedAside):
        return f"{event.stage}: old work moved to {event.path} ({event.reason})"
    if isinstance(event, ev.Warned):
        return f"warning: {'. '.join(filter(None, (event.title, event.message, event.hint)))}"
    if isinstance(event, ev.EpochFinished):
        losses = "  ".join(f"{name} {event.losses[name]:.3f}" for name in event.losses)
        return f"train: epoch {event.epoch}/{event.epochs}  step {event.step}  {losses}  ({duration(event.seconds)})"
    if isinstance(event, ev.CheckpointSaved) and event.kind != "resume":
        return f"{event.stage}: saved {event.path}"
    if isinstance(event, ev.Audition):
        return f"train: epoch {event.epoch} to hear: {event.path}"
    if isinstance(event, ev.Converted):
        return f"convert: {event.source} -> {event.path} ({event.seconds:.2f} s)"
    if isinstance(event, ev.Paused):
        return f"{event.stage}: paused, {event.reason}"
    if isinstance(event, ev.Resumed):
        return f"{event.stage}: goes on after {duration(event.waited_s)}"
    if isinstance(event, ev.StepsSuperseded):
        return f"{event.stage}: goes on after step {event.after_step}"
    if isinstance(event, ev.StageFinished):
        return f"{event.stage}: done in {duration(event.seconds)}"
    return None


def duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes = int(seconds // 60)
    return f"{minutes // 60} h {minutes % 60:02d} min" if minutes >= 60 else f"{minutes} min {int(seconds % 60):02d} s"


def size(count: int) -> str:
    value = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < 1024 or unit == "GiB":
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{count} B"


class PlainDisplay:
    """A line an event; a stage's progress at most every `interval` seconds."""

    interval = 2.0
    every_event = False

    def __init__(self) -> None:
        self._progress_at = 0.0
        self._counter = ("", -1)

    def note(self, text: str) -> None:
        print(text, flush=True)

    def show(self, event: ev.Event, view: RunView) -> None:
        line = line_of(event)
        if line is None and isinstance(event, ev.Progressed | ev.TrainStepped):
            line = self._progress(event, view)
        if line is not None:
            print(line, flush=True)

    def _progress(self, event: ev.Progressed | ev.TrainStepped, view: RunView) -> str | None:
        now = time.monotonic()
        if isinstance(event, ev.TrainStepped):
            if event.step > 1 and now - self._progress_at < 5 * self.interval:
                return None
            self._progress_at = now
            losses = "  ".join(f"{name} {value:.3f}" for name, value in event.losses.items())
            epoch = f"epoch {event.epoch}/{event.epochs}  " if event.epochs else ""
            return f"{event.stage}: {epoch}step {event.step}  {losses}"
        last = event.total and event.done >= event.total
        if event.unit in ("steps", "artefacts") or (not last and now - self._progress_at < self.interval):
            return None
        if self._counter == (event.stage, event.done):
            return None
        self._counter, self._progress_at = (event.stage, event.done), now
        return f"{event.stage}: {event.done}/{event.total} {event.unit}"

    def tick(self, view: RunView) -> None: ...

    def ask_stop(self) -> bool:
        return True

    def end(self, view: RunView) -> None:
        print_end(view)


def print_end(view: RunView) -> None:
    """The truth, last: artefacts with their sizes, or why there are none and what to do."""
    if view.state == "finished":
        print(f"finished: {view.name} in {duration(view.updated_at - view.started_at)}")
        for artefact in view.artefacts:
            print(f"  {size(artefact['bytes']):>10}  sha256 {artefact['sha256']}")
            print(f"artefact: {artefact['path']}", flush=True)
    elif view.state == "stopped":
        print(f"stopped: {view.name} during {view.stage or 'the start'}; rvc run {view.name} goes on from there", flush=True)
    else:
        error: dict[str, Any] = view.error or {"title": "unknown", "message": "", "hint": ""}
        print(f"failed: {view.stage + ': ' if view.stage else ''}{error_line(error)}", flush=True)


def error_line(error: dict[str, Any]) -> str:
    text = ". ".join(str(error[key]).strip().rstrip(".") for key in ("title", "message", "hint") if error.get(key))
    return " ".join(text.split())


class LiveDisplay:
    """A bar for the stage that runs, lines above it for what stays worth knowing."""

    every_event = False

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

        self._console = Console(highlight=False)
        spinner = SpinnerColumn("line") if self._console.is_terminal else TextColumn("")
        columns = (TextColumn("{task.description:<11}"), BarColumn(24), MofNCompleteColumn(), TextColumn("{task.fields[unit]}"))
        self._progress = Progress(spinner, *columns, TimeElapsedColumn(), TimeRemainingColumn(), TextColumn("{task.fields[losses]}"),
                                  console=self._console, refresh_per_second=4)  # fmt: skip
        self._task: Any = None
        self._stage = ""
        self._progress.start()

    def note(self, text: str) -> None:
        self._console.print(text, markup=False)

    def show(self, event: ev.Event, view: RunView) -> None:
        line = line_of(event)
        if line is not None and not isinstance(event, ev.EpochFinished):
            self._console.print(line, markup=False)

    def tick(self, view: RunView) -> None:
        stage = view.stages.get(view.stage)
        if stage is None:
            return
        if self._stage != stage.name:
            if self._task is not None:
                self._progress.remove_task(self._task)
            self._task, self._stage = self._progress.add_task(stage.name, total=None, unit="", losses=""), stage.name
        losses = "  ".join(f"{name} {view.losses[name]:.2f}" for name in list(view.losses)[:2]) if stage.unit == "steps" else ""
        unit = f"{stage.unit} (epoch {view.epoch}/{view.epochs})" if stage.name == "train" and view.epochs else stage.unit
        self._progress.update(self._task, total=stage.total or None, completed=stage.done, unit=unit, losses=losses)

    def ask_stop(self) -> bool:
        self._progress.stop()
        try:
            answer = input("\nStop the run (it saves first), or leave it running? [s/L] ")
        except (EOFError, KeyboardInterrupt):
            answer = ""
        self._progress.start()
        return answer.strip().lower().startswith("s")

    def end(self, view: RunView) -> None:
        if self._task is not None:
            self._progress.remove_task(self._task)
        self._progress.stop()
        print_end(view)
