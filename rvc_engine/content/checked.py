"""A content encoder that continues with less: fewer waves at a time where memory runs out, float32 where its features
in half precision are not finite (some GPUs compute float16 wrong without an error)."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import suppress

import numpy as np
import torch

from rvc_engine.content.base import LoadedEncoder
from rvc_engine.machine.device import free_memory, name_of, out_of_memory
from rvc_engine.messages import Message


class CheckedEncoder:
    """`load` makes the encoder in a precision. float32 features that are not finite are the caller's to refuse."""

    def __init__(self, load: Callable[[str], LoadedEncoder], precision: str, device: torch.device | str) -> None:
        self._load, self._precision, self._device = load, precision, torch.device(device)
        self._encoder = load(precision)
        self._together = sys.maxsize  # waves
        self._notes: list[Message] = []

    @property
    def name(self) -> str:
        return self._encoder.name

    @property
    def dim(self) -> int:
        return self._encoder.dim

    def encode(self, waves: list[np.ndarray]) -> list[np.ndarray]:
        """As LoadedEncoder. Where memory runs out, half as many waves go together from then on; raises what torch
        raises when it does not suffice for one. May be called by several threads."""
        features: list[np.ndarray] = []
        while len(features) < len(waves):
            some = waves[len(features) : len(features) + self._together]
            made = self._if_they_fit(some)
            if made is None:
                self._together = -(-len(some) // 2)
                free_memory(self._device)
            else:
                features += made
        return features

    def _if_they_fit(self, waves: list[np.ndarray]) -> list[np.ndarray] | None:
        """None where memory runs out; what the error held is free by then."""
        try:
            return self._finite(waves)
        except (RuntimeError, MemoryError) as error:
            if len(waves) == 1 or out_of_memory(error) is None:
                raise
            return None

    def _finite(self, waves: list[np.ndarray]) -> list[np.ndarray]:
        features = self._encoder.encode(waves)
        wrong = [i for i, one in enumerate(features) if not np.isfinite(one).all()]
        if self._precision == "fp32" or not wrong:
            return features
        safe = self._load("fp32")
        again = safe.encode(waves)
        if not any(np.isfinite(again[i]).all() for i in wrong):  # it was not the precision, but the recordings
            return features
        about = {"precision": self._precision, "device": name_of(self._device), "encoder": self.name}
        self._notes.append(Message("content.precision_not_finite", **about))
        self._encoder, self._precision = safe, "fp32"
        return again

    def notes(self) -> Iterator[Message]:
        """Warnings about what was encoded since the last call, each once."""
        with suppress(IndexError):
            while True:
                yield self._notes.pop(0)
