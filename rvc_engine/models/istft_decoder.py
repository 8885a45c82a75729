"""From the latent to the waveform on a CPU: a pulse train that follows the pitch, and noise, each through a filter that
the network draws.

The network works at 100 frames a second (ConvNeXt blocks, as in Vocos, https://arxiv.org/abs/2306.00814) and gives for
each frame and each frequency a complex factor for the pulses and a gain for the noise, as a time-varying source-filter
model has them (https://arxiv.org/abs/1910.11997); an inverse short-time Fourier transform makes the wave. The pitch is
right from the first step on.

The latent alone would blur words: what it says of the content comes through the noise of the prior, which is about as
strong. So the decoder also gets the content features as input.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rvc_engine.models.checkpointing import recomputed
from rvc_engine.models.convnext import ConvNextBlock
from rvc_engine.models.noise import NoiseSource
from rvc_engine.presets import ModelConfig

EXPANSION = 3
LOWEST_HZ = 20.0
HIGHEST = 0.95  # of half the rate: harmonics above are left out


def pulse_train(pitch_hz: Tensor, hop: int, rate: int) -> Tensor:
    """(B, F) Hz -> (B, F * hop): the sum of all harmonics below half the rate as cosines, of unit power; 0 where there
    is no pitch.

    By Dirichlet's kernel: sum over k = 1..K of cos(k x) = sin((K + 1/2) x) / (2 sin(x / 2)) - 1/2. The phase at each
    frame's start is summed in float64 and wrapped.
    """
    voiced = pitch_hz > LOWEST_HZ
    hz = torch.where(voiced, pitch_hz, 100.0).double()
    step = hz / rate
    ends = torch.cumsum(step * hop, dim=1)
    starts = torch.remainder(ends - step * hop, 1.0).float()
    inside = torch.arange(1, hop + 1, device=pitch_hz.device, dtype=torch.float32)
    # away from 0 the kernel is small
    phase = torch.remainder(starts.unsqueeze(2) + step.float().unsqueeze(2) * inside, 1.0) - 0.5
    half = math.pi * (phase + 0.5)
    harmonics = torch.floor(HIGHEST * rate / 2 / hz).float().unsqueeze(2)
    bottom = torch.sin(half)
    near = bottom.abs() < 1e-4
    kernel = torch.sin((2 * harmonics + 1) * half) / (2 * torch.where(near, 1.0, bottom)) - 0.5
    pulses = torch.where(near, harmonics, kernel) * torch.sqrt(2 / harmonics)
    return (pulses * voiced.unsqueeze(2)).flatten(1)


class FilterDecoder(nn.Module):
    """Like nsf_decoder.Decoder, but with the content features as a further input."""

    checkpointing = False

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        width = config.upsample_initial_channel
        self.rate, self.hop, self.size = config.sample_rate, config.upsample_rates[0], config.upsample_kernel_sizes[0]
        self.bins = self.size // 2 + 1
        self.conv_pre = nn.Conv1d(config.inter_channels, width, 7, padding=3)
        self.content = nn.Conv1d(config.feature_dim, width, 5, padding=2)
        self.cond = nn.Conv1d(config.gin_channels, width, 1)
        self.source = nn.Conv1d(self.bins, width, 1) if config.pitch else None
        self.blocks = nn.ModuleList(ConvNextBlock(width, kernel, EXPANSION) for kernel in config.resblock_kernel_sizes)
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, 4 * self.bins)
        nn.init.normal_(self.head.weight, std=0.01)
        with torch.no_grad():
            self.head.bias.copy_(torch.tensor([-4.0, 0.0, 0.0, -5.0]).repeat_interleave(self.bins))

    def forward(
        self,
        z: Tensor,
        content: Tensor,
        g: Tensor,
        pitch_hz: Tensor | None,
        noise: NoiseSource,
        frames: int | None = None,
        part: tuple[int, int] | None = None,
    ) -> Tensor:
        """(B, C, F), (B, D, F), (B, gin, 1), (B, F) -> (B, 1, F * hop). `frames`: all is first stretched to this many
        frames. `part`: only the frames first .. stop of the wave."""
        if frames is not None and frames != z.shape[2]:
            z, content = (F.interpolate(x, size=frames, mode="linear") for x in (z, content))
            pitch_hz = F.interpolate(pitch_hz.unsqueeze(1), size=frames).squeeze(1) if pitch_hz is not None else None
        hiss = noise.normal((z.shape[0], z.shape[2] * self.hop))
        x = self.conv_pre(z) + self.content(content) + self.cond(g)
        pulses = None
        if pitch_hz is not None and self.source is not None:
            pulses = self._transform(pulse_train(pitch_hz.float(), self.hop, self.rate))
            x = x + self.source(torch.log(pulses.abs() + 1e-2))
        for block in self.blocks:
            x = recomputed(self.checkpointing, block, x)
        drawn = self.head(self.norm(x.transpose(1, 2))).float().transpose(1, 2)
        gain, real, imaginary, noise_gain = drawn.chunk(4, dim=1)
        spectrum = torch.exp(noise_gain.clamp(max=4.0)) * self._transform(hiss)
        if pulses is not None:
            spectrum = spectrum + torch.exp(gain.clamp(max=4.0)) * torch.complex(1 + real, imaginary) * pulses
        wave = self._inverse(spectrum, z.shape[2])
        first, stop = part or (0, z.shape[2])
        return torch.tanh(wave[:, first * self.hop : stop * self.hop]).unsqueeze(1)

    def _transform(self, wave: Tensor) -> Tensor:
        """(B, F * hop) -> (B, bins, F) complex; frame k is centred in samples hop k .. hop (k + 1)."""
        side = (self.size - self.hop) // 2
        padded = F.pad(wave, (side, side))
        window = torch.hann_window(self.size, device=wave.device)
        return torch.stft(padded, self.size, self.hop, self.size, window, center=False, return_complex=True)

    def _inverse(self, spectrum: Tensor, frames: int) -> Tensor:
        """(B, bins, F) -> (B, F * hop): windowed frames added up, over the sum of the squared windows."""
        window = torch.hann_window(self.size, device=spectrum.device)
        pieces = torch.fft.irfft(spectrum, n=self.size, dim=1) * window[:, None]
        length, side = (frames - 1) * self.hop + self.size, (self.size - self.hop) // 2
        added = F.fold(pieces, (1, length), (1, self.size), stride=(1, self.hop))[:, 0, 0]
        squares = F.fold(
            (window.square()[None, :, None]).expand(1, -1, frames), (1, length), (1, self.size), stride=(1, self.hop)
        )[0, 0, 0]
        return (added / squares.clamp(min=0.05))[:, side : side + frames * self.hop]
