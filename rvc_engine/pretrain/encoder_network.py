"""What a content encoder is trained with: heads for phones, for the recording itself, and for the speaker, whom it is
to forget."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rvc_engine.content.phonetic import PhoneticEncoder

STATES = 3  # of a phone
VOICE = 64  # numbers that describe the speaker to the decoder
HIDDEN = 256
REVERSED = 0.3  # of the speaker's gradient that reaches the encoder, after RAMP_STEPS
RAMP_STEPS = 1000
SMOOTHING = 0.1
LEAST_SURE = 0.1  # weight of a label that is not sure at all


@dataclass
class Batch:
    """Two voices of the same crops, and the recordings: (B, mels, N) log-mels. labels and sure (B, N / 2); a label of
    -1 is none. speaker (B,)."""

    first: Tensor
    second: Tensor
    clean: Tensor
    labels: Tensor
    sure: Tensor
    speaker: Tensor


@dataclass(frozen=True)
class LossWeights:
    phones: float
    reconstruction: float
    consistency: float
    speaker: float


class Heads(nn.Module):
    """`phones` may be 0: without labels there is no classifier."""

    def __init__(self, dim: int, mels: int, phones: int, speakers: int) -> None:
        super().__init__()
        self.classes = nn.Linear(dim, phones * STATES) if phones else None
        self.voice = nn.Embedding(speakers, VOICE)
        self.speech = nn.Sequential(
            nn.Conv1d(dim + VOICE, HIDDEN, 3, padding=1), nn.GELU(), nn.Conv1d(HIDDEN, 2 * mels, 3, padding=1)
        )
        self.who = nn.Sequential(nn.Linear(2 * dim, HIDDEN), nn.GELU(), nn.Linear(HIDDEN, speakers))


def forward_losses(
    network: PhoneticEncoder, heads: Heads, batch: Batch, seen: Tensor, *, step: int, bf16: bool, dropout: float
) -> dict[str, Tensor]:
    """`seen` (2 B, mels, N): both voices, augmented and levelled. Names as users see them."""
    with torch.no_grad():
        target = network.levelled(batch.clean)
    twice = (2, *[1] * 2)
    with torch.autocast(seen.device.type, dtype=torch.bfloat16, enabled=bf16):
        z = network.hidden(seen, dropout)
        logits = heads.classes(z).float() if heads.classes is not None else None
        voice = heads.voice(batch.speaker)[:, :, None].expand(-1, -1, z.shape[1]).repeat(twice)
        spoken = heads.speech(torch.cat([z.transpose(1, 2), voice], 1)).float()
        pooled = torch.cat([z.float().mean(1), z.float().std(1)], 1)
        guessed = heads.who(pooled.detach()).float()
        hidden_from = _frozen(heads.who, pooled).float()
    z = z.float()
    half = len(batch.clean)
    spoken = spoken.unflatten(1, (target.shape[1], 2)).transpose(2, 3).flatten(2)
    # (B, mels, 2, N/2) -> time runs N/2 frames of 2: the two mel frames of a feature frame stand side by side.
    return {
        "phones": _phones(logits, batch.labels.repeat(2, 1), batch.sure.repeat(2, 1), z),
        "reconstruction": (spoken - target.repeat(twice)).abs().mean(),
        "consistency": (1 - F.cosine_similarity(z[:half], z[half:], dim=2)).mean(),
        "speaker": _adversary(guessed, hidden_from, batch.speaker.repeat(2), min(1.0, step / RAMP_STEPS) * REVERSED),
    }


def _frozen(module: nn.Module, x: Tensor) -> Tensor:
    """What the module says, with a gradient for x alone."""
    weights = {name: value.detach() for name, value in module.named_parameters()}
    result: Tensor = torch.func.functional_call(module, weights, (x,))
    return result


def _adversary(guessed: Tensor, hidden_from: Tensor, speaker: Tensor, k: float) -> Tensor:
    """The classifier's cross-entropy, (B, speakers) logits. It learns from it; the encoder gets -k of the gradient (as
    in https://arxiv.org/abs/1409.7495), but only until the classifier can do no better than chance: without that bound
    the encoder gains more and more by making it confidently wrong."""
    fooled = F.cross_entropy(hidden_from, speaker).clamp(max=math.log(hidden_from.shape[1]))
    return F.cross_entropy(guessed, speaker) - k * (fooled - fooled.detach())


def _phones(logits: Tensor | None, labels: Tensor, sure: Tensor, z: Tensor) -> Tensor:
    """Cross-entropy over the frames that have a label, each by how sure it is."""
    if logits is None:
        return z.sum() * 0.0
    weight = (labels >= 0) * (LEAST_SURE + (1 - LEAST_SURE) * sure)
    loss = F.cross_entropy(logits.transpose(1, 2), labels, ignore_index=-1, reduction="none", label_smoothing=SMOOTHING)
    return (loss * weight).sum() / weight.sum().clamp(min=1)


def total(losses: dict[str, Tensor], weights: LossWeights) -> Tensor:
    parts = [getattr(weights, name) * value for name, value in losses.items()]
    return torch.stack(parts).sum()
