"""Critics of a waveform slice: one at full rate and one for each period, which folds the wave into rows of that
length."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rvc_engine.models.checkpointing import recomputed
from rvc_engine.models.tuning import PERIODS, uses
from rvc_engine.models.weight_norm import NormedConv1d, NormedConv2d
from rvc_engine.presets import DiscriminatorConfig

SLOPE = 0.1
SCALE_KERNELS, SCALE_STRIDES, SCALE_GROUPS = (15, 41, 41, 41, 41, 5), (1, 4, 4, 4, 4, 1), (1, 4, 16, 64, 256, 1)
PERIOD_STRIDES = (3, 3, 3, 3, 1)

Scored = tuple[Tensor, list[Tensor]]
"""Score (B, N) and the feature maps, the score's own map last."""


class ScaleDiscriminator(nn.Module):
    def __init__(self, channels: tuple[int, ...]) -> None:
        super().__init__()
        widths = zip((1, *channels), channels, SCALE_KERNELS, SCALE_STRIDES, SCALE_GROUPS, strict=False)
        self.convs = nn.ModuleList(
            NormedConv1d(c_in, c_out, kernel, stride=stride, groups=math.gcd(groups, c_in, c_out))
            for c_in, c_out, kernel, stride, groups in widths
        )
        self.conv_post = NormedConv1d(channels[-1], 1, 3)

    def forward(self, wave: Tensor) -> Scored:
        """(B, 1, T)."""
        return _score(wave, self.convs, self.conv_post)


class PeriodDiscriminator(nn.Module):
    def __init__(self, period: int, channels: tuple[int, ...]) -> None:
        super().__init__()
        self.period = period
        widths = zip((1, *channels), channels, PERIOD_STRIDES, strict=False)
        self.convs = nn.ModuleList(NormedConv2d(c_in, c_out, 5, stride=stride) for c_in, c_out, stride in widths)
        self.conv_post = NormedConv2d(channels[-1], 1, 3)

    def forward(self, wave: Tensor) -> Scored:
        """(B, 1, T)."""
        missing = -wave.shape[2] % self.period
        if missing:
            wave = F.pad(wave, (0, missing), "reflect")
        return _score(wave.unflatten(2, (-1, self.period)), self.convs, self.conv_post)


def _score(x: Tensor, convs: nn.ModuleList, conv_post: nn.Module) -> Scored:
    maps = []
    for conv in convs:
        x = F.leaky_relu(conv(x), SLOPE)
        if x.ndim == 4 and uses(PERIODS):  # after the first: of one channel the layouts are the same
            x = x.contiguous(memory_format=torch.channels_last)
        maps.append(x)
    x = conv_post(x)
    return x.flatten(1), [*maps, x]


class Discriminators(nn.Module):
    checkpointing = False

    def __init__(self, config: DiscriminatorConfig) -> None:
        super().__init__()
        periods = (PeriodDiscriminator(period, config.period_channels) for period in config.periods)
        self.discriminators = nn.ModuleList([ScaleDiscriminator(config.scale_channels), *periods])

    def forward(self, wave: Tensor) -> list[Scored]:
        """(B, 1, T) -> each discriminator's score and feature maps; of checkpointed ones the score alone."""
        if self.checkpointing and torch.is_grad_enabled():
            return [(recomputed(True, _score_alone, one, wave), []) for one in self.discriminators]
        return [discriminator(wave) for discriminator in self.discriminators]


def _score_alone(discriminator: nn.Module, wave: Tensor) -> Tensor:
    score: Tensor = discriminator(wave)[0]
    return score
