"""What a batch costs in memory and time: by the table of shapes, or by real steps that somebody measures
(work/trials.py), kept for next time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace

from rvc_engine.common.lines import Line
from rvc_engine.common.records import build
from rvc_engine.machine.cache import Cache, key_of
from rvc_engine.machine.memory_table import bytes_per_sample, clip_bytes, fixed_bytes, gpu_batch_bytes, gpu_data_bytes
from rvc_engine.messages import NOTHING, Message
from rvc_engine.presets import PRESETS, ModelConfig

CHECKPOINTED = "-checkpointed"
"""After the name of a precision: measured with gradient checkpointing."""
MEASURED_BATCHES = {"cpu": (2, 4), "cuda": (2, 4, 8)}


@dataclass(frozen=True)
class Measured(Line):
    """A batch size, as training/measure.py reports it."""

    batch_size: int
    memory_bytes: int
    samples_per_s: float | None = None


@dataclass(frozen=True)
class Cost:
    """memory(n) = fixed + slope n, with the clips that are kept there; seconds(n) = start + each n, where measured."""

    source: str  # measured, cached or table
    fixed: float
    slope: float
    rows: tuple[Measured, ...] = ()
    start: float = 0.0
    each: float | None = None
    error_percent: float | None = None
    notes: tuple[Message, ...] = ()

    def memory(self, batch_size: int) -> int:
        return int(self.fixed + self.slope * batch_size)

    def speed(self, batch_size: int) -> float | None:
        seconds = self.start + self.each * batch_size if self.each is not None else 0.0
        return batch_size / seconds if seconds > 0 else None


def table_cost(preset: str, precision: str, kind: str, *, checkpointing: bool = False) -> Cost:
    config, on = PRESETS[preset], checkpointing
    fixed = fixed_bytes(config, kind)
    return Cost("table", fixed, bytes_per_sample(config, precision, checkpointing=on))


def fit(source: str, rows: Sequence[Measured], fallback: Cost) -> Cost:
    """Lines through the two smallest batches; with a third row, how far the prediction is off. One row: the table's
    slope."""
    ordered = sorted(rows, key=lambda row: row.batch_size)
    first, second = ordered[0], ordered[-1] if len(ordered) < 3 else ordered[1]
    gap = second.batch_size - first.batch_size
    slope = max((second.memory_bytes - first.memory_bytes) / gap, 0.0) if gap else fallback.slope
    # Batches so small that the process itself hides them say nothing of the slope; the table's then holds.
    slope = slope or fallback.slope
    fixed = second.memory_bytes - slope * second.batch_size
    start, each = _time_line(first, second)
    error = None
    if len(ordered) > 2:
        last = ordered[-1]
        error = round(100 * abs(fixed + slope * last.batch_size - last.memory_bytes) / last.memory_bytes, 1)
    return Cost(source, fixed, slope, tuple(ordered), start, each, error)


def _time_line(first: Measured, second: Measured) -> tuple[float, float | None]:
    """(start, each) in seconds; each is None where no speed is known."""
    if not first.samples_per_s or not second.samples_per_s:
        return 0.0, None
    one, two = first.batch_size / first.samples_per_s, second.batch_size / second.samples_per_s
    gap = second.batch_size - first.batch_size
    each = (two - one) / gap if gap else 0.0
    if each <= 0 or two - each * second.batch_size < 0:  # noise, or no fixed part: in proportion to the larger one
        return 0.0, two / second.batch_size
    return two - each * second.batch_size, each


def read_row(record: object) -> Measured | None:
    """Of a cache; None for what is no measurement."""
    try:
        return build(Measured, record)
    except TypeError:
        return None


def cost_key(preset: str, precision: str, kind: str, device_name: str, *, checkpointing: bool) -> str:
    """Of what is kept of such trainings."""
    return key_of(preset, precision, kind, device_name, *(["checkpointing"] if checkpointing else []))


# --- measurements kept ------------------------------------------------------------------------------------------------
KEPT = Cache("measurements.json")


def cached_rows(key: str) -> list[Measured]:
    kept = KEPT.get(key)
    return [row for record in kept if (row := read_row(record)) is not None] if isinstance(kept, list) else []


def keep_rows(key: str, rows: Sequence[Measured]) -> Message:
    """NOTHING, or why the measurement could not be kept."""
    reason = KEPT.keep(key, [asdict(row) for row in rows])
    return Message("machine.measurement_not_kept", path=KEPT.path, reason=reason) if reason else NOTHING


USED = Cache("used.json")


def keep_use(key: str, batch_size: int, memory_bytes: int, minutes: float) -> None:
    """What a training on so many minutes of clips really held at most, on a GPU without them, to check predictions by.
    `key`: cost_key."""
    finding = {"batch_size": batch_size, "memory_bytes": memory_bytes, "minutes": round(minutes, 2)}
    USED.keep(key, finding)


def with_clips(cost: Cost, preset: str, kind: str, minutes: float | None) -> Cost:
    """With what is kept of so many minutes of clips: a CPU computes in the memory that they lie in."""
    if kind != "cpu" or not minutes:
        return cost
    kept = clip_bytes(PRESETS[preset], minutes)
    rows = tuple(replace(row, memory_bytes=row.memory_bytes + kept) for row in cost.rows)
    return replace(cost, fixed=cost.fixed + kept, rows=rows)


def with_data_on_gpu(cost: Cost, config: ModelConfig, frames: int) -> Cost:
    """With so many frames of training data on a GPU, where batches are made of them."""
    kept, each = gpu_data_bytes(config, frames), gpu_batch_bytes(config)
    rows = tuple(replace(row, memory_bytes=row.memory_bytes + kept + each * row.batch_size) for row in cost.rows)
    return replace(cost, fixed=cost.fixed + kept, slope=cost.slope + each, rows=rows)


def checked_by_use(cost: Cost, key: str, preset: str, kind: str) -> Cost:
    """`cost`, which is without clips, with how far its prediction is from what the last such training held."""
    finding = USED.get(key)
    used = read_row(finding)
    if used is None or used.memory_bytes <= 0:
        return cost
    minutes = finding.get("minutes")
    predicted = with_clips(cost, preset, kind, minutes if isinstance(minutes, (int, float)) else None).memory(
        used.batch_size
    )
    error = round(100 * abs(predicted - used.memory_bytes) / used.memory_bytes, 1)
    held = used.memory_bytes / 1e9
    note = Message("machine.last_use", batch_size=used.batch_size, gigabytes=held, error_percent=error)
    return replace(cost, error_percent=error, notes=(*cost.notes, note))


Measure = Callable[[str, str, str, Sequence[int]], tuple[list[Measured], Message]]
"""Preset, precision, device and batch sizes. -> what it measured, and why it ended early (NOTHING if it did not)."""


def cost_of(
    preset: str,
    precision: str,
    device: str,
    device_name: str,
    measurement: Measure | None = None,
    minutes: float | None = None,
    *,
    checkpointing: bool = False,
) -> Cost:
    """`device` is cpu or cuda:N. With `measurement` it is measured now; where that fails, or without it, what was kept,
    else the table. `minutes` of clips, where they are known."""
    kind = device.partition(":")[0]
    table = table_cost(preset, precision, kind, checkpointing=checkpointing)
    key = cost_key(preset, precision, kind, device_name, checkpointing=checkpointing)
    notes: list[Message] = []
    cost = None
    if measurement is not None:
        rows, why = measurement(preset, precision, device, MEASURED_BATCHES[kind])
        if why:
            notes.append(Message("machine.measurement_ended", reason=why))
        if rows:
            if not_kept := keep_rows(key, rows):
                notes.append(not_kept)
            cost = fit("measured", rows, table)
    if cost is None:
        kept = cached_rows(key)
        cost = fit("cached", kept, table) if kept else table
    cost = checked_by_use(replace(cost, notes=tuple(notes)), key, preset, kind)
    return with_clips(cost, preset, kind, minutes)
