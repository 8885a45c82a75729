"""Stack of gated convolutions (WaveNet without dilation growth), conditioned on a speaker vector."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from rvc_engine.models.weight_norm import NormedConv1d


class Gated(torch.autograd.Function):
    """(B, 2 C, F) -> (B, C, F): tanh of the first half of the channels times the sigmoid of the second. The gradient's
    halves are written where they belong; torch would join them afterwards."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        signal, gate = x.chunk(2, dim=1)
        signal, gate = torch.tanh(signal), torch.sigmoid(gate)
        ctx.save_for_backward(signal, gate)
        return signal * gate

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        signal, gate = ctx.saved_tensors
        size, channels, frames = gradient.shape
        found = gradient.new_empty((size, 2 * channels, frames))
        of_signal, of_gate = found.chunk(2, dim=1)
        torch.ops.aten.tanh_backward.grad_input(gradient * gate, signal, grad_input=of_signal)
        torch.ops.aten.sigmoid_backward.grad_input(gradient * signal, gate, grad_input=of_gate)
        return found


class WaveNet(nn.Module):
    """(B, C, F) -> (B, C, F): the sum of every layer's skip output."""

    def __init__(self, channels: int, kernel: int, layers: int, gin_channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.in_layers = nn.ModuleList(NormedConv1d(channels, 2 * channels, kernel) for _ in range(layers))
        widths = [2 * channels] * (layers - 1) + [channels]  # the last layer has a skip output only
        self.res_skip_layers = nn.ModuleList(NormedConv1d(channels, width, 1) for width in widths)
        self.cond_layer = NormedConv1d(gin_channels, 2 * channels * layers, 1)

    def forward(self, x: Tensor, mask: Tensor, g: Tensor) -> Tensor:
        """`mask` (B, 1, F), `g` (B, gin, 1); x is 0 where the mask is, the output need not be."""
        conditions = self.cond_layer(g).chunk(len(self.in_layers), dim=1)
        output: Tensor | None = None
        for layer, res_skip, condition in zip(self.in_layers, self.res_skip_layers, conditions, strict=True):
            y = res_skip(Gated.apply(layer(x) + condition))
            if y.shape[1] > self.channels:
                residual, y = y.chunk(2, dim=1)
                x = (x + residual) * mask
            output = y if output is None else output + y
        assert output is not None
        return output
