"""How many epochs fit into a time: set after the first steps, and again where a machine turns out slower or faster."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field

WARM_STEPS = 3  # are slower than the rest
TIMED_STEPS = 20
MOST_EPOCHS = 300
TOLERANCE = 0.05  # of the epochs: smaller corrections are not worth a new number


@dataclass
class EpochBudget:
    """`seconds`: for the whole training from its first step here. `on_epochs`: gets the number of epochs, whenever it
    is changed."""

    seconds: float
    on_epochs: Callable[[int], None]
    clock: Callable[[], float] = time.monotonic
    epochs: int = 0
    _taken: list[float] = field(default_factory=list)
    _started: float = 0.0
    _before: int = 0

    def begin(self, epoch: int) -> None:
        """`epoch`: the last that is finished."""
        self._started, self._before = self.clock(), epoch

    def add(self, seconds: float) -> bool:
        """A step has taken so long. Is the number of epochs to be set now?"""
        self._taken.append(seconds)
        return not self.epochs and len(self._taken) >= WARM_STEPS + TIMED_STEPS

    def first_guess(self, position: int, steps: int) -> int:
        """Of a training of `steps` an epoch, after `position` of them."""
        pace = statistics.mean(self._taken[WARM_STEPS:] or self._taken)
        left = max(0.0, self.seconds - (self.clock() - self._started)) / pace
        return self._set(max(1, round((position + left) / steps)))

    def corrected(self, epoch: int) -> int:
        """At the end of an epoch: by the time that all of them took."""
        passed, done = self.clock() - self._started, epoch - self._before
        fitting = done + max(0, round((self.seconds - passed) / (passed / done)))
        if abs(fitting - (self.epochs - self._before)) <= max(TOLERANCE * fitting, 0.5):
            return self.epochs
        return self._set(fitting)

    def _set(self, count: int) -> int:
        self.epochs = self._before + min(MOST_EPOCHS, count)
        self.on_epochs(self.epochs)
        return self.epochs
