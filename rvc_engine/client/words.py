"""Events, times and sizes as text, and histograms of text bars: for every front end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rvc_engine import events as ev
from rvc_engine.common.printable import LONG, printable
from rvc_engine.messages import Message
from rvc_engine.run.stage_list import find_stage


def line_of(event: ev.Event) -> str | None:
    """One event as printable text; None for events that need no line."""
    words = _in_words(event)
    return None if words is None else printable(words, LONG)


def _in_words(event: ev.Event) -> str | None:
    if isinstance(event, ev.RunStarted):
        stages = ", ".join(event.stages)
        if not event.preset:  # a conversion
            return Message("client.run_2", run=event.run, event=event.name, stages=stages)
        return Message("client.run", run=event.run, event=event.name, preset=event.preset, stages=stages)
    if isinstance(event, ev.StageStarted):
        return f"{event.stage}: started ({event.reason})"
    if isinstance(event, ev.StageSkipped):
        return f"{event.stage}: skipped ({event.reason})"
    if isinstance(event, ev.ItemSkipped):
        return Message("client.left_out", stage=event.stage, item=event.item, reason=event.reason)
    if isinstance(event, ev.MovedAside):
        return Message("client.old_work_moved", stage=event.stage, path=event.path, reason=event.reason)
    if isinstance(event, ev.Warned):
        return " ".join(f"warning: {'. '.join(filter(None, (event.title, event.message, event.hint)))}".split())
    if isinstance(event, ev.EpochFinished):
        losses = "  ".join(f"{name} {event.losses[name]:.3f}" for name in event.losses)
        return Message(
            "client.train_epoch_step",
            epoch=event.epoch,
            epochs=event.epochs,
            step=event.step,
            losses=losses,
            duration=duration(event.seconds),
        )
    if isinstance(event, ev.CheckpointSaved) and event.kind != "resume":
        return f"{event.stage}: saved {event.path}"
    if isinstance(event, ev.Audition):
        return Message("client.train_epoch_hear", epoch=event.epoch, path=event.path)
    if isinstance(event, ev.Converted):
        return f"convert: {event.source} -> {event.path} ({event.seconds:.2f} s)"
    if isinstance(event, ev.Paused):
        return f"{event.stage}: paused, {event.reason}"
    if isinstance(event, ev.Resumed):
        return Message("client.goes_after", stage=event.stage, duration=duration(event.waited_s))
    if isinstance(event, ev.StepsSuperseded):
        return Message("client.goes_after_step", stage=event.stage, after_step=event.after_step)
    if isinstance(event, ev.StageFinished):
        return Message("client.done", stage=event.stage, duration=duration(event.seconds))
    return None


def stopped_words(event: ev.StageStopped) -> str:
    """What a stopped run has kept, as far as it is known."""
    if event.saved:
        return Message("client.stopped_what_done_saved")
    if event.saved is None:
        return "stopped"
    kept = _kept(event)
    return (
        Message("client.ended_without_saving", reason=event.reason, kept=kept)
        if event.reason
        else Message("client.ended_without_saving_2", kept=kept)
    )


def _kept(event: ev.StageStopped) -> str:
    if event.after_step is not None:
        return (
            Message("client.training_resumes_after_step", after_step=event.after_step)
            if event.after_step
            else Message("client.training_resumes_start")
        )
    stage = find_stage(event.stage)
    if stage is not None and stage.incremental:
        return Message("client.finished_kept_latest_may_be", unit=stage.unit)
    if stage is not None and stage.unit == "steps":
        return Message("client.training_resumes_last_saved_state")
    return Message("client.stage_starts_again")


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
