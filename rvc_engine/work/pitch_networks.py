"""Pitch by a network: in the stage's own process. The other trackers' processes load no torch (pitch.py)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, closing
from dataclasses import replace
from functools import partial

from rvc_engine.common.opening import size_of
from rvc_engine.common.overlap import WriteBehind, read_ahead
from rvc_engine.errors import RvcError
from rvc_engine.machine.device import each_on_a_core, memory_errors
from rvc_engine.messages import Message
from rvc_engine.pitch.checked import CheckedTracker
from rvc_engine.registry import PITCH_TRACKERS
from rvc_engine.work.pitch import PitchTask, read_clips, track_clips, write_pitch

AT_A_TIME = 16
"""Clips between two looks at whether the run is to stop, on a CPU."""


def in_this_process(task: PitchTask, clips: list[str], notes: list[Message]) -> Iterator[list[tuple[str, Message]]]:
    """As track_clips, for a few clips after the other. `notes` gets what is worth saying, each once."""
    parts = by_length(task, clips)
    if task.device != "cpu":
        tracker = CheckedTracker(task.method, task.device, task.workspace)
        said: set[Message] = set()
        for results in overlapped(parts, tracker):
            new = set(tracker.notes()) - said
            said |= new
            notes += new
            yield results
        return
    for first in range(0, len(parts), AT_A_TIME):
        yield from each_on_a_core(_track, parts[first : first + AT_A_TIME])


def by_length(task: PitchTask, clips: list[str]) -> list[PitchTask]:
    """One clip a task; on a GPU as many of about the same length as the method takes together."""
    size = PITCH_TRACKERS.get(task.method).together if task.device != "cpu" else 1
    if size > 1:
        clips = sorted(clips, key=lambda clip: size_of(task.wavs_16k / f"{clip}.wav"))
    return [replace(task, clips=clips[first : first + size]) for first in range(0, len(clips), size)]


def overlapped(parts: list[PitchTask], tracker: CheckedTracker) -> Iterator[list[tuple[str, Message]]]:
    """Clips are read and pitch is written while the GPU tracks others."""
    with (
        WriteBehind[tuple[str, Message]](threaded=True) as written,
        closing(read_ahead(read_clips, parts, threaded=True)) as reading,
    ):
        for part, take in zip(parts, reading, strict=True):
            clips = take()
            with _explained():
                pitches = tracker.track(list(clips.waves.values()))
            yield list(written.put(partial(write_pitch, part, clips, pitches)))
        yield written.rest()


def _track(task: PitchTask) -> list[tuple[str, Message]]:
    with _explained():
        return track_clips(task)


def _explained() -> AbstractContextManager[None]:
    return memory_errors(lambda known: RvcError("work.out_of_memory_in_tracker", known.message))
