"""A content encoder in half precision that falls back to float32 where its features are not finite: some GPUs compute
float16 wrong, and report no error."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress

import numpy as np
import torch

from rvc_engine.content.base import LoadedEncoder
from rvc_engine.machine.device import name_of
from rvc_engine.messages import Message


class CheckedEncoder:
    """`load` makes the encoder in a precision. float32 features that are not finite are the caller's to refuse."""

    def __init__(self, load: Callable[[str], LoadedEncoder], precision: str, device: torch.device | str) -> None:
        self._load, self._precision, self._device = load, precision, torch.device(device)
        self._encoder = load(precision)
        self._notes: list[Message] = []

    @property
    def name(self) -> str:
        return self._encoder.name

    @property
    def dim(self) -> int:
        return self._encoder.dim

    def encode(self, waves: list[np.ndarray]) -> list[np.ndarray]:
        """As LoadedEncoder. May be called by several threads."""
        features = self._encoder.encode(waves)
        if self._precision == "fp32" or all(np.isfinite(one).all() for one in features):
            return features
        safe = self._load("fp32")
        again = safe.encode(waves)
        if all(np.isfinite(one).all() for one in again):  # it was the precision, not the recording
            about = {"precision": self._precision, "device": name_of(self._device), "encoder": self.name}
            self._notes.append(Message("content.precision_not_finite", **about))
            self._encoder, self._precision = safe, "fp32"
        return again

    def notes(self) -> Iterator[Message]:
        """Warnings about what was encoded since the last call, each once."""
        with suppress(IndexError):
            while True:
                yield self._notes.pop(0)
