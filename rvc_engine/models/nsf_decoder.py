"""From the latent to the waveform: HiFi-GAN (https://arxiv.org/abs/2010.05646) with a sine source that follows the
pitch (NSF)."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rvc_engine.models.checkpointing import recomputed
from rvc_engine.models.conv import Conv1d
from rvc_engine.models.float32 import Float32Conv1d, InFloat32
from rvc_engine.models.noise import NoiseSource
from rvc_engine.models.weight_norm import NormedConv1d, NormedConvTranspose1d
from rvc_engine.presets import ModelConfig

SINE = 0.1
VOICED_NOISE = 0.003
UNVOICED_NOISE = SINE / 3
SLOPE = 0.1
FLOAT32_STAGES = 2
"""The last ones, next to the wave, add up in float32 what half precision makes."""
WINDOW = 400
"""Frames that a CPU decodes at a time: of longer ones the layers' outputs leave its caches, and it waits for
memory."""


def sine_wave(pitch_hz: Tensor, hop: int, rate: int) -> Tensor:
    """(B, F) Hz -> (B, F * hop): sin(2 pi * running sum of f0 / rate), the current sample included; unvoiced frames add
    nothing.

    The phase at each frame's start is summed in float64 and wrapped, so that float32 is right to 1e-6 inside the frame.
    """
    step = pitch_hz.double() / rate
    ends = torch.cumsum(step * hop, dim=1)
    starts = torch.remainder(ends - step * hop, 1.0).float()
    inside = torch.arange(1, hop + 1, device=pitch_hz.device, dtype=torch.float32)
    phase = starts.unsqueeze(2) + step.float().unsqueeze(2) * inside
    return torch.sin(2 * math.pi * torch.remainder(phase, 1.0)).flatten(1)


class SineSource(InFloat32):
    """One sine that follows the pitch, with noise; noise alone where there is no pitch. Half precision would detune
    it."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.rate, self.hop = config.sample_rate, config.hop_samples
        self.l_linear = nn.Linear(1, 1)

    def forward(self, pitch_hz: Tensor, noise: NoiseSource) -> Tensor:
        """(B, F) -> (B, F * hop, 1)."""
        voiced = (pitch_hz > 0).float().repeat_interleave(self.hop, dim=1)
        sine = SINE * sine_wave(pitch_hz, self.hop, self.rate) * voiced
        level = VOICED_NOISE * voiced + UNVOICED_NOISE * (1 - voiced)
        drawn = noise.normal((*sine.shape, 1)).squeeze(2)
        return torch.tanh(self.l_linear((sine + level * drawn).unsqueeze(2)))


class ResidualBlock(nn.Module):
    """(B, C, T) -> (B, C, T)."""

    def __init__(self, channels: int, kernel: int, dilations: tuple[int, ...]) -> None:
        super().__init__()
        self.convs1 = nn.ModuleList(NormedConv1d(channels, channels, kernel, dilation=d) for d in dilations)
        self.convs2 = nn.ModuleList(NormedConv1d(channels, channels, kernel) for _ in dilations)

    def forward(self, x: Tensor) -> Tensor:
        for conv1, conv2 in zip(self.convs1, self.convs2, strict=True):
            y = conv1(F.leaky_relu(x, SLOPE))
            x = x + conv2(F.leaky_relu(y, SLOPE))
        return x


class Decoder(nn.Module):
    checkpointing = False

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        rates, first, stages = config.upsample_rates, config.upsample_initial_channel, range(len(config.upsample_rates))
        widths = [first >> (i + 1) for i in stages]
        self.hop, self.rates = config.hop_samples, rates
        if config.pitch:
            self.m_source = SineSource(config)
            self.noise_convs = nn.ModuleList(
                _source_conv(width, math.prod(rates[i + 1 :])) for i, width in enumerate(widths)
            )
        self.conv_pre = Conv1d(config.inter_channels, first, 7, padding=3)
        self.ups = nn.ModuleList(
            NormedConvTranspose1d(first >> i, widths[i], config.upsample_kernel_sizes[i], stride=rates[i])
            for i in stages
        )
        shapes = list(zip(config.resblock_kernel_sizes, config.resblock_dilation_sizes, strict=True))
        self.blocks_a_stage = len(shapes)
        self.resblocks = nn.ModuleList(
            ResidualBlock(width, kernel, dilations) for width in widths for kernel, dilations in shapes
        )
        self.conv_post = Float32Conv1d(widths[-1], 1, 7, padding=3, bias=False)
        self.cond = Conv1d(config.gin_channels, first, 1)
        self.reaches = reaches(config)

    def forward(
        self,
        z: Tensor,
        g: Tensor,
        pitch_hz: Tensor | None,
        noise: NoiseSource,
        frames: int | None = None,
        part: tuple[int, int] | None = None,
    ) -> Tensor:
        """(B, C, F), (B, gin, 1), (B, F) -> (B, 1, F * hop). `frames`: latent and source are first stretched to this
        many frames. `part`: only the frames first .. stop of the wave, the same numbers as in the whole."""
        source = self.m_source(pitch_hz, noise).transpose(1, 2) if pitch_hz is not None else None
        if frames is not None and frames != z.shape[2]:
            z = F.interpolate(z, size=frames, mode="linear")
            source = F.interpolate(source, size=frames * self.hop, mode="linear") if source is not None else None
        first, stop = part or (0, z.shape[2])
        size = WINDOW if z.device.type == "cpu" and not torch.is_grad_enabled() else stop - first
        pieces = [self._piece(z, g, source, start, min(start + size, stop)) for start in range(first, stop, size)]
        return pieces[0] if len(pieces) == 1 else torch.cat(pieces, dim=2)

    def _piece(self, z: Tensor, g: Tensor, source: Tensor | None, start: int, stop: int) -> Tensor:
        """Frames start .. stop, from as many more on both sides as the convolutions reach: fewer from stage to
        stage."""
        low, high = max(0, start - self.reaches[0] - 3), min(z.shape[2], stop + self.reaches[0] + 3)
        x = self.conv_pre(z[:, :, low:high]) + self.cond(g)
        hop, scale = self.hop, 1  # samples of the wave for one of x, and samples of x a frame
        for i, (up, rate, reach) in enumerate(zip(self.ups, self.rates, self.reaches, strict=True)):
            first, last = max(low, start * scale - reach), min(high, stop * scale + reach)
            x = up(F.leaky_relu(x[:, :, first - low : last - low], SLOPE))
            low, high, scale, hop = first * rate, last * rate, scale * rate, hop // rate
            if source is not None:
                added = self.noise_convs[i](source[:, :, low * hop : high * hop])
                x = x + (added if i >= len(self.ups) - FLOAT32_STAGES else added.to(x.dtype))
            x = self._stage(x, i)
        x = torch.tanh(self.conv_post(F.leaky_relu(x)))  # torch's own slope, 0.01, as RVC has it here
        return x[:, :, start * scale - low : stop * scale - low]

    def _stage(self, x: Tensor, i: int) -> Tensor:
        """Mean of the residual blocks of stage `i`."""
        n = self.blocks_a_stage
        blocks = self.resblocks[i * n : (i + 1) * n]
        total = recomputed(self.checkpointing, blocks[0], x)
        for block in blocks[1:]:
            total = total + recomputed(self.checkpointing, block, x)
        return total / n


def reaches(config: ModelConfig) -> list[int]:
    """How far on each side the wave's samples depend on what goes into a stage, in samples of that."""
    found: list[int] = []
    after = 3  # conv_post
    for stage in reversed(range(len(config.upsample_rates))):
        rate, kernel = config.upsample_rates[stage], config.upsample_kernel_sizes[stage]
        shapes = zip(config.resblock_kernel_sizes, config.resblock_dilation_sizes, strict=True)
        widest = max((size - 1) // 2 * (sum(dilations) + len(dilations)) for size, dilations in shapes)
        after = math.ceil((after + widest + 1) / rate + kernel / rate / 2 + 1)  # 1: the source's convolution
        found.insert(0, after)
    return found


def _source_conv(width: int, stride: int) -> Float32Conv1d:
    """Brings the source, at full rate, to the rate of a stage, `stride` times lower."""
    if stride == 1:
        return Float32Conv1d(1, width, 1)
    return Float32Conv1d(1, width, 2 * stride, stride, padding=stride // 2)
