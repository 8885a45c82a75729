"""Invertible flow between the posterior's latent and the prior's: four coupling layers that only shift, a channel flip
after each."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rvc_engine.models.conv import Pointwise
from rvc_engine.models.wavenet import WaveNet
from rvc_engine.presets import ModelConfig

COUPLINGS = 4


class Coupling(nn.Module):
    """Shifts one half of the channels by an amount computed from the other half (mean-only affine coupling)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        half = config.inter_channels // 2
        self.pre = Pointwise(half, config.hidden_channels)
        self.enc = WaveNet(config.hidden_channels, 5, config.flow_layers, config.gin_channels)
        self.post = Pointwise(config.hidden_channels, half)
        nn.init.zeros_(self.post.weight)  # the flow starts as the identity
        nn.init.zeros_(self.post.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor, mask: Tensor, g: Tensor, reverse: bool = False) -> Tensor:
        kept, shifted = x.chunk(2, dim=1)
        shift = self.post(self.enc(self.pre(kept) * mask, mask, g)) * mask
        shifted = shifted - shift if reverse else shift + shifted
        return torch.cat([kept, shifted], dim=1)


class Flip(nn.Module):
    """Reverses the order of the channels, so that the next coupling shifts the other half."""

    def forward(self, x: Tensor, mask: Tensor, g: Tensor, reverse: bool = False) -> Tensor:
        return x.flip(1)


class Flow(nn.Module):
    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.flows = nn.ModuleList(layer for _ in range(COUPLINGS) for layer in (Coupling(config), Flip()))

    def forward(self, x: Tensor, mask: Tensor, g: Tensor, reverse: bool = False) -> Tensor:
        """(B, C, F), 0 where the mask is, -> (B, C, F); from posterior to prior, or back when `reverse`."""
        for layer in reversed(self.flows) if reverse else self.flows:
            x = layer(x, mask, g, reverse)
        return x
