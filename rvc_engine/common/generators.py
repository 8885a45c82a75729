"""Generators that yield how far they are and return a result."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from contextlib import closing
from typing import Any, TypeVar

Done = TypeVar("Done")
Seen = TypeVar("Seen")
Result = TypeVar("Result")


def mapped(work: Generator[Done, None, Result], seen: Callable[[Done], Seen]) -> Generator[Seen, None, Result]:
    """Yields `seen` of what `work` yields, and returns what it returns. Closing it closes `work`."""
    with closing(work):
        while True:
            try:
                done = next(work)
            except StopIteration as end:
                result: Result = end.value
                return result
            yield seen(done)


def alongside(work: Generator[Done, None, Result], more: Callable[[], Iterable[Done]]) -> Generator[Done, None, Result]:
    """Yields what `work` yields, after each what `more` has by then, and returns what it returns. Closing it closes
    `work`."""
    with closing(work):
        while True:
            try:
                done = next(work)
            except StopIteration as end:
                result: Result = end.value
                return result
            yield done
            yield from more()


def result_of(work: Generator[Any, None, Result]) -> Result:
    """What it returns, without looking at its progress."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            result: Result = end.value
            return result
