"""The starter's vocoder: filters that the network draws, and an inverse short-time Fourier transform."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rvc_engine.vocoders.base import Shape, Vocoder

if TYPE_CHECKING:
    from torch import nn

    from rvc_engine.presets import ModelConfig


class Istft(Vocoder):
    uses_content = True

    def build(self, config: ModelConfig) -> nn.Module:
        from rvc_engine.models.istft_decoder import FilterDecoder

        return FilterDecoder(config)

    def marks(self, config: ModelConfig) -> Mapping[str, Shape | None]:
        first = config.upsample_initial_channel
        bins = config.upsample_kernel_sizes[0] // 2 + 1
        source = (first, bins, 1) if config.pitch else None
        return {"conv_pre.weight": (first, config.inter_channels, 7), "source.weight": source}
