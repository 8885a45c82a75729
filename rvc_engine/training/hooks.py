"""What another package does in a training: an entry point of the group rvc_engine.training_hooks, a TrainingHook."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Protocol

from rvc_engine.registry import TRAINING_HOOKS

if TYPE_CHECKING:
    from rvc_engine.training.dataset import Batch


class Writable(Protocol):
    def write(self, data: bytes, /) -> int: ...

    def flush(self) -> None: ...


class TrainingHook:
    """There is one object in each process that trains. What it raises ends the training."""

    def __init__(self, name: str) -> None:
        self.name = name

    def begin(self, *, again: bool) -> None:
        """A training begins. `again`: this process continues one that stopped after a fault."""

    def batch(self, step: int, batch: Batch) -> Batch:
        """The batch of a step (counted from 1), on the device: this one, or another of the same shapes.
        Its features may be in half precision, where the data is on a GPU."""
        return batch

    def stream(self, file: Writable, size: int) -> Writable:
        """Where a checkpoint file of about `size` bytes is written to: `file`, or what passes on to it. In a training
        on a GPU this is asked, and written to, by a thread of its own while steps are made."""
        return file


Hooks = tuple[TrainingHook, ...]


def installed_hooks() -> Hooks:
    """None as a rule. Raises BadInput for one that cannot be loaded."""
    return tuple(TRAINING_HOOKS.get(name) for name in TRAINING_HOOKS.names())


def begin_hooks(*, again: bool) -> Hooks:
    for hook in installed_hooks():
        hook.begin(again=again)
    return installed_hooks()


def through(hooks: Iterable[TrainingHook], file: Writable, size: int) -> Writable:
    for hook in hooks:
        file = hook.stream(file, size)
    return file
