"""Generators that yield how far they are and return a result."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from typing import Any, TypeVar

Done = TypeVar("Done")
Seen = TypeVar("Seen")
Result = TypeVar("Result")


def each(work: Generator[Done, None, Result], then: Callable[[Done], Iterable[Seen]]) -> Generator[Seen, None, Result]:
    """Yields what `then` makes of each thing that `work` yields, and returns what that returns. Closing it closes
    `work`."""
    with closing(work):
        while True:
            try:
                done = next(work)
            except StopIteration as end:
                result: Result = end.value
                return result
            yield from then(done)


def mapped(work: Generator[Done, None, Result], seen: Callable[[Done], Seen]) -> Generator[Seen, None, Result]:
    """As `each`, one for one."""
    return each(work, lambda done: [seen(done)])


def alongside(work: Generator[Done, None, Result], more: Callable[[], Iterable[Done]]) -> Generator[Done, None, Result]:
    """Yields what `work` yields, after each what `more` has by then. Otherwise as `each`."""

    def then(done: Done) -> Iterator[Done]:
        yield done
        yield from more()

    return each(work, then)


def result_of(work: Generator[Any, None, Result]) -> Result:
    """What it returns, without looking at its progress."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            result: Result = end.value
            return result
