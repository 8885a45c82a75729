"""Pitch tracking at 100 frames a second, one file a method: base.py says what it must give, registry.py has its row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from rvc_engine.errors import BadInput
from rvc_engine.pitch.base import HOP, Hz, PitchTracker, Wave, at_10_ms
from rvc_engine.pitch.coarse import CEILING_HZ, FLOOR_HZ
from rvc_engine.registry import PITCH_TRACKERS

if TYPE_CHECKING:
    from rvc_engine.workspace import Workspace

AUTO = "auto"


def available_methods(workspace: Workspace | None = None) -> list[str]:
    """Methods that work now, without anything to install or to download."""
    return [tracker.name for tracker in PITCH_TRACKERS.all() if tracker.works(workspace)]


def resolve_tracker(method: str, workspace: Workspace | None = None, *, preset: str = "") -> PitchTracker:
    """What a setting means, for voices of a preset. Raises BadInput, with what to do, for one that does not work
    here."""
    if method == AUTO:
        wanted = [tracker for tracker in PITCH_TRACKERS.all() if tracker.preference(preset)]
        working = [tracker for tracker in wanted if tracker.works(workspace)]
        if not working:
            raise BadInput("pitch.none_works")
        return max(working, key=lambda tracker: tracker.preference(preset))
    if method not in PITCH_TRACKERS:
        raise BadInput("pitch.no_method", method=method, methods=[AUTO, *available_methods(workspace)])
    tracker = PITCH_TRACKERS.get(method)
    tracker.check(workspace)
    return tracker


def resolve_method(method: str, workspace: Workspace | None = None, *, preset: str = "") -> str:
    """The name of `resolve_tracker`."""
    return resolve_tracker(method, workspace, preset=preset).name


def track(method: str, wave_16k: Wave, *, device: str = "cpu", workspace: Workspace | None = None) -> Hz:
    """(T,) at 16 kHz -> (T // 160,) Hz in 50..1100; 0 = unvoiced, never NaN; gaps are not filled.

    Raises BadInput for a method that does not work here.
    """
    return next(track_all(method, [wave_16k], device=device, workspace=workspace))


def track_all(
    method: str, waves_16k: Sequence[Wave], *, device: str = "cpu", workspace: Workspace | None = None
) -> Iterator[Hz]:
    """As `track`, for each of several waves. On a GPU some methods take them together; the result for one does not
    depend on the others."""
    tracker = resolve_tracker(method, workspace)
    sound = [np.isfinite(wave) for wave in waves_16k]
    whole = [wave if good.all() else np.where(good, wave, 0) for wave, good in zip(waves_16k, sound, strict=True)]
    for good, found in zip(sound, tracker.track(whole, device, workspace), strict=True):
        frames = len(good) // HOP
        f0 = at_10_ms(found, tracker.hop, frames)
        f0 = np.pad(f0[:frames], (0, max(0, frames - len(f0))))
        f0[~((f0 >= FLOOR_HZ) & (f0 <= CEILING_HZ))] = 0.0  # NaN is in no range
        f0[~good[: frames * HOP].reshape(frames, HOP).all(axis=1)] = 0.0
        yield f0
