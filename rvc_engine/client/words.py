"""Events, times and sizes as text, and histograms of text bars: for every front end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rvc_engine import events as ev
from rvc_engine.messages import NOTHING, Message, verbatim
from rvc_engine.run.stage_list import find_stage


def line_of(event: ev.Event) -> Message | None:
    """One event in words, which may hold what others wrote: printable() makes it safe for a terminal. None for events
    that need no line."""
    write = LINES.get(type(event))
    return write(event) if write is not None else None


def _run_started(event: ev.RunStarted) -> Message:
    if not event.preset:  # a conversion
        return Message("client.conversion_started", run=event.run, name=event.name, stages=event.stages)
    return Message("client.run_started", run=event.run, name=event.name, preset=event.preset, stages=event.stages)


def _item_skipped(event: ev.ItemSkipped) -> Message:
    return Message("client.item_skipped", stage=event.stage, item=event.item, reason=event.reason)


def _moved(event: ev.MovedAside) -> Message:
    return Message("client.moved_to_backup", stage=event.stage, path=event.path, reason=event.reason)


def _warned(event: ev.Warned) -> Message:
    return Message("client.warning", warning=sentences(event.title, event.message, event.hint))


def _epoch_finished(event: ev.EpochFinished) -> Message:
    losses = "  ".join(f"{name} {event.losses[name]:.3f}" for name in event.losses)
    took = duration(event.seconds)
    return Message(
        "client.epoch_finished", epoch=event.epoch, epochs=event.epochs, step=event.step, losses=losses, duration=took
    )


def _saved(event: ev.CheckpointSaved) -> Message | None:
    return Message("client.saved", stage=event.stage, path=event.path) if event.kind != "resume" else None


LINES: Mapping[type[ev.Event], Callable[[Any], Message | None]] = {
    ev.RunStarted: _run_started,
    ev.StageStarted: lambda event: Message("client.stage_started", stage=event.stage, reason=event.reason),
    ev.StageSkipped: lambda event: Message("client.stage_skipped", stage=event.stage, reason=event.reason),
    ev.ItemSkipped: _item_skipped,
    ev.MovedAside: _moved,
    ev.Warned: _warned,
    ev.Noted: lambda event: Message("client.noted", stage=event.stage, text=event.text),
    ev.EpochFinished: _epoch_finished,
    ev.CheckpointSaved: _saved,
    ev.Audition: lambda event: Message("client.audition", epoch=event.epoch, path=event.path),
    ev.Converted: lambda event: Message(
        "client.converted", source=event.source, path=event.path, seconds=event.seconds
    ),
    ev.Paused: lambda event: Message("client.paused", stage=event.stage, reason=event.reason),
    ev.Resumed: lambda event: Message("client.resumed", stage=event.stage, duration=duration(event.waited_s)),
    ev.StepsSuperseded: lambda event: Message("client.resumes_after", stage=event.stage, step=event.after_step),
    ev.StageFinished: lambda event: Message("client.stage_done", stage=event.stage, duration=duration(event.seconds)),
}


def sentences(*parts: Message) -> Message:
    """Two or three sentences after each other; empty ones are left out."""
    plain = [_without_stop(part) for part in parts if part.strip()]
    if len(plain) == 3:
        return Message("client.three_sentences", first=plain[0], second=plain[1], third=plain[2])
    if len(plain) == 2:
        return Message("client.two_sentences", first=plain[0], second=plain[1])
    return plain[0] if plain else NOTHING


def _without_stop(text: str) -> Message:
    """In one line, without the full stop at its end, which only texts of others have."""
    if isinstance(text, Message) and text.code:
        return text
    return verbatim(" ".join(text.split()).rstrip("."))


def stopped_words(event: ev.StageStopped) -> Message:
    """What a stopped run has kept, as far as it is known."""
    if event.saved:
        return Message("client.stopped_saved")
    if event.saved is None:
        return Message("client.stopped")
    if event.reason:
        return Message("client.not_saved_because", reason=event.reason, kept=_kept(event))
    return Message("client.not_saved", kept=_kept(event))


def _kept(event: ev.StageStopped) -> Message:
    if event.after_step is not None:
        return (
            Message("client.training_resumes_after_step", step=event.after_step)
            if event.after_step
            else Message("client.training_resumes_at_start")
        )
    stage = find_stage(event.stage)
    if stage is not None and stage.incremental:
        return Message("client.items_are_kept", unit=stage.unit)
    if stage is not None and stage.unit == "steps":
        return Message("client.training_resumes_at_checkpoint")
    return Message("client.stage_restarts")


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


def histogram(
    title: str, values: Sequence[float], of: str, ascii_only: bool, *, bins: int = 6, width: int = 16
) -> list[str]:
    """Lines of at most 38 columns: the edges of a bin, a bar, the count."""
    steps = (unit * 10.0**power for power in range(-1, 7) for unit in (1, 2, 5))
    step = next(step for step in steps if max(values) // step - min(values) // step < bins)
    counts = Counter(int(value // step) for value in values)
    highest = max(counts.values())
    lines = [f"{title} ({of})"]
    for place in range(min(counts), max(counts) + 1):
        count = counts[place]
        edges = f"{place * step:.4g} to {(place + 1) * step:.4g}"
        lines.append(f"{edges:>14} {_bar(count / highest, width, ascii_only)} {count}")
    return lines


def _bar(share: float, width: int, ascii_only: bool) -> str:
    """A share above 0 has at least the smallest bar."""
    eighths = max(round(share * width * 8), 1 if share else 0)
    if ascii_only:
        return ("#" * max(round(eighths / 8), 1 if share else 0)).ljust(width)
    return ("█" * (eighths // 8) + " ▏▎▍▌▋▊▉"[eighths % 8].strip()).ljust(width)
