"""What stages share: waiting with events, generators that return a result, and one sentence where memory runs out."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from rvc_engine.common import waiting
from rvc_engine.common.generators import mapped, result_of
from rvc_engine.common.waiting import Waiting
from rvc_engine.errors import RvcError
from rvc_engine.events import Paused, Resumed
from rvc_engine.machine.device import memory_errors


def test_a_wait_is_reported_at_times_and_its_end_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "LOOK_S", 0.02)
    monkeypatch.setattr(waiting, "REPORT_S", 0.05)
    wait = Waiting("index", "the disk is full", 7)
    paused = [event for _ in range(6) for event in wait.pause(3)]
    assert 2 <= len(paused) <= 4 and all(isinstance(event, Paused) for event in paused)
    assert (paused[0].stage, paused[0].needed_bytes, paused[0].free_bytes) == ("index", 7, 3)
    (resumed,) = wait.ended()
    assert isinstance(resumed, Resumed) and 0.12 <= resumed.waited_s < 30


def test_what_did_not_wait_has_no_end() -> None:
    assert list(Waiting("index", "the disk is full").ended()) == []


def counted(closed: list[bool]) -> Generator[int, None, str]:
    try:
        yield 1
        yield 2
        return "done"
    finally:
        closed.append(True)


def test_a_result_is_passed_on_and_closing_goes_through() -> None:
    closed: list[bool] = []
    assert result_of(counted(closed)) == "done"

    def outer() -> Generator[str, None, str]:
        return (yield from mapped(counted(closed), str))

    steps = outer()
    assert [next(steps), next(steps)] == ["1", "2"]
    with pytest.raises(StopIteration) as end:
        next(steps)
    assert end.value.value == "done"
    steps = outer()
    next(steps)
    steps.close()
    assert closed == [True] * 3


def test_memory_that_ran_out_is_explained_and_other_errors_are_not() -> None:
    with pytest.raises(RvcError, match="Out of memory: no room"), memory_errors():
        raise MemoryError("no room")
    asked: list[RvcError] = []
    with pytest.raises(RvcError), memory_errors(lambda known: asked.append(known) or known):
        raise MemoryError("no room")
    assert len(asked) == 1
    with pytest.raises(RuntimeError, match="another"), memory_errors():
        raise RuntimeError("another")
