"""How the command line shows a run: a progress display on a terminal, plain lines elsewhere, or one event a line."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from typing import Any, Protocol

from rvc_engine import events as ev
from rvc_engine.client.words import duration, line_of, sentences, size, stopped_words
from rvc_engine.common.printable import LONG, printable
from rvc_engine.common.streams import ask, say, say_json
from rvc_engine.experiment import resumed_by
from rvc_engine.messages import NOTHING, Message, joined, verbatim
from rvc_engine.run.stage_list import has_epochs
from rvc_engine.run.view import RunView

COLUMN = 60  # characters of a foreign text beside a bar


class Display(Protocol):
    every_event: bool  # also those of a run that is followed late; else what later ones overwrite is left out

    def show(self, event: ev.Event, view: RunView) -> None: ...
    def tick(self, view: RunView) -> None: ...
    def note(self, text: str) -> None: ...
    def ask_stop(self) -> bool: ...
    def end(self, view: RunView) -> None: ...
    def close(self) -> None: ...  # without a word


def choose_display(*, plain: bool, as_json: bool) -> Display:
    if as_json:
        return JsonDisplay()
    if plain or not sys.stdout.isatty() or os.environ.get("TERM") == "dumb":
        return PlainDisplay()
    return LiveDisplay()


class JsonDisplay:
    every_event = True

    def show(self, event: ev.Event, view: RunView) -> None:
        say_json(ev.to_dict(event), line=event)

    def tick(self, view: RunView) -> None: ...

    def note(self, text: str) -> None:
        say(text, error=True)

    def ask_stop(self) -> bool:
        return True

    def end(self, view: RunView) -> None: ...

    def close(self) -> None: ...


class PlainDisplay:
    """A line an event; a stage's progress at most every `interval` seconds."""

    interval = 2.0
    every_event = False

    def __init__(self, before: str = "") -> None:
        """`before`: what each line begins with."""
        self.before, self.last = before, NOTHING
        self._progress_at = 0.0
        self._counter = ("", -1)

    def note(self, text: str) -> None:
        say(f"{self.before}{printable(text, LONG)}")
        self.last = verbatim(text if isinstance(text, Message) else text.strip()) or self.last

    def show(self, event: ev.Event, view: RunView) -> None:
        line: str | None = line_of(event)
        if line is None and isinstance(event, ev.Progressed | ev.TrainStepped):
            line = self._progress(event, view)
        if line is not None:
            self.note(line)

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
        for line in end_lines(view):
            self.note(line)

    def close(self) -> None: ...


def end_lines(view: RunView) -> list[str]:
    """The truth, last: artefacts with their sizes, or why there are none and what to do."""
    if view.state == "finished":
        lines = [f"finished: {view.name} in {duration(view.updated_at - view.started_at)}"]
        for artefact in view.artefacts:
            lines.append(f"  {size(artefact['bytes']):>10}  sha256 {artefact['sha256']}")
            lines.append(f"artefact: {artefact['path']}")
        return lines
    return [stop_line(view) if view.state == "stopped" else failure_line(view)]


def stop_line(view: RunView) -> Message:
    how = resumed_by(view.name)
    if view.stop is not None and view.stop.saved is not None:
        kept = Message("commands.progress_saved") if view.stop.saved else stopped_words(view.stop)
        how = joined(kept, how)
    code = "commands.run_stopped_in" if view.stage else "commands.run_stopped"
    return Message(code, name=view.name, stage=view.stage, how=how)


def failure_line(view: RunView) -> Message:
    error = error_line(view.error) if view.error else Message("commands.unknown")
    code = "commands.run_failed_in" if view.stage else "commands.run_failed"
    return Message(code, stage=view.stage, error=error)


def error_line(error: Mapping[str, Message]) -> Message:
    return sentences(error["title"], error["message"], error["hint"])


class LiveDisplay:
    """A bar for the stage that runs, lines above it for what stays worth knowing."""

    every_event = False

    def __init__(self) -> None:
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

        self._console = Console(highlight=False)
        spinner = SpinnerColumn("line") if self._console.is_terminal else TextColumn("")
        stage, unit, losses = (  # what others wrote is no markup
            TextColumn(text, markup=False)
            for text in ("{task.description:<11}", "{task.fields[unit]}", "{task.fields[losses]}")
        )
        columns = (
            spinner,
            stage,
            BarColumn(24),
            MofNCompleteColumn(),
            unit,
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            losses,
        )
        self._progress = Progress(*columns, console=self._console, refresh_per_second=4)
        self._task: Any = None
        self._stage = ""
        self._progress.start()

    def note(self, text: str) -> None:
        self._console.print(printable(text), markup=False, emoji=False)

    def show(self, event: ev.Event, view: RunView) -> None:
        line = line_of(event)
        if line is not None and not isinstance(event, ev.EpochFinished):
            self.note(line)

    def tick(self, view: RunView) -> None:
        stage = view.stages.get(view.stage)
        if stage is None:
            return
        if self._stage != stage.name:
            if self._task is not None:
                self._progress.remove_task(self._task)
            self._task, self._stage = (
                self._progress.add_task(printable(stage.name, COLUMN), total=None, unit="", losses=""),
                stage.name,
            )
        parts = [f"{printable(name, COLUMN)} {view.losses[name]:.2f}" for name in list(view.losses)[:2]]
        losses = "  ".join(parts) if stage.unit == "steps" else ""
        unit = (
            f"{stage.unit} (epoch {view.epoch}/{view.epochs})" if has_epochs(stage.name) and view.epochs else stage.unit
        )
        done, total = stage.done, stage.total
        if view.part[1]:
            unit = f"s of {stage.item}, {stage.done}/{stage.total} {stage.unit}"
            done, total = view.part
        self._progress.update(
            self._task, total=total or None, completed=done, unit=printable(unit, COLUMN), losses=losses
        )

    def ask_stop(self) -> bool:
        self._progress.stop()
        say("")
        try:
            answer = ask("Stop the run (it saves after its next step), or leave it running? [s/L]")
        except KeyboardInterrupt:
            answer = ""
        self._progress.start()
        return answer.lower().startswith("s")

    def end(self, view: RunView) -> None:
        self.close()
        say(*end_lines(view))

    def close(self) -> None:
        if self._task is not None:
            self._progress.remove_task(self._task)
        self._progress.stop()
