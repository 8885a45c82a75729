"""From a linear spectrogram to the latent that the decoder speaks from; used in training only."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rvc_engine.models.conv import Pointwise
from rvc_engine.models.wavenet import WaveNet
from rvc_engine.presets import ModelConfig


class PosteriorEncoder(nn.Module):
    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.pre = Pointwise(config.spec_bins, config.hidden_channels)
        self.enc = WaveNet(config.hidden_channels, 5, config.posterior_layers, config.gin_channels)
        self.proj = Pointwise(config.hidden_channels, 2 * config.inter_channels)

    def forward(self, spec: Tensor, mask: Tensor, g: Tensor) -> tuple[Tensor, Tensor]:
        """(B, bins, F), (B, 1, F), (B, gin, 1) -> mean and log of the standard deviation, each (B, C, F)."""
        x = self.enc(self.pre(spec) * mask, mask, g)
        mean, logs = (self.proj(x) * mask).chunk(2, dim=1)
        return mean, logs


def sample(mean: Tensor, logs: Tensor, noise: Tensor, mask: Tensor) -> Tensor:
    """(B, C, F): mean + exp(logs) * noise where the mask is 1."""
    return (mean + torch.exp(logs) * noise) * mask
