"""Pitch tracking at 100 frames a second, one file a method. Heavy packages are imported when their method is first used."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rvc_engine.errors import BadInput
from rvc_engine.pitch.coarse import CEILING_HZ, FLOOR_HZ

if TYPE_CHECKING:
    from rvc_engine.experiment import Workspace

HOP = 160
"""Samples at 16 kHz from one frame to the next: 10 ms."""
BY_TORCH = ("fcpe", "crepe")
"""Methods that are networks: they run on a device, in this process; the others run on a core each."""


def available_methods(workspace: Workspace | None = None) -> list[str]:
    """Methods that work now, without anything to install or to download."""
    from rvc_engine.pitch.crepe import is_installed

    return ["praat", "harvest", "dio", "fcpe", *(["crepe"] if is_installed() else [])]


def resolve_method(method: str, workspace: Workspace | None = None) -> str:
    """The method that a setting means. Raises BadInput, with a way out, for one that does not work here."""
    if method == "auto":
        return "fcpe"
    if method == "rmvpe":
        raise BadInput("rmvpe cannot be used yet", "this version has no reader for its weights", "use --method fcpe (or auto)")
    if method == "crepe" and method not in available_methods(workspace):
        raise BadInput("crepe needs the package torchcrepe", "it is not installed", "pip install torchcrepe, or use --method fcpe")
    if method not in ("praat", "harvest", "dio", *BY_TORCH):
        raise BadInput(f"There is no pitch method {method!r}", "", f"use one of auto, {', '.join(available_methods(workspace))}")
    return method


def track(method: str, wave_16k: NDArray[np.floating], *, device: str = "cpu", workspace: Workspace | None = None) -> NDArray[np.float64]:
    """(T,) at 16 kHz -> (T // 160,) Hz in 50..1100; 0 = unvoiced, never NaN; gaps are not filled.

    Raises BadInput for a method that does not work here.
    """
    method = resolve_method(method, workspace)
    frames = len(wave_16k) // HOP
    if not frames:
        return np.zeros(0)
    f0 = _found(method, wave_16k, frames, device)
    f0 = np.pad(f0, (0, frames - len(f0)))
    f0[~((f0 >= FLOOR_HZ) & (f0 <= CEILING_HZ))] = 0.0  # NaN is in no range
    return f0


def _found(method: str, wave_16k: NDArray[np.floating], frames: int, device: str) -> NDArray[np.float64]:
    if method == "praat":
        from rvc_engine.pitch.praat import praat

        return praat(wave_16k, frames)
    if method in ("harvest", "dio"):
        from rvc_engine.pitch import world

        return (world.harvest if method == "harvest" else world.dio)(wave_16k, frames)
    if method == "fcpe":
        from rvc_engine.pitch.fcpe import fcpe

        return fcpe(wave_16k, frames, device)
    from rvc_engine.pitch.crepe import crepe

    return crepe(wave_16k, frames, device)
