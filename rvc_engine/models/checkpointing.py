"""Gradient checkpointing: of parts of a network only the inputs are kept; the backward pass computes
the rest again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

T = TypeVar("T")


def recomputed(on: bool, function: Callable[..., T], *inputs: Any) -> T:
    """function(*inputs), which draws no random numbers; where `on`, nothing inside is kept for the backward pass."""
    if not on or not torch.is_grad_enabled():
        return function(*inputs)
    made: T = checkpoint(function, *inputs, use_reentrant=False, preserve_rng_state=False)
    return made


def set_checkpointing(network: nn.Module, on: bool) -> None:
    """In each module that has a `checkpointing`."""
    for module in network.modules():
        if hasattr(module, "checkpointing"):
            module.checkpointing = on  # type: ignore[assignment]
