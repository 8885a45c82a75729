"""How many epochs fit into a time: timed in the first steps, then a number like any other."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass, field

WARM_STEPS = 3  # are slower than the rest
TIMED_STEPS = 20
MOST_EPOCHS = 300


@dataclass
class Extent:
    """`seconds`: for the whole training from its first step here. `told`: takes the number of epochs, once."""

    seconds: float
    told: Callable[[int], None]
    taken: list[float] = field(default_factory=list)

    def add(self, seconds: float) -> bool:
        """A step has taken so long. Are there enough to tell?"""
        self.taken.append(seconds)
        return len(self.taken) >= WARM_STEPS + TIMED_STEPS

    def settle(self, epoch: int, position: int, steps: int) -> int:
        """Epochs in all, for a training of `steps` an epoch that has finished `epoch` of them and `position` steps of the next."""
        pace = statistics.mean(self.taken[WARM_STEPS:] or self.taken)
        left = max(0.0, self.seconds - sum(self.taken)) / pace
        epochs = epoch + max(1, min(MOST_EPOCHS, round((position + left) / steps)))
        self.told(epochs)
        return epochs
