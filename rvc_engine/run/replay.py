"""The lines of a journal that the view of a run needs: a step overwrites the one before, so most are not parsed.

The result of `brief_events` gives exactly the same RunView as all events, except for its curves.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Sequence

from rvc_engine.common.lines import Mistyped, decode
from rvc_engine.events import Event, MemorySampled, Progressed, RunStarted, StepsSuperseded, TrainStepped, from_dict

STEPS_KEPT = 100  # the latest steps, as many as a view keeps the waits of
Placed = tuple[int, bytes]  # a line and its number
_LENGTH = 20  # the kind of an event is in so many bytes of its line
_STEP, _PROGRESS, _MEMORY = (
    f'{{"event":"{kind.__name__}"'.encode()[:_LENGTH] for kind in (TrainStepped, Progressed, MemorySampled)
)
# these depend on the events before them
_BARRIERS = tuple(f'"{kind.__name__}"'.encode() for kind in (RunStarted, StepsSuperseded))


def parse_lines(lines: Sequence[bytes]) -> tuple[list[Event], int]:
    """The events, and how many lines were mistyped. Parses all lines at once, which is a quarter faster; one by one if
    that fails."""
    try:
        records = json.loads("[" + b",".join(lines).decode("utf-8", "surrogateescape") + "]")
        if len(records) == len(lines):
            return [event for record in records if (event := from_dict(record)) is not None], 0
    except (ValueError, TypeError, AttributeError, RecursionError):
        pass
    events, mistyped = [], 0
    for line in lines:
        try:
            if (event := decode(line, Event)) is not None:
                events.append(event)
        except Mistyped:
            mistyped += 1
    return events, mistyped


def brief_events(lines: Iterable[bytes]) -> tuple[list[Event], int] | None:
    """As parse_lines, without what later lines overwrite: keeps the first and the last steps between two starts, the
    first and the last progress of a stage, and the last memory sample. None when one of these is not an event: then
    all lines must be parsed."""
    chosen = _chosen(lines)
    events, mistyped = [], 0
    for place in sorted(chosen.kept):
        try:
            event = decode(chosen.kept[place], Event)
        except Mistyped:
            event, mistyped = None, mistyped + 1
        if event is not None:
            events.append(event)
        elif place in chosen.drawn:
            return None
    return events, mistyped


def _chosen(lines: Iterable[bytes]) -> _Chosen:
    """For speed this is one loop, which reads only the start of most lines: less than a microsecond a line."""
    chosen = _Chosen()
    steps, take_step, stage = chosen.steps, chosen.steps.append, b""
    for place, line in enumerate(lines):
        kind = line[:_LENGTH]
        if kind == _STEP:
            if not steps:
                chosen.keep((place, line))
            take_step((place, line))
        elif kind == _PROGRESS and b"artefacts" not in line:  # progress of artefacts changes nothing
            if not stage or stage not in line:
                stage = chosen.begin_progress(place, line)
            if stage:
                chosen.progress[stage] = place, line
        elif kind == _MEMORY:
            chosen.memory = place, line
        else:
            if any(barrier in line for barrier in _BARRIERS):
                chosen.end_part()
                stage = b""
            chosen.kept[place] = line
    chosen.end_part()
    return chosen


class _Chosen:
    """Lines by their numbers. `drawn`: those of steps, progress and memory, which overwrite others before them."""

    def __init__(self) -> None:
        self.kept: dict[int, bytes] = {}
        self.drawn: set[int] = set()
        self.steps: deque[Placed] = deque(maxlen=STEPS_KEPT)
        self.progress: dict[bytes, Placed] = {}  # the last, by its stage
        self.memory: Placed | None = None

    def keep(self, *lines: Placed) -> None:
        self.kept.update(lines)
        self.drawn.update(place for place, _ in lines)

    def begin_progress(self, place: int, line: bytes) -> bytes:
        """The bytes of a line that name its stage; empty when they are not found, then the line is kept."""
        start = line.find(b'"stage":"', _LENGTH)
        stage = line[start : line.find(b'",', start) + 2] if start > 0 else b""
        if stage not in self.progress:
            self.keep((place, line))
        return stage

    def end_part(self) -> None:
        """Keep the lines that are chosen so far."""
        self.keep(*self.steps, *self.progress.values(), *([self.memory] if self.memory else []))
        self.steps.clear()
        self.progress.clear()
        self.memory = None
