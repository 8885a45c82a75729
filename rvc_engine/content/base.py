"""What a content encoder must give: what is said, 50 frames a second, with little of who says it. Every model and index
names the one that made it. A module with one imports nothing heavy before `load`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from rvc_engine.errors import BadInput, cannot_read, of_environment, reason_of
from rvc_engine.messages import NOTHING, Message
from rvc_engine.registry import CONTENT_ENCODERS

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    import torch

FRAME_SAMPLES = 320
"""Samples at 16 kHz of a frame."""
TOGETHER = 32
"""Waves that a GPU takes at once: as many operations for all as for one."""


class HasPretrained(Protocol):
    def find_pretrained(self, *relative: str) -> Path | None: ...


class LoadedEncoder(Protocol):
    """A content encoder in memory, on a device."""

    @property
    def name(self) -> str: ...

    @property
    def dim(self) -> int: ...

    def encode(self, waves: list[np.ndarray]) -> list[np.ndarray]:
        """16 kHz waves (T,) -> for each (ceil(T / 320), D) float32. Frame k belongs to the samples from 320 k on. The
        result for a wave does not depend on the others. Raises ValueError for an empty wave."""
        ...


class ContentEncoder(ABC):
    """One kind of content features."""

    dim: int
    """Numbers a frame."""
    about: Message = NOTHING
    """What it is, in a few words."""
    weights: tuple[str, ...] = ()
    """Files below pretrained/, any of which holds its weights, first choice first."""
    is_shipped = False
    """Its weights come with the program."""
    is_own = False
    """`rvc pretrain` can train it."""

    def __init__(self, name: str) -> None:
        self.name = name

    def find_weights(self, workspace: HasPretrained | None) -> Path | None:
        return workspace.find_pretrained(*self.weights) if workspace and self.weights else None

    def check(self, workspace: HasPretrained | None) -> None:
        """Raises BadInput, with what to do, when its weights are not there. Loads nothing."""
        if not self.weights or self.is_shipped or self.find_weights(workspace) is not None:
            return
        raise BadInput("content.weights_missing", name=self.name, weights=self.weights[0])

    def load(
        self, workspace: HasPretrained | None, device: torch.device | str, file: Path | None, precision: str
    ) -> LoadedEncoder:
        """`file`: its weights, where they are not those of the workspace or the program. Raises BadInput naming a file
        that is missing or cannot be read."""
        path = file or self.find_weights(workspace)
        if self.weights and path is None:
            raise BadInput("content.shipped_missing", weights=self.weights[0])
        try:
            return self.read(path, device, precision)
        except (OSError, ValueError) as error:
            if path is None:
                raise
            if of_environment(error):
                raise cannot_read(path, error) from error
            hint = Message("content.install_again") if self.is_shipped else NOTHING
            raise BadInput("content.not_encoder", reason_of(error), hint, path=path) from error

    @abstractmethod
    def read(self, path: Path | None, device: torch.device | str, precision: str) -> LoadedEncoder:
        """From a file of its weights; None where it has none. Raises OSError or ValueError for a damaged one."""

    def recognises(self, tensors: Mapping[Any, Any], metadata: Mapping[str, str]) -> bool:
        """Are these the tensors, by name, or the metadata of a file of its weights?"""
        return False


def check_encoder(name: str, workspace: HasPretrained | None) -> None:
    """Raises BadInput when the encoder is unknown or its weights are not there. Loads nothing."""
    CONTENT_ENCODERS.get(name).check(workspace)


def load_encoder(
    name: str,
    workspace: HasPretrained | None,
    device: torch.device | str = "cpu",
    file: Path | None = None,
    precision: str = "fp32",
) -> LoadedEncoder:
    """The encoder that a model's `encoder` field names. `precision`: fp32, fp16 or bf16, where the encoder heeds it.
    Raises BadInput when it is unknown or its weights are missing or damaged."""
    encoder = CONTENT_ENCODERS.get(name)
    if file is None:
        encoder.check(workspace)
    return encoder.load(workspace, device, file, precision)


def refuse_empty(waves: list[np.ndarray]) -> None:
    if any(wave.ndim != 1 or not len(wave) for wave in waves):
        raise ValueError(Message("content.no_wave"))
