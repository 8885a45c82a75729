"""The adversarial side: the discriminators and their optimizer."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from rvc_engine.models.checkpointing import recomputed
from rvc_engine.models.discriminators import Discriminators, Scored
from rvc_engine.training.losses import fake_losses, feature_loss, joined, real_losses
from rvc_engine.training.precision import Precision, adamw
from rvc_engine.training.step_weights import StepWeights


class DiscriminatorLosses(NamedTuple):
    """Scalars: the discriminators' loss, its parts by discriminator, and the gradients' norm."""

    total: Tensor
    real: list[Tensor]
    fake: list[Tensor]
    grad_norm: Tensor


class GeneratorLosses(NamedTuple):
    """Losses for the generator: one by discriminator, and the distance of the feature maps."""

    adversarial: list[Tensor]
    features: Tensor


class Adversary:
    def __init__(self, network: Discriminators, learning_rate: float, precision: Precision) -> None:
        self.network, self.precision = network, precision
        self.optimizer = adamw(network, learning_rate)
        self.weights = StepWeights(network, precision.name)
        self._weights_of = {one: StepWeights(one, precision.name) for one in network.discriminators}

    def learn(self, real: Tensor, fake: Tensor, network: nn.Module | None = None) -> DiscriminatorLosses:
        """One step on waves (B, 1, T); `fake` is detached. `network`: the own one as several processes share it."""
        with self.weights.prepared():
            with self.precision.autocast():
                judged = (network or self.network)(self.precision.rounded(torch.cat([real, fake.detach()])))
            scores, sizes = joined([score for score, _ in judged])
            of_real, of_fake = torch.split(scores, [len(real), len(fake)])
            real_parts, fake_parts = real_losses(of_real, sizes), fake_losses(of_fake, sizes)
            total = torch.stack(real_parts + fake_parts).sum()
            norm = self.precision.descend(total, self.optimizer)
        return DiscriminatorLosses(total, real_parts, fake_parts, norm)

    def losses_of_fake(self, real: Tensor, fake: Tensor) -> GeneratorLosses:
        """The losses of `fake` for the generator. The discriminators' own weights and the real side take no
        gradient."""
        if self.network.checkpointing:
            return self._losses_recomputed(real, fake)
        with self.weights.prepared(constant=True), self.precision.autocast():
            with torch.no_grad():
                known = [maps for _, maps in self.network(self.precision.rounded(real))]
            judged = self.network(fake)
        return GeneratorLosses(
            real_losses(*joined([score for score, _ in judged])), feature_loss(known, [maps for _, maps in judged])
        )

    def _losses_recomputed(self, real: Tensor, fake: Tensor) -> GeneratorLosses:
        """The same with gradient checkpointing: the weights and the maps of `fake` are in memory of one discriminator
        at a time, also in the backward pass, which computes them again."""
        real, judged = self.precision.rounded(real), []
        for one in self.network.discriminators:
            with torch.no_grad():
                known = self._maps(one, real)[1]
            judged.append(recomputed(True, self._judged, one, known, fake))
        distances = torch.stack([distance for _, distance in judged])
        return GeneratorLosses(real_losses(*joined([score for score, _ in judged])), distances.sum())

    def _judged(self, discriminator: nn.Module, known: list[Tensor], fake: Tensor) -> tuple[Tensor, Tensor]:
        """A discriminator's score of `fake`, and how far its feature maps are from the known ones."""
        score, maps = self._maps(discriminator, fake)
        return score, feature_loss([known], [maps])

    def _maps(self, discriminator: nn.Module, wave: Tensor) -> Scored:
        """With its weights as constants."""
        with self._weights_of[discriminator].prepared(constant=True), self.precision.autocast():
            scored: Scored = discriminator(wave)
            return scored
