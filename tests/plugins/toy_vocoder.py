"""A vocoder of another package: one layer that draws each frame's samples."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from rvc_engine.models.noise import NoiseSource
from rvc_engine.presets import ModelConfig
from rvc_engine.vocoders.base import Vocoder


class OneLayer(Vocoder):
    def build(self, config: ModelConfig) -> nn.Module:
        return OneLayerNetwork(config)


class OneLayerNetwork(nn.Module):
    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.hop = config.hop_samples
        self.frame = nn.Conv1d(config.inter_channels, self.hop, 1)

    def forward(
        self,
        z: Tensor,
        g: Tensor,
        pitch_hz: Tensor | None,
        noise: NoiseSource,
        frames: int | None = None,
        part: tuple[int, int] | None = None,
    ) -> Tensor:
        if frames is not None and frames != z.shape[2]:
            z = F.interpolate(z, size=frames, mode="linear")
        first, stop = part or (0, z.shape[2])
        return self.frame(z[:, :, first:stop]).tanh().transpose(1, 2).flatten(1).unsqueeze(1)
