"""What a vocoder, the part of a voice that makes the waveform, must give. A module with one imports no torch before
`build`: the advisor asks for its size in a process without it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

    from rvc_engine.presets import ModelConfig

Shape = tuple[int, ...]


class Vocoder(ABC):
    aliases: tuple[str, ...] = ()
    """What other programs call it in the `vocoder` entry of a voice."""
    uses_content = False
    """Its network takes the content features, (B, D, F), after the latent."""

    def __init__(self, name: str) -> None:
        self.name = name

    @abstractmethod
    def build(self, config: ModelConfig) -> nn.Module:
        """A network whose forward(z, [content,] g, pitch_hz, noise, frames, part) takes the latent (B, C, F), the
        speaker (B, gin, 1), Hz (B, F) or None, a NoiseSource, the number of frames that all is stretched to first
        (None: as they are), and the frames (first, stop) of the wave that are wanted (None: all), and returns (B, 1, F
        * hop)."""

    def marks(self, config: ModelConfig) -> Mapping[str, Shape | None]:
        """Shapes of tensors below `dec.` that distinguish the presets that a checkpoint may be of; None: it has no such
        tensor."""
        return {}

    def parameters(self, config: ModelConfig) -> int:
        """To a few percent, for the batch-size advisor."""
        channels = config.upsample_initial_channel
        total = 7 * config.inter_channels * channels
        for kernel in config.upsample_kernel_sizes:
            total += channels * (channels // 2) * kernel
            channels //= 2
            for size, dilations in zip(config.resblock_kernel_sizes, config.resblock_dilation_sizes, strict=True):
                total += 2 * len(dilations) * size * channels * channels
        return total

    def kept_values(self, config: ModelConfig) -> int:
        """Numbers a clip of a batch that the backward pass keeps: 4 a dilation of each residual block, 3 a stage."""
        total, channels, length = 0, config.upsample_initial_channel, config.segment_frames
        kept = 4 * sum(len(dilations) for dilations in config.resblock_dilation_sizes) + 3
        for rate in config.upsample_rates:
            channels, length = channels // 2, length * rate
            total += kept * channels * length
        return total

    def checkpointed_values(self, config: ModelConfig) -> tuple[int, int]:
        """With gradient checkpointing: numbers that are kept, and those of the largest part that the backward pass
        computes again. A network whose parts can be has a `checkpointing` (models/checkpointing.py)."""
        return self.kept_values(config), 0
