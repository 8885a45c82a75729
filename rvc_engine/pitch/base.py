"""What a pitch tracker must give. A module with one imports nothing heavy before `load` or `track`."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import io
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rvc_engine.errors import BadInput
from rvc_engine.messages import NOTHING, Message, verbatim

if TYPE_CHECKING:
    from rvc_engine.workspace import Workspace

RATE = 16000
HOP = 160
"""Samples at 16 kHz from one frame of pitch to the next: 10 ms."""
Wave = NDArray[np.floating]
Hz = NDArray[np.float64]


class PitchTracker(ABC):
    """One method of tracking pitch; most are OneByOne."""

    hop = HOP
    """Samples at 16 kHz between its own frames; results are brought to HOP."""
    is_network = False
    """Runs on a device, in the process of the stage; other trackers run on a core each."""
    is_slow = False
    """Worth worker processes even for a few clips."""
    together = 1
    """Waves of about the same length that `track` takes at once on a GPU."""
    package = ""
    """That must be importable, where it is not one that this program always needs."""
    install = ""
    """The arguments of pip install that bring it."""
    weights: tuple[str, ...] = ()
    """Files below pretrained/, any of which holds its weights, first choice first."""
    pulled_with = ""
    """A preset of `rvc assets pull` that fetches them."""
    kind: Message = NOTHING
    """Of its file of weights, in the words of `rvc assets verify --file`."""

    def __init__(self, name: str) -> None:
        self.name = name

    def preference(self, preset: str) -> int:
        """How much `auto` prefers it for voices of a preset, among the methods that work; 0: never."""
        return 0

    def find_weights(self, workspace: Workspace | None) -> Path | None:
        return workspace.find_pretrained(*self.weights) if workspace and self.weights else None

    def is_installed(self) -> bool:
        try:
            return not self.package or importlib.util.find_spec(self.package) is not None
        except ImportError:
            return False

    def works(self, workspace: Workspace | None) -> bool:
        """Without anything to install or to download?"""
        return self.is_installed() and (not self.weights or self.find_weights(workspace) is not None)

    def check(self, workspace: Workspace | None) -> None:
        """Raises BadInput, with what to do, where it does not work."""
        if not self.is_installed():
            raise BadInput(
                "pitch.package_missing", name=self.name, package=self.package, install=self.install or self.package
            )
        if self.works(workspace):
            return
        if self.pulled_with:
            raise BadInput("pitch.weights_not_pulled", name=self.name, weights=self.weights[0], preset=self.pulled_with)
        raise BadInput("pitch.weights_missing", name=self.name, weights=self.weights[0])

    def imported(self) -> Any:
        """Its package. Raises BadInput where it is installed and cannot be imported."""
        try:
            with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):  # standard output is ours
                warnings.simplefilter("ignore")
                return importlib.import_module(self.package)
        except Exception as error:  # a package for another torch: OSError of a library, RuntimeError, ImportError
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
            raise BadInput(
                "pitch.package_broken",
                verbatim(reason),
                name=self.name,
                package=self.package,
                install=self.install or self.package,
            ) from error

    def load(self, device: str, workspace: Workspace | None) -> None:
        """Bring what it keeps in memory there. Raises BadInput for a package that cannot be imported, and naming a file
        of weights that cannot be read."""
        if self.package:
            self.imported()

    def release(self) -> None:  # noqa: B027
        """Free what `load` brought."""

    @abstractmethod
    def track(self, waves: Sequence[Wave], device: str, workspace: Workspace | None) -> Iterator[Hz]:
        """For each wave (T,) at 16 kHz, (about T // hop,) Hz, 0 = unvoiced. The result for one does not depend on the
        others."""

    def tensors_of(self, path: Path, content: Mapping[Any, Any]) -> Mapping[str, Any] | None:
        """The tensors of a file of its weights that holds `content`; None where it is another's. Raises ValueError for
        one of its own that is not whole."""
        return None


class OneByOne(PitchTracker):
    """A tracker that needs nothing but the wave."""

    def track(self, waves: Sequence[Wave], device: str, workspace: Workspace | None) -> Iterator[Hz]:
        for wave in waves:
            yield self.track_one(wave, len(wave) // self.hop, device) if len(wave) >= self.hop else np.zeros(0)

    @abstractmethod
    def track_one(self, wave: Wave, frames: int, device: str) -> Hz:
        """(T,) at 16 kHz, with at least one frame -> (frames,) Hz, 0 = unvoiced."""


def at_10_ms(hz: Hz, hop: int, frames: int) -> Hz:
    """(F,) with `hop` samples between frames -> (frames,) with HOP: linear between two voiced frames, else the nearer
    one."""
    if hop == HOP or not len(hz):
        return hz
    at = np.arange(frames) * (HOP / hop)
    below = np.minimum(at.astype(int), len(hz) - 1)
    above = np.minimum(below + 1, len(hz) - 1)
    share = np.clip(at - below, 0, 1)
    between = (1 - share) * hz[below] + share * hz[above]
    nearer = np.where(share < 0.5, hz[below], hz[above])
    result: Hz = np.where((hz[below] > 0) & (hz[above] > 0), between, nearer)
    return result
