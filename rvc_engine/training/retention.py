"""Which G_ and D_ pairs stay."""

from __future__ import annotations

import json
import math
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from rvc_engine.common.opening import read_hand_edited, read_text
from rvc_engine.disk import write_whole
from rvc_engine.training.snapshot import Savable
from rvc_engine.training.store import CheckpointStore


@dataclass(frozen=True)
class Keeping:
    """`last`: newest pairs kept (0 all). `every`: pairs of these epochs are kept for good (0 none). `best`: so is the
    one with the lowest mel loss. `budget_bytes`: of all pairs and resume files together (0 no limit)."""

    last: int = 3
    every: int = 0
    best: bool = False
    budget_bytes: int = 0


@dataclass(frozen=True)
class Pair:
    step: int
    epoch: int | None
    bytes: int


def superfluous(pairs: Collection[Pair], keeping: Keeping, pinned: Collection[int], other_bytes: int = 0) -> list[int]:
    """Steps of the pairs to remove, oldest first. Never the newest, nor one of `pinned`; the budget may take what
    `every` kept."""
    ordered = sorted(pairs, key=lambda pair: pair.step)
    safe = {pair.step for pair in ordered[-1:]} | set(pinned)
    wanted = safe | {pair.step for pair in (ordered[-keeping.last :] if keeping.last else ordered)}
    if keeping.every:
        wanted |= {pair.step for pair in ordered if pair.epoch is not None and pair.epoch % keeping.every == 0}
    gone = [pair.step for pair in ordered if pair.step not in wanted]
    if keeping.budget_bytes:
        held = other_bytes + sum(pair.bytes for pair in ordered if pair.step in wanted)
        for pair in ordered:
            if held <= keeping.budget_bytes:
                break
            if pair.step in wanted and pair.step not in safe:
                gone.append(pair.step)
                held -= pair.bytes
    return sorted(gone)


def read_pins(path: Path) -> set[int]:
    """Steps that the user wrote down, one a line; other lines are remarks."""
    try:
        lines = read_hand_edited(path, errors="replace").splitlines()
        return {int(line) for line in lines if len(line) < 20 and line.strip().isdecimal()}
    except FileNotFoundError:
        return set()


def read_best(path: Path) -> tuple[int, float]:
    """Step and mean mel loss of the best pair so far; (-1, infinity) when none is known."""
    try:
        content = json.loads(read_text(path))
        return int(content["step"]), float(content["mel"])
    except (OSError, ValueError, KeyError, TypeError):
        return -1, math.inf


def note_best(store: CheckpointStore, state: Savable) -> None:
    """Write down the pair just saved if its epoch's mel loss is the lowest. A pair that is gone, or of steps done
    again, has no say."""
    step, mel = read_best(store.files.best)
    if step >= state.step or step not in store.steps() or state.mel < mel:
        content = {"step": state.step, "epoch": state.epoch, "mel": state.mel}
        write_whole(store.files.best, json.dumps(content))


def prune(store: CheckpointStore, keeping: Keeping) -> None:
    """Remove the pairs that are not to be kept; none where the pins cannot be read."""
    pairs = [
        Pair(step, store.epoch_of(step) if keeping.every else None, store.pair_bytes(step)) for step in store.steps()
    ]
    try:
        pinned = read_pins(store.files.pins) | ({read_best(store.files.best)[0]} if keeping.best else set())
    except (OSError, ValueError):
        return
    resume = [path for path in (store.files.resume_state, store.files.resume_previous) if path.is_file()]
    for step in superfluous(pairs, keeping, pinned, sum(path.stat().st_size for path in resume)):
        for path in store.pair_paths(step):
            path.unlink(missing_ok=True)
