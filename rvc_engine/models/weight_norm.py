"""Convolutions with weight norm under the key names of the RVC checkpoints: bias, weight_g, weight_v, in this order.

weight = g * v / |v|, the norm over all axes but the first (https://arxiv.org/abs/1602.07868). For a transposed
convolution the first axis is the input channel.
"""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rvc_engine.models.conv import conv1d, conv_transpose1d


class WeightNormed(nn.Module):
    """Holds the parameters; `shape` is that of the weight, whose first axis keeps its own norm."""

    folded: Tensor | None

    def __init__(self, shape: tuple[int, ...], channels_out: int) -> None:
        super().__init__()
        bound = 1 / math.sqrt(math.prod(shape[1:]))
        self.bias = nn.Parameter(torch.empty(channels_out).uniform_(-bound, bound))
        v = torch.empty(shape).uniform_(-bound, bound)
        # a network without weights is built on the device "meta", where torch would import its compiler for a norm
        norms = v.new_empty(shape[0]) if v.is_meta else v.flatten(1).norm(dim=1)
        self.weight_g = nn.Parameter(norms.view(-1, *[1] * (len(shape) - 1)))
        self.weight_v = nn.Parameter(v)
        self.register_buffer("folded", None, persistent=False)

    @property
    def weight(self) -> Tensor:
        if self.folded is not None:
            return self.folded
        return torch._weight_norm(self.weight_v, self.weight_g, 0)

    def fold(self) -> None:
        """Compute the weight once; loading other parameters, training mode and unfold() forget it."""
        with torch.no_grad():
            self.folded = torch._weight_norm(self.weight_v, self.weight_g, 0)

    def unfold(self) -> None:
        self.folded = None

    def train(self, mode: bool = True) -> WeightNormed:
        if mode:
            self.unfold()
        return super().train(mode)

    def _load_from_state_dict(self, *args: Any) -> None:
        self.unfold()
        super()._load_from_state_dict(*args)


class NormedConv1d(WeightNormed):
    """(B, C_in, T) -> (B, C_out, T'), padded to keep the length when the stride is 1 and the kernel odd."""

    def __init__(
        self, c_in: int, c_out: int, kernel: int, *, stride: int = 1, dilation: int = 1, groups: int = 1
    ) -> None:
        super().__init__((c_out, c_in // groups, kernel), c_out)
        self.stride, self.dilation, self.groups = stride, dilation, groups
        self.padding = dilation * (kernel - 1) // 2

    def forward(self, x: Tensor) -> Tensor:
        return conv1d(x, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups)


class NormedConvTranspose1d(WeightNormed):
    """(B, C_in, T) -> (B, C_out, T * stride)."""

    def __init__(self, c_in: int, c_out: int, kernel: int, *, stride: int) -> None:
        super().__init__((c_in, c_out, kernel), c_out)
        self.stride, self.padding = stride, (kernel - stride) // 2

    def forward(self, x: Tensor) -> Tensor:
        return conv_transpose1d(x, self.weight, self.bias, self.stride, self.padding)


class NormedConv2d(WeightNormed):
    """(B, C_in, T, P) -> (B, C_out, T', P): a convolution along the first of two axes."""

    def __init__(self, c_in: int, c_out: int, kernel: int, *, stride: int = 1) -> None:
        super().__init__((c_out, c_in, kernel, 1), c_out)
        self.stride, self.padding = (stride, 1), (kernel // 2, 0)

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight, self.bias, self.stride, self.padding)


def fold(network: nn.Module) -> None:
    """Compute every normed weight once: for networks whose weights do not change any more."""
    for module in network.modules():
        if isinstance(module, WeightNormed):
            module.fold()
