"""Losses of the voice: least-squares GAN, feature matching, mel distance and KL. All float32 scalars on the device."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

APART = 2048.0
"""Moved from one factor of a gradient to the other: in float16 one could underflow and the other overflow."""


def joined(scores: Sequence[Tensor]) -> tuple[Tensor, list[int]]:
    """Scores (B, N) of each discriminator -> (B, sum of N) in float32, and each N."""
    return torch.cat(list(scores), dim=1).float(), [score.shape[1] for score in scores]


def real_losses(scores: Tensor, sizes: list[int]) -> list[Tensor]:
    """Mean (1 - score)^2 of each discriminator, of joined scores: small when it takes the wave for real
    (https://arxiv.org/abs/1611.04076)."""
    return [part.mean() for part in (1 - scores).square().split(sizes, dim=1)]  # type: ignore[no-untyped-call]


def fake_losses(scores: Tensor, sizes: list[int]) -> list[Tensor]:
    """Mean score^2 of each discriminator: small when it sees through the wave."""
    return [part.mean() for part in scores.square().split(sizes, dim=1)]  # type: ignore[no-untyped-call]


class Distances(torch.autograd.Function):
    """The sum of the mean distances |fake - real| of N pairs of tensors, by few operations. The real ones, which come
    first, take no gradient."""

    @staticmethod
    def forward(ctx: Any, *tensors: Tensor) -> Tensor:
        real, fake = list(tensors[: len(tensors) // 2]), list(tensors[len(tensors) // 2 :])
        differences = list(torch._foreach_sub(fake, real))
        ctx.save_for_backward(*differences)
        sums = list(torch._foreach_norm(differences, 1, dtype=torch.float32))
        torch._foreach_mul_(sums, [1 / pair.numel() for pair in differences])
        return torch.stack(sums).sum()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        signs = list(torch._foreach_sign(ctx.saved_tensors))
        torch._foreach_mul_(signs, [APART / pair.numel() for pair in signs])
        torch._foreach_mul_(signs, (gradient / APART).to(signs[0].dtype))
        return *(None for _ in signs), *signs


def feature_loss(real: Sequence[Sequence[Tensor]], fake: Sequence[Sequence[Tensor]]) -> Tensor:
    """2 * sum over all feature maps, the scores' included, of the mean distance. The real maps take no gradient."""
    pairs = [(r, f) for maps_r, maps_f in zip(real, fake, strict=True) for r, f in zip(maps_r, maps_f, strict=True)]
    distance: Tensor = Distances.apply(*(r for r, _ in pairs), *(f for _, f in pairs))
    return 2 * distance


def kl_loss(
    z_p: Tensor, logs_q: Tensor, m_p: Tensor, logs_p: Tensor, mask: Tensor, frames: float | None = None
) -> Tensor:
    """KL of the posterior, sampled as z_p, from the prior: (B, C, F) each, `mask` (B, 1, F); sum over channels, mean
    over valid frames. `frames`: how many valid ones count, where these are a part of a larger batch."""
    z_p, logs_q, m_p, logs_p = z_p.float(), logs_q.float(), m_p.float(), logs_p.float()
    kl = logs_p - logs_q - 0.5 + 0.5 * (z_p - m_p).square() * torch.exp(-2 * logs_p)
    return (kl * mask).sum() / (mask.sum() if frames is None else frames)
