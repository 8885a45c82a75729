"""NSF-HiFiGAN, the vocoder of v1 and v2 voices: HiFi-GAN (https://arxiv.org/abs/2010.05646) with a sine source that
follows the pitch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rvc_engine.vocoders.base import Shape, Vocoder

if TYPE_CHECKING:
    from torch import nn

    from rvc_engine.presets import ModelConfig


class HifiGanNsf(Vocoder):
    aliases = ("HiFi-GAN", "hifigan", "HiFiGAN")

    def build(self, config: ModelConfig) -> nn.Module:
        from rvc_engine.models.nsf_decoder import Decoder

        return Decoder(config)

    def checkpointed_values(self, config: ModelConfig) -> tuple[int, int]:
        """3 a stage are kept, and 4 a dilation of one residual block computed again."""
        channels, length, stages = config.upsample_initial_channel, config.segment_frames, []
        for rate in config.upsample_rates:
            channels, length = channels // 2, length * rate
            stages.append(channels * length)
        return 3 * sum(stages), 4 * max(map(len, config.resblock_dilation_sizes)) * max(stages)

    def marks(self, config: ModelConfig) -> Mapping[str, Shape | None]:
        first = config.upsample_initial_channel
        kernels = config.upsample_kernel_sizes
        ups: dict[str, Shape | None] = {
            f"ups.{i}.weight_v": (first >> i, first >> (i + 1), kernel) for i, kernel in enumerate(kernels)
        }
        source = config.sample_rate // 100 // config.upsample_rates[0]
        ups[f"ups.{len(kernels)}.weight_v"] = None
        ups["noise_convs.0.weight"] = (first // 2, 1, 2 * source) if config.pitch else None
        return ups
