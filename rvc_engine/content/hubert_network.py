"""The network of HuBERT base and large (Hsu and others, "HuBERT", 2021; the layers are wav2vec 2.0's) for inference.
Weights have torchaudio's names, which our own files use."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rvc_engine.content.hubert_config import Convolution, HubertConfig


class HubertTrunk(nn.Module):
    """Waves to the outputs of each transformer layer."""

    def __init__(self, config: HubertConfig) -> None:
        super().__init__()
        self.feature_extractor = FeatureExtractor(config)
        self.encoder = Encoder(config)


class FeatureExtractor(nn.Module):
    """(B, T) samples -> (B, F, C)."""

    def __init__(self, config: HubertConfig) -> None:
        super().__init__()
        channels = [1, *(out for out, _, _ in config.convolutions)]
        self.conv_layers = nn.ModuleList(
            ConvLayer(channels[i], layer, bias=config.conv_bias, norm=_norm_of(config, i))
            for i, layer in enumerate(config.convolutions)
        )

    def forward(self, waves: Tensor) -> Tensor:
        x = waves.unsqueeze(1)
        for layer in self.conv_layers:
            x = layer(x)
        return x.transpose(1, 2)


def _norm_of(config: HubertConfig, layer: int) -> nn.Module | None:
    channels = config.convolutions[layer][0]
    if config.conv_layer_norm:
        return ChannelNorm(channels)
    return nn.GroupNorm(channels, channels) if layer == 0 else None


class ChannelNorm(nn.LayerNorm):
    """A layer norm over the channels of (B, C, F)."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.transpose(1, 2)).transpose(1, 2)


class ConvLayer(nn.Module):
    def __init__(self, channels: int, layer: Convolution, *, bias: bool, norm: nn.Module | None) -> None:
        super().__init__()
        out, kernel, stride = layer
        self.layer_norm = norm
        self.conv = nn.Conv1d(channels, out, kernel, stride, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        if self.layer_norm is not None:
            x = self.layer_norm(x)
        return F.gelu(x)


class Encoder(nn.Module):
    def __init__(self, config: HubertConfig) -> None:
        super().__init__()
        self.feature_projection = FeatureProjection(config)
        self.transformer = Transformer(config)


class FeatureProjection(nn.Module):
    """(B, F, C) -> (B, F, D)."""

    def __init__(self, config: HubertConfig) -> None:
        super().__init__()
        channels = config.convolutions[-1][0]
        self.layer_norm = nn.LayerNorm(channels)
        self.projection = nn.Linear(channels, config.width) if config.input_projection else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        projected: Tensor = self.projection(self.layer_norm(x))
        return projected


class Transformer(nn.Module):
    def __init__(self, config: HubertConfig) -> None:
        super().__init__()
        self.norm_first = config.norm_first
        self.pos_conv_embed = PositionalConvolution(config)
        self.layer_norm = nn.LayerNorm(config.width)
        self.layers = nn.ModuleList(TransformerLayer(config) for _ in range(config.layers))

    def forward(self, x: Tensor, attended: Tensor | None, layers: int | None = None) -> list[Tensor]:
        """(B, F, D), True for frames that others may attend to (B, 1, F, F) -> the output of each of the first `layers`
        layers. The norm that follows the last layer of a network with `norm_first` is left out, as in fairseq's
        extract_features."""
        x = x + self.pos_conv_embed(x)
        if not self.norm_first:
            x = self.layer_norm(x)
        outputs = []
        for layer in self.layers[:layers]:
            x = layer(x, attended)
            outputs.append(x)
        return outputs


class PositionalConvolution(nn.Module):
    """A position's embedding, from its neighbours."""

    def __init__(self, config: HubertConfig) -> None:
        super().__init__()
        kernel, groups = config.position_kernel, config.position_groups
        self.conv = NormedByPlace(config.width, kernel, groups)
        self.register_buffer("folded", None, persistent=False)

    def fold(self, dtype: torch.dtype) -> None:
        """The normed weight is computed now, not at each call."""
        self.folded = self.conv.weight.detach().to(dtype)

    def forward(self, x: Tensor) -> Tensor:
        conv, frames = self.conv, x.shape[1]
        weight = conv.weight if self.folded is None else self.folded
        embedded = F.conv1d(x.transpose(1, 2), weight, conv.bias, padding=conv.padding, groups=conv.groups)
        return F.gelu(embedded[..., :frames]).transpose(1, 2)  # an even kernel gives one frame too many


class NormedByPlace(nn.Module):
    """The parameters of a convolution whose weight has a norm for each place of the kernel, under the names that
    torch's weight_norm gives them. That itself would import a second's worth of torch to build a network without
    weights."""

    def __init__(self, width: int, kernel: int, groups: int) -> None:
        super().__init__()
        self.padding, self.groups = kernel // 2, groups
        conv = nn.Conv1d(width, width, kernel, groups=groups)
        pair = {"original0": torch.ones(1, 1, kernel), "original1": conv.weight}
        self.bias, self.parametrizations = conv.bias, nn.ModuleDict({"weight": nn.ParameterDict(pair)})

    @property
    def weight(self) -> Tensor:
        """(width, width / groups, kernel)."""
        norms, direction = self.parametrizations["weight"].parameters()
        return torch._weight_norm(direction, norms, 2)


class TransformerLayer(nn.Module):
    def __init__(self, config: HubertConfig) -> None:
        super().__init__()
        self.norm_first = config.norm_first
        self.attention = SelfAttention(config)
        self.layer_norm = nn.LayerNorm(config.width)
        self.feed_forward = FeedForward(config)
        self.final_layer_norm = nn.LayerNorm(config.width)

    def forward(self, x: Tensor, attended: Tensor | None) -> Tensor:
        if self.norm_first:
            x = x + self.attention(self.layer_norm(x), attended)
            return x + self.feed_forward(self.final_layer_norm(x))
        x = self.layer_norm(x + self.attention(x, attended))
        normed: Tensor = self.final_layer_norm(x + self.feed_forward(x))
        return normed


class SelfAttention(nn.Module):
    def __init__(self, config: HubertConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.k_proj = nn.Linear(config.width, config.width)
        self.v_proj = nn.Linear(config.width, config.width)
        self.q_proj = nn.Linear(config.width, config.width)
        self.out_proj = nn.Linear(config.width, config.width)

    def forward(self, x: Tensor, attended: Tensor | None) -> Tensor:
        query, key, value = (self._split(projection(x)) for projection in (self.q_proj, self.k_proj, self.v_proj))
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=attended)
        joined: Tensor = self.out_proj(mixed.transpose(1, 2).flatten(2))
        return joined

    def _split(self, x: Tensor) -> Tensor:
        """(B, F, D) -> (B, heads, F, D / heads)."""
        return x.unflatten(2, (self.heads, -1)).transpose(1, 2)


class FeedForward(nn.Module):
    def __init__(self, config: HubertConfig) -> None:
        super().__init__()
        self.intermediate_dense = nn.Linear(config.width, config.inner_width)
        self.output_dense = nn.Linear(config.inner_width, config.width)

    def forward(self, x: Tensor) -> Tensor:
        dense: Tensor = self.output_dense(F.gelu(self.intermediate_dense(x)))
        return dense
