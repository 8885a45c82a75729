"""TensorBoard scalars under the names that RVC programs write."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from rvc_engine.messages import NOTHING, message_of

EVERY_STEPS = 10


class Scalars:
    """Writes every few steps and at each epoch's end; does nothing where tensorboard is not installed (`missing`)."""

    def __init__(self, folder: Path, step: int, *, off: bool = False) -> None:
        """`step`: steps already done; what an earlier run wrote after it is hidden. `off`: another process writes."""
        self.missing = NOTHING
        self.broken = NOTHING  # why an open log ended, once
        self._writer: Any = None
        if off:
            return
        try:
            from torch.utils.tensorboard import SummaryWriter

            self._writer = SummaryWriter(str(folder), purge_step=step + 1)
        except ImportError as error:
            self.missing = message_of(error)

    def add(self, step: int, values: Mapping[str, float], *, now: bool = False) -> None:
        """`values` by name, at `step`; written when `now`, or every few steps."""
        if self._writer is None or not (now or step % EVERY_STEPS == 0 or step == 1):
            return
        try:
            for name, value in values.items():
                self._writer.add_scalar(name, value, step)
        except OSError as error:  # a full disk must not end a training for its log's sake
            self._writer, self.broken = None, message_of(error)

    def __enter__(self) -> Scalars:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._writer is None:
            return
        try:
            self._writer.close()
        except OSError as problem:
            self.broken = message_of(problem)
