"""From content features and coarse pitch to the prior of the latent: a small transformer with relative positions.

Relative positions after Shaw et al. (https://arxiv.org/abs/1803.02155), within WINDOW frames, shared by the heads.
"""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rvc_engine.models.conv import Pointwise, pointwise
from rvc_engine.models.float32 import Float32Linear, InFloat32
from rvc_engine.presets import ModelConfig

WINDOW = 10
MASKED = -1e4
PITCH_STEPS = 256
QUERY_BLOCK = 512  # frames that look at a time when converting


class BandToSquare(torch.autograd.Function):
    """(..., F, 2W+1) -> (..., F, F) with square[i, i + k - W] = band[i, k] and 0 elsewhere: the band lies in rows of
    F + 2W, each one column further than the row above."""

    @staticmethod
    def forward(ctx: Any, band: Tensor) -> Tensor:
        ctx.width = band.shape[-1]
        return _square_of(band)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        return _band_of(gradient, ctx.width)


class SquareToBand(torch.autograd.Function):
    """The inverse reading: (..., F, F) -> (..., F, width)."""

    @staticmethod
    def forward(ctx: Any, square: Tensor, width: int) -> Tensor:
        return _band_of(square, width)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        return _square_of(gradient), None


def _square_of(band: Tensor) -> Tensor:
    *lead, frames, width = band.shape
    rows = band.new_zeros((*lead, frames, frames + width - 1))
    _slanted(rows, width).copy_(band)
    return rows[..., width // 2 : width // 2 + frames]


def _band_of(square: Tensor, width: int) -> Tensor:
    return _slanted(F.pad(square, (width // 2, width // 2)), width)


def _slanted(rows: Tensor, width: int) -> Tensor:
    """Of contiguous rows (..., F, N) a view (..., F, width): of each the columns from its number on."""
    *lead, across, _ = rows.stride()
    return rows.as_strided((*rows.shape[:-1], width), (*lead, across + 1, 1))


def band_to_square(band: Tensor) -> Tensor:
    """See BandToSquare."""
    square: Tensor = BandToSquare.apply(band)
    return square


def square_to_band(square: Tensor, width: int) -> Tensor:
    """See SquareToBand."""
    band: Tensor = SquareToBand.apply(square, width)
    return band


class Attention(InFloat32):
    """Multi-head self-attention with relative positions on keys and values. (B, C, F) -> (B, C, F)."""

    def __init__(self, channels: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.width = heads, channels // heads
        self.emb_rel_k = nn.Parameter(torch.empty(1, 2 * WINDOW + 1, self.width))
        self.emb_rel_v = nn.Parameter(torch.empty(1, 2 * WINDOW + 1, self.width))
        for embedding in (self.emb_rel_k, self.emb_rel_v):
            nn.init.normal_(embedding, std=self.width**-0.5)
        self.conv_q = Pointwise(channels, channels)
        self.conv_k = Pointwise(channels, channels)
        self.conv_v = Pointwise(channels, channels)
        self.conv_o = Pointwise(channels, channels)
        for conv in (self.conv_q, self.conv_k, self.conv_v):
            nn.init.xavier_uniform_(conv.weight)
        self.drop = nn.Dropout(dropout) if dropout else nn.Identity()

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """`mask` (B, 1, F, F): True where a frame may not look."""
        query, key, value = (self._split(part) for part in self._projected(x).chunk(3, dim=1))
        query = query / math.sqrt(self.width)
        if not torch.is_grad_enabled() and x.shape[2] > QUERY_BLOCK:
            blocks = range(0, x.shape[2], QUERY_BLOCK)
            found = torch.cat([self._found_by(query, key, value, mask, first) for first in blocks], dim=2)
            return self.conv_o(found.transpose(2, 3).flatten(1, 2))
        near = band_to_square(query @ self.emb_rel_k.transpose(1, 2))
        scores = query @ key.transpose(2, 3) + near + mask * MASKED
        weights = self.drop(torch.softmax(scores, dim=-1))
        found = weights @ value + square_to_band(weights, 2 * WINDOW + 1) @ self.emb_rel_v
        return self.conv_o(found.transpose(2, 3).flatten(1, 2))

    def _found_by(self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor, first: int) -> Tensor:
        """What QUERY_BLOCK frames from `first` on find, (B, heads, block, C / heads): the same numbers in memory that
        grows with F only."""
        query, mask = query[:, :, first : first + QUERY_BLOCK], mask[:, :, first : first + QUERY_BLOCK]
        batch, heads, count, _ = query.shape
        place = torch.arange(first, first + count, device=query.device)[:, None] + torch.arange(
            2 * WINDOW + 1, device=query.device
        )
        # columns of the band, shifted by WINDOW so that none is negative
        place = place.expand(batch, heads, count, 2 * WINDOW + 1)
        scores = F.pad(query @ key.transpose(2, 3), (WINDOW, WINDOW))
        scores = scores.scatter_add_(3, place, query @ self.emb_rel_k.transpose(1, 2))[..., WINDOW:-WINDOW]
        weights = self.drop(torch.softmax(scores.masked_fill(mask, MASKED), dim=-1))
        near = F.pad(weights, (WINDOW, WINDOW)).gather(3, place)
        return weights @ value + near @ self.emb_rel_v

    def _projected(self, x: Tensor) -> Tensor:
        """(B, C, F) -> (B, 3 C, F): query, key and value by one convolution."""
        weights, biases = zip(
            *((conv.weight, conv.bias) for conv in (self.conv_q, self.conv_k, self.conv_v)), strict=True
        )
        return pointwise(x, torch.cat(weights), torch.cat(biases))

    def _split(self, x: Tensor) -> Tensor:
        """(B, C, F) -> (B, heads, F, C / heads)."""
        return x.unflatten(1, (self.heads, self.width)).transpose(2, 3)


class FeedForward(nn.Module):
    def __init__(self, channels: int, inner: int, kernel: int, dropout: float) -> None:
        super().__init__()
        self.conv_1 = nn.Conv1d(channels, inner, kernel, padding=kernel // 2)
        self.conv_2 = nn.Conv1d(inner, channels, kernel, padding=kernel // 2)
        self.drop = nn.Dropout(dropout) if dropout else nn.Identity()

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        x = self.drop(torch.relu(self.conv_1(x * mask)))
        return self.conv_2(x * mask)


class ChannelNorm(nn.Module):
    """Layer norm over the channels of (B, C, F)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(channels))
        self.beta = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        return F.layer_norm(x.transpose(1, 2), self.gamma.shape, self.gamma, self.beta, 1e-5).transpose(1, 2)


class Transformer(nn.Module):
    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        channels, layers, dropout = config.hidden_channels, range(config.n_layers), config.p_dropout
        inner, kernel = config.filter_channels, config.kernel_size
        self.attn_layers = nn.ModuleList(Attention(channels, config.n_heads, dropout) for _ in layers)
        self.norm_layers_1 = nn.ModuleList(ChannelNorm(channels) for _ in layers)
        self.ffn_layers = nn.ModuleList(FeedForward(channels, inner, kernel, dropout) for _ in layers)
        self.norm_layers_2 = nn.ModuleList(ChannelNorm(channels) for _ in layers)
        self.drop = nn.Dropout(dropout) if dropout else nn.Identity()

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """(B, C, F), `mask` (B, 1, F). Where the mask is 0 the output means nothing, and no other frame looks there."""
        hidden = (mask.unsqueeze(2) * mask.unsqueeze(3)) == 0
        layers = zip(self.attn_layers, self.norm_layers_1, self.ffn_layers, self.norm_layers_2, strict=True)
        for attention, norm_1, feed_forward, norm_2 in layers:
            x = norm_1(x + self.drop(attention(x, hidden)))
            x = norm_2(x + self.drop(feed_forward(x, mask)))
        return x


class PriorEncoder(nn.Module):
    """`enc_p` of the RVC checkpoints."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.scale = math.sqrt(config.hidden_channels)
        self.emb_phone = Float32Linear(config.feature_dim, config.hidden_channels)
        self.emb_pitch = nn.Embedding(PITCH_STEPS, config.hidden_channels) if config.pitch else None
        self.encoder = Transformer(config)
        self.proj = Pointwise(config.hidden_channels, 2 * config.inter_channels)

    def forward(self, phone: Tensor, pitch: Tensor | None, mask: Tensor) -> tuple[Tensor, Tensor]:
        """(B, F, D), (B, F) in 0..255 or None, (B, 1, F) -> mean and log of the standard deviation, each (B, C, F)."""
        x = self.emb_phone(phone)
        if self.emb_pitch is not None:
            x = x + self.emb_pitch(pitch)
        x = F.leaky_relu(x * self.scale, 0.1).transpose(1, 2)
        mean, logs = (self.proj(self.encoder(x, mask)) * mask).chunk(2, dim=1)
        return mean, logs
