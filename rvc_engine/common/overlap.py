"""Reading the next and writing the last beside what the caller computes, each on a thread of its own, so that a GPU
does not wait for them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Generic, TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")


def read_ahead(
    read: Callable[[Task], Result], tasks: Iterable[Task], *, threaded: bool
) -> Generator[Callable[[], Result], None, None]:
    """For each task a function that returns what `read` made of it, or raises what that raised. While the caller uses
    one, the next is read, and no more; not `threaded`: each is read when its function is called. Closing waits for the
    read that is under way."""
    if not threaded:
        yield from (partial(read, task) for task in tasks)
        return
    with ThreadPoolExecutor(1, "reader") as pool:
        started: deque[Future[Result]] = deque()
        try:
            for task in tasks:
                started.append(pool.submit(read, task))
                if len(started) > 1:
                    yield started.popleft().result
            while started:
                yield started.popleft().result
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


class WriteBehind(Generic[Result]):
    """Work that is done while the caller computes, one piece at a time; not `threaded`: at once. Use as a context
    manager, which waits for the piece that is under way."""

    def __init__(self, *, threaded: bool) -> None:
        self._pool = ThreadPoolExecutor(1, "writer") if threaded else None
        self._started: Future[list[Result]] | None = None

    def __enter__(self) -> WriteBehind[Result]:
        return self

    def __exit__(self, *error: object) -> None:
        if self._pool is not None:
            self._pool.shutdown()

    def put(self, work: Callable[[], Iterable[Result]]) -> Iterable[Result]:
        """The results of the piece before, when it is done; then this one is started. Not `threaded`: the results of
        this one. Raises what the work raised."""
        if self._pool is None:
            return work()
        before = self.rest()
        self._started = self._pool.submit(lambda: list(work()))
        return before

    def ready(self) -> list[Result]:
        """The results of the piece under way if it is done, without waiting."""
        return self.rest() if self._started is not None and self._started.done() else []

    def rest(self) -> list[Result]:
        """The same, when it is done."""
        started, self._started = self._started, None
        return started.result() if started is not None else []
