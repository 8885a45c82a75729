"""Networks that only listen or speak, in half precision: the weights of matrix products and convolutions are rounded
once; what adds up along the way, and the norms, stay float32."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

import torch
from torch import nn

from rvc_engine.models.float32 import InFloat32
from rvc_engine.models.weight_norm import WeightNormed

DTYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
Network = TypeVar("Network", bound=nn.Module)
ROUNDED = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.ConvTranspose1d)


def rounded(network: Network, precision: str) -> Network:
    """The same network, to be called inside `autocast`. Normed convolutions must be folded."""
    dtype = DTYPES[precision]
    if precision == "fp32":
        return network
    for module in _rounded_parts(network):
        if isinstance(module, WeightNormed) and module.folded is not None:
            module.folded = module.folded.to(dtype)
        elif isinstance(module, ROUNDED):
            module.to(dtype)
    return network


def _rounded_parts(network: nn.Module) -> Iterator[nn.Module]:
    if not isinstance(network, InFloat32):
        yield network
        for child in network.children():
            yield from _rounded_parts(child)


def autocast(device: torch.device | str, precision: str) -> torch.autocast:
    half = precision != "fp32"
    return torch.autocast(torch.device(device).type, dtype=DTYPES[precision] if half else None, enabled=half)
