"""Events, times and sizes as text, and histograms of text bars: for every front end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rvc_engine import events as ev
from rvc_engine.common.printable import LONG, printable
from rvc_engine.run.stage_list import find_stage


def line_of(event: ev.Event) -> str | None:
    """One event as printable text; None for events that need no line."""
    words = _in_words(event)
    return None if words is None else printable(words, LONG)


def _in_words(event: ev.Event) -> str | None:
    if isinstance(event, ev.RunStarted):
        stages = ", ".join(event.stages)
        if not event.preset:  # a conversion
            return f"run {event.run} of {event.name}: {stages}"
        return f"run {event.run} of {event.name} ({event.preset}): {stages}"
    if isinstance(event, ev.StageStarted):
        return f"{event.stage}: started ({event.reason})"
    if isinstance(event, ev.StageSkipped):
        return f"{event.stage}: skipped ({event.reason})"
    if isinstance(event, ev.ItemSkipped):
        return f"{event.stage}: left out {event.item!r}: {event.reason}"
    if isinstance(event, ev.MovedAside):
        return f"{event.stage}: old work moved to {event.path} ({event.reason})"
    if isinstance(event, ev.Warned):
        return " ".join(f"warning: {'. '.join(filter(None, (event.title, event.message, event.hint)))}".split())
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


def stopped_words(event: ev.StageStopped) -> str:
    """What a stopped run has kept, as far as it is known."""
    if event.saved:
        return "stopped; what is done is saved"
    if event.saved is None:
        return "stopped"
    kept = _kept(event)
    return f"ended without saving ({event.reason}); {kept}" if event.reason else f"ended without saving; {kept}"


def _kept(event: ev.StageStopped) -> str:
    if event.after_step is not None:
        return (
            f"training resumes after step {event.after_step}" if event.after_step else "training resumes at the start"
        )
    stage = find_stage(event.stage)
    if stage is not None and stage.incremental:
        return f"finished {stage.unit} are kept, the latest may be done again"
    if stage is not None and stage.unit == "steps":
        return "training resumes from the last saved state"
    return "this stage starts again"


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
