"""Reading ahead and writing behind: one piece ahead, errors where they belong, and a quick end."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial

import pytest

from rvc_engine.common.overlap import WriteBehind, read_ahead


@pytest.mark.parametrize("threaded", [True, False])
def test_results_and_errors_come_in_turn(threaded: bool) -> None:
    def read(task: int) -> int:
        if task == 2:
            raise ValueError("two")
        return 10 * task

    found: list[object] = []
    for take in read_ahead(read, range(4), threaded=threaded):
        try:
            found.append(take())
        except ValueError as error:
            found.append(str(error))
    assert found == [0, 10, "two", 30]
    assert list(read_ahead(read, [], threaded=threaded)) == []
    assert [take() for take in read_ahead(read, [7], threaded=threaded)] == [70]


def test_one_is_read_ahead_and_no_more() -> None:
    begun: list[int] = []
    second = threading.Event()

    def read(task: int) -> int:
        begun.append(task)
        if task == 1:
            second.set()
        return task

    reading = read_ahead(read, range(9), threaded=True)
    assert next(reading)() == 0 and second.wait(10)
    threading.Event().wait(0.05)
    assert begun == [0, 1]
    reading.close()
    assert begun == [0, 1]
    lazy = read_ahead(read, range(9), threaded=False)
    next(lazy)
    assert begun == [0, 1]


def test_writing_is_behind() -> None:
    go = threading.Event()

    def write(name: str) -> Iterator[str]:
        assert go.wait(10)
        yield name
        if name == "bad":
            raise OSError(name)

    with WriteBehind[str](threaded=True) as writing:
        assert writing.put(partial(write, "a")) == [] and writing.ready() == []
        go.set()
        assert writing.put(partial(write, "bad")) == ["a"]
        with pytest.raises(OSError, match="bad"):
            writing.put(partial(write, "not written"))
        assert writing.rest() == []
        writing.put(partial(write, "b"))
    assert writing.rest() == ["b"]


def test_without_a_thread_all_is_done_at_once() -> None:
    done: list[int] = []

    def write() -> Iterator[int]:
        for number in range(3):
            done.append(number)
            yield number

    with WriteBehind[int](threaded=False) as writing:
        results = iter(writing.put(write))
        assert next(results) == 0 and done == [0]
        assert list(results) == [1, 2] and writing.ready() == writing.rest() == []


def test_an_error_of_the_caller_waits_for_what_is_being_written() -> None:
    written: list[str] = []
    with pytest.raises(KeyError), WriteBehind[None](threaded=True) as writing:
        writing.put(lambda: (threading.Event().wait(0.05), written.append("whole"))[1:])  # type: ignore[func-returns-value, return-value]
        raise KeyError
    assert written == ["whole"]
