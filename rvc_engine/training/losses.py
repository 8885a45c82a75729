"""Losses of the voice: least-squares GAN, feature matching, mel distance and KL. All float32 scalars on the device."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor


def real_losses(scores: Sequence[Tensor]) -> list[Tensor]:
    """Mean (1 - score)^2 of each discriminator: small when it takes the wave for real
    (https://arxiv.org/abs/1611.04076)."""
    return [(1 - score.float()).square().mean() for score in scores]


def fake_losses(scores: Sequence[Tensor]) -> list[Tensor]:
    """Mean score^2 of each discriminator: small when it sees through the wave."""
    return [score.float().square().mean() for score in scores]


def feature_loss(real: Sequence[Sequence[Tensor]], fake: Sequence[Sequence[Tensor]]) -> Tensor:
    """2 * sum over all feature maps, the scores' included, of the mean distance."""
    pairs = [(r, f) for maps_r, maps_f in zip(real, fake, strict=True) for r, f in zip(maps_r, maps_f, strict=True)]
    return 2 * torch.stack([F.l1_loss(f.float(), r.float()) for r, f in pairs]).sum()


def kl_loss(
    z_p: Tensor, logs_q: Tensor, m_p: Tensor, logs_p: Tensor, mask: Tensor, frames: float | None = None
) -> Tensor:
    """KL of the posterior, sampled as z_p, from the prior: (B, C, F) each, `mask` (B, 1, F); sum over channels, mean
    over valid frames. `frames`: how many valid ones count, where these are a part of a larger batch."""
    z_p, logs_q, m_p, logs_p = z_p.float(), logs_q.float(), m_p.float(), logs_p.float()
    kl = logs_p - logs_q - 0.5 + 0.5 * (z_p - m_p).square() * torch.exp(-2 * logs_p)
    return (kl * mask).sum() / (mask.sum() if frames is None else frames)
