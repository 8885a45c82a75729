"""ConvNeXt's block in one dimension (https://arxiv.org/abs/2201.03545)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class ConvNextBlock(nn.Module):
    """(B, C, F) -> (B, C, F): a wide depthwise convolution, then a two-layer network on each frame."""

    def __init__(self, width: int, kernel: int, expansion: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv1d(width, width, kernel, padding=kernel // 2, groups=width)
        self.norm = nn.LayerNorm(width)
        self.wide = nn.Linear(width, expansion * width)
        self.narrow = nn.Linear(expansion * width, width)
        self.scale = nn.Parameter(torch.full((width,), 0.3))

    def forward(self, x: Tensor, dropout: float = 0.0) -> Tensor:
        """`dropout`: of the wide layer, in training."""
        y = self.norm(self.depthwise(x).transpose(1, 2))
        y = self.narrow(F.dropout(F.gelu(self.wide(y)), dropout, self.training)) * self.scale
        return x + y.transpose(1, 2)
