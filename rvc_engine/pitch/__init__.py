"""Pitch tracking at 100 frames a second, one file a method. Heavy packages are imported when their method is first
used."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rvc_engine.errors import BadInput
from rvc_engine.pitch.coarse import CEILING_HZ, FLOOR_HZ

if TYPE_CHECKING:
    from rvc_engine.experiment import Workspace

HOP = 160
"""Samples at 16 kHz from one frame to the next: 10 ms."""
BY_TORCH = ("rmvpe", "fcpe", "crepe")
"""Methods that are networks: they run on a device, in this process; the others run on a core each."""
RMVPE_FILES = ("rmvpe.pt", "rmvpe.safetensors")
"""Where its weights may lie below pretrained/, first choice first."""


def find_rmvpe(workspace: Workspace | None) -> Path | None:
    """RMVPE's weights, if they are here."""
    return workspace.find_pretrained(*RMVPE_FILES) if workspace else None


def available_methods(workspace: Workspace | None = None) -> list[str]:
    """Methods that work now, without anything to install or to download."""
    from rvc_engine.pitch.crepe import is_installed

    rmvpe = ["rmvpe"] if find_rmvpe(workspace) else []
    return [*rmvpe, "praat", "harvest", "dio", "fcpe", *(["crepe"] if is_installed() else [])]


def resolve_method(method: str, workspace: Workspace | None = None, *, preset: str = "") -> str:
    """The method that a setting means, for voices of a preset. Raises BadInput, with a way out, for one that does not
    work here."""
    if method == "auto":
        return "rmvpe" if find_rmvpe(workspace) else "praat" if preset.startswith("starter") else "fcpe"
    if method == "rmvpe" and find_rmvpe(workspace) is None:
        hint = (
            f"rvc assets pull v2-40k fetches it, or put {RMVPE_FILES[0]} into pretrained/, or choose another "
            "pitch method, such as fcpe"
        )
        raise BadInput("The weights of rmvpe are missing", f"there is no pretrained/{RMVPE_FILES[0]}", hint)
    if method == "crepe" and method not in available_methods(workspace):
        raise BadInput(
            "crepe needs the package torchcrepe",
            "it is not installed",
            "pip install torchcrepe, or choose another method",
        )
    if method not in ("praat", "harvest", "dio", *BY_TORCH):
        raise BadInput(
            f"There is no pitch method {method!r}", "", f"use one of auto, {', '.join(available_methods(workspace))}"
        )
    return method


def prepare(method: str, device: str, workspace: Workspace | None) -> None:
    """Load what a method keeps in memory: the network of RMVPE or FCPE. Raises BadInput when RMVPE's file cannot be
    read."""
    method = resolve_method(method, workspace)
    if method == "rmvpe":
        from rvc_engine.pitch import rmvpe

        rmvpe.load(_weights(workspace), device)
    elif method == "fcpe":
        from rvc_engine.pitch import fcpe

        fcpe.network(device)


def release(method: str) -> None:
    """Free what `prepare` has loaded."""
    if method == "rmvpe":
        from rvc_engine.pitch import rmvpe

        rmvpe.release()


def track(
    method: str, wave_16k: NDArray[np.floating], *, device: str = "cpu", workspace: Workspace | None = None
) -> NDArray[np.float64]:
    """(T,) at 16 kHz -> (T // 160,) Hz in 50..1100; 0 = unvoiced, never NaN; gaps are not filled.

    Raises BadInput for a method that does not work here.
    """
    return next(track_all(method, [wave_16k], device=device, workspace=workspace))


def track_all(
    method: str, waves_16k: Sequence[NDArray[np.floating]], *, device: str = "cpu", workspace: Workspace | None = None
) -> Iterator[NDArray[np.float64]]:
    """As `track`, for each of several waves. On a GPU some methods take them together; the result for one does not
    depend on the others."""
    method = resolve_method(method, workspace)
    for wave, f0 in zip(waves_16k, _found(method, waves_16k, device, workspace), strict=True):
        frames = len(wave) // HOP
        f0 = np.pad(f0[:frames], (0, max(0, frames - len(f0))))
        f0[~((f0 >= FLOOR_HZ) & (f0 <= CEILING_HZ))] = 0.0  # NaN is in no range
        yield f0


def _found(
    method: str, waves_16k: Sequence[NDArray[np.floating]], device: str, workspace: Workspace | None
) -> Iterator[NDArray[np.float64]]:
    if method == "rmvpe":
        from rvc_engine.pitch.rmvpe import rmvpe

        yield from rmvpe(waves_16k, _weights(workspace), device)
    else:
        yield from (_found_alone(method, wave, len(wave) // HOP, device) for wave in waves_16k)


def _found_alone(method: str, wave_16k: NDArray[np.floating], frames: int, device: str) -> NDArray[np.float64]:
    if not frames:
        return np.zeros(0)
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


def _weights(workspace: Workspace | None) -> Path:
    path = find_rmvpe(workspace)
    assert path is not None  # resolve_method has looked
    return path
