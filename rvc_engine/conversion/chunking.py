"""Where a long recording is cut, so that memory stays bounded and the cuts fall into quiet places."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RATE = 16000
HOP = 160  # samples a frame, 100 frames a second
FOUR_GIB = 4 << 30


@dataclass(frozen=True)
class ChunkPlan:
    """Seconds: `pad` of context on both sides of a chunk, a cut about every `center`, within `query` of it, only above
    `longest`."""

    pad: float
    query: float
    center: float
    longest: float

    @property
    def pad_samples(self) -> int:
        return round(self.pad * RATE)

    @property
    def pad_frames(self) -> int:
        return self.pad_samples // HOP


def plan_for(device_type: str, *, half: bool = False, memory_bytes: int = 0) -> ChunkPlan:
    """RVC's seconds: by precision, and less on a GPU of at most 4 GB."""
    if device_type != "cpu" and 0 < memory_bytes <= FOUR_GIB:
        return ChunkPlan(1, 5, 30, 32)
    return ChunkPlan(3, 10, 60, 65) if half else ChunkPlan(1, 6, 38, 41)


def cut_points(wave: NDArray[np.floating], plan: ChunkPlan) -> list[int]:
    """(T,) at 16 kHz, high-passed -> samples at which to cut, none if it is short enough.

    RVC's rule: around each multiple of `center`, the first sample within `query` where the sum of 160 absolute samples,
    centred there, is least. The sums are made in RVC's order, since in digital silence the choice hangs on the last
    bit.
    """
    if len(wave) + HOP <= round(plan.longest * RATE):
        return []
    center, query = round(plan.center * RATE), round(plan.query * RATE)
    cuts = []
    for t in range(center, len(wave), center):
        first, last = max(t - query, 0), min(t + query, len(wave))
        around = np.abs(mirrored(wave, first - HOP // 2, last + HOP // 2))
        sums = np.zeros(last - first)
        for i in range(HOP):
            sums += around[i : i + last - first]
        cuts.append(first + int(np.argmin(sums)))
    return cuts


@dataclass(frozen=True)
class Chunk:
    """Source samples `start` .. `stop` at 16 kHz; `start` is a multiple of 160, and only the last chunk's length need
    not be one."""

    start: int
    stop: int

    @property
    def frames(self) -> int:
        return -(-(self.stop - self.start) // HOP)


def chunks(length: int, cuts: list[int]) -> list[Chunk]:
    """Chunks that cover 0 .. `length` without a gap. As in RVC, cuts are floored to whole frames."""
    edges = sorted({0, *(cut // HOP * HOP for cut in cuts if HOP <= cut < length)})
    return [Chunk(a, b) for a, b in zip(edges, [*edges[1:], length], strict=True)]


def mirrored(wave: NDArray[np.floating], start: int, stop: int) -> NDArray[np.floating]:
    """wave[start:stop] where positions outside are mirrored at the ends (as often as needed), like numpy's pad mode
    "reflect"."""
    if start >= 0 and stop <= len(wave):
        return wave[start:stop]
    if len(wave) == 1:
        return np.repeat(wave, stop - start)
    period = 2 * (len(wave) - 1)
    position = np.arange(start, stop) % period
    return wave[np.minimum(position, period - position)]
