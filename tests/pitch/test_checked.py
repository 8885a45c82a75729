"""A tracker that runs out of a GPU's memory continues with less. tests/gpu has the networks and the stages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pytest
import torch

from rvc_engine.pitch.base import Hz, PitchTracker, Wave
from rvc_engine.pitch.checked import CheckedTracker
from rvc_engine.registry import PITCH_TRACKERS


class Hungry(PitchTracker):
    """On a GPU it has room for `room` waves; the pitch is 100 Hz there and 200 Hz on the CPU."""

    is_network = True
    room = 3
    error: Exception = torch.OutOfMemoryError("CUDA out of memory")

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.tried: list[tuple[str, int]] = []

    def load(self, device: str, workspace: object) -> None:
        if device != "cpu" and not self.room:
            raise self.error

    def track(self, waves: Sequence[Wave], device: str, workspace: object) -> Iterator[Hz]:
        self.tried.append((device, len(waves)))
        for number, wave in enumerate(waves):
            if device != "cpu" and number >= self.room:
                raise self.error
            yield np.full(len(wave) // 160, 200.0 if device == "cpu" else 100.0)


@pytest.fixture
def hungry(monkeypatch: pytest.MonkeyPatch) -> Hungry:
    tracker = Hungry("praat")
    monkeypatch.setattr(type(PITCH_TRACKERS), "get", lambda self, name: tracker)
    return tracker


WAVES = [np.zeros(1600 + 160 * number, np.float32) for number in range(8)]


def pitch_of(tracker: CheckedTracker) -> tuple[list[int], set[float], list[str]]:
    found = tracker.track(WAVES)
    assert [len(hz) for hz in found] == [10 + number for number in range(8)]
    return [len(hz) for hz in found], {float(hz[0]) for hz in found}, [note.code for note in tracker.notes()]


def test_half_as_many_go_together_from_then_on(hungry: Hungry) -> None:
    tracker = CheckedTracker("praat", "cuda", None)
    assert pitch_of(tracker)[1:] == ({100.0}, [])
    assert [count for _, count in hungry.tried] == [8, 4, 2, 2, 2, 2]
    hungry.tried.clear()
    pitch_of(tracker)
    assert [count for _, count in hungry.tried] == [2, 2, 2, 2]


def test_one_that_does_not_fit_is_tracked_on_the_cpu(hungry: Hungry) -> None:
    hungry.room = 0
    tracker = CheckedTracker("praat", "cuda", None)
    tracker.load()
    assert pitch_of(tracker)[1:] == ({200.0}, ["pitch.on_cpu"])
    hungry.room = 1  # another program has ended
    assert pitch_of(tracker)[1:] == ({100.0}, [])


@pytest.mark.parametrize("error", [RuntimeError("CUDA error: an illegal memory access"), ValueError("no")])
def test_other_errors_stay_what_they_are(hungry: Hungry, error: Exception) -> None:
    hungry.room, hungry.error = 0, error
    tracker = CheckedTracker("praat", "cuda", None)
    with pytest.raises(type(error)):
        tracker.load()
    with pytest.raises(type(error)):
        tracker.track(WAVES)


def test_memory_of_the_cpu_has_nothing_to_fall_back_on(hungry: Hungry, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*given: object) -> Iterator[Hz]:
        raise MemoryError

    monkeypatch.setattr(hungry, "track", full)
    with pytest.raises(MemoryError):
        CheckedTracker("praat", "cpu", None).track(WAVES)
