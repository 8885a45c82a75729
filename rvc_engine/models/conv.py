"""Convolutions along time.

On a CPU, where no gradient is wanted, float32 is computed with the channels of a moment side by side
(channels-last, which torch offers for two axes only): oneDNN then reads the samples as they lie, where it otherwise
rearranges them before and after every layer. In training this does not pay: the gradient of a weight, a sum over all
moments, is slower in that layout. On a GPU it is one of the ways in tuning.py.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rvc_engine.models.tuning import CHANNELS_LAST, PRODUCTS, uses


def conv1d(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
    groups: int = 1,
) -> Tensor:
    """(B, C_in, T) -> (B, C_out, T'), as torch's function of this name."""
    if weight.shape[2] == 1 and (stride, padding, groups) == (1, 0, 1) and _use_products(x):
        return _product(x, weight, bias)
    if not _use_channels_last(x, groups):
        return F.conv1d(x, weight, bias, stride, padding, dilation, groups)
    return F.conv2d(_plane(x), weight.unsqueeze(2), bias, (1, stride), (0, padding), (1, dilation), groups).squeeze(2)


def conv_transpose1d(x: Tensor, weight: Tensor, bias: Tensor | None, stride: int, padding: int) -> Tensor:
    """(B, C_in, T) -> (B, C_out, T'), as torch's function of this name."""
    if not _use_channels_last(x):
        return F.conv_transpose1d(x, weight, bias, stride, padding)
    return F.conv_transpose2d(_plane(x), weight.unsqueeze(2), bias, (1, stride), (0, padding)).squeeze(2)


class Conv1d(nn.Conv1d):
    """torch's layer of this name, by conv1d above."""

    def forward(self, x: Tensor) -> Tensor:
        """(B, C_in, T) -> (B, C_out, T')."""
        return conv1d(x, self.weight, self.bias, self.stride[0], int(self.padding[0]), self.dilation[0], self.groups)


class Pointwise(nn.Conv1d):
    """Of kernel size 1, in the default layout."""

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__(c_in, c_out, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C_in, T) -> (B, C_out, T)."""
        return pointwise(x, self.weight, self.bias)


def pointwise(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """(B, C_in, T), (C_out, C_in, 1), (C_out,) -> (B, C_out, T)."""
    return _product(x, weight, bias) if _use_products(x) else F.conv1d(x, weight, bias)


def _use_products(x: Tensor) -> bool:
    """Not for one moment: its gradient is an outer product, for which torch compiles a kernel where it can."""
    return uses(PRODUCTS) and x.shape[2] > 1


def _product(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    matrix = weight.squeeze(2).expand(len(x), -1, -1)
    return torch.bmm(matrix, x) if bias is None else torch.baddbmm(bias.unsqueeze(1), matrix, x)


def _use_channels_last(x: Tensor, groups: int = 1) -> bool:
    if uses(CHANNELS_LAST):
        return groups == 1
    plain = x.device.type == "cpu" and x.dtype == torch.float32
    return plain and not torch.is_grad_enabled() and not torch.is_autocast_enabled("cpu")


def _plane(x: Tensor) -> Tensor:
    """(B, C, T) -> (B, C, 1, T), channels last; a copy only where x does not lie so already."""
    return x.unsqueeze(2).contiguous(memory_format=torch.channels_last)


class DepthwiseChannelsLast(nn.Module):
    """A depthwise Conv1d in the layout that oneDNN has a fast kernel for: the same numbers in a fifth of the time."""

    def __init__(self, conv: nn.Conv1d) -> None:
        super().__init__()
        self.conv = conv

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, C, T) -> (B, C, T')."""
        c = self.conv
        wide = x.unsqueeze(2).to(memory_format=torch.channels_last)
        padding = (0, int(c.padding[0]))
        return F.conv2d(
            wide, c.weight.unsqueeze(2), c.bias, (1, c.stride[0]), padding, (1, c.dilation[0]), c.groups
        ).squeeze(2)


def use_channels_last_depthwise(model: nn.Module) -> None:
    """Depthwise convolutions become DepthwiseChannelsLast: oneDNN has no fast kernel for them in the default layout."""
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if (
                isinstance(child, nn.Conv1d)
                and child.groups == child.in_channels > 1
                and not isinstance(parent, DepthwiseChannelsLast)
            ):
                setattr(parent, name, DepthwiseChannelsLast(child))
