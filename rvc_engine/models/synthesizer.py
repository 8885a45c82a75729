"""The generator of a voice: content features, pitch and speaker to a waveform. State-dict keys, shapes and order are
RVC's."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from rvc_engine.models.checkpointing import recomputed
from rvc_engine.models.flow import Flow
from rvc_engine.models.noise import Noise, NoiseSource
from rvc_engine.models.posterior_encoder import PosteriorEncoder, sample
from rvc_engine.models.prior_encoder import PriorEncoder
from rvc_engine.presets import ModelConfig
from rvc_engine.registry import VOCODERS

NOISE_SCALE = 0.66666
FLOW_LEAD = 24  # frames of context that the flow gets before the first returned one


class Generated(NamedTuple):
    """What a training step needs. `start_frames` (B,) is where each slice begins in its clip; the rest is (B, C, F),
    `mask` (B, 1, F), of the part of the clips that was used."""

    wave: Tensor
    start_frames: Tensor
    mask: Tensor
    z: Tensor
    z_p: Tensor
    m_p: Tensor
    logs_p: Tensor
    m_q: Tensor
    logs_q: Tensor


class Inferred(NamedTuple):
    """`wave` (B, 1, T) and, for checks, what it was made from."""

    wave: Tensor
    mask: Tensor
    z: Tensor
    z_p: Tensor
    m_p: Tensor
    logs_p: Tensor


def frame_mask(lengths: Tensor, frames: int) -> Tensor:
    """(B,) -> (B, 1, frames): 1 inside each length."""
    return (torch.arange(frames, device=lengths.device) < lengths.unsqueeze(1)).unsqueeze(1).float()


def slices(x: Tensor, starts: Tensor, length: int) -> Tensor:
    """(B, C, N), (B,) -> (B, C, length): a stretch of each row from its own start, without a look at the numbers on the
    host."""
    index = starts.unsqueeze(1) + torch.arange(length, device=x.device)
    return x.gather(2, index.unsqueeze(1).expand(-1, x.shape[1], -1))


def row_slices(x: Tensor, starts: Tensor, length: int) -> Tensor:
    """(B, N), (B,) -> (B, length)."""
    return slices(x.unsqueeze(1), starts, length).squeeze(1)


class Synthesizer(nn.Module):
    """`posterior=False` leaves out enc_q, as a small model does: such a network converts but does not train."""

    checkpointing = False

    def __init__(self, config: ModelConfig, *, posterior: bool = True) -> None:
        super().__init__()
        self.config = config
        # v2 was made from v1 by replacing enc_p, so it comes last there; optimizer states go by number
        if config.version != "v2":
            self.enc_p = PriorEncoder(config)
        vocoder = VOCODERS.get(config.decoder)
        self.dec = vocoder.build(config)
        self.content_for_dec = vocoder.uses_content
        if posterior:
            self.enc_q = PosteriorEncoder(config)
        self.flow = Flow(config)
        self.emb_g = nn.Embedding(config.speakers, config.gin_channels)
        if config.version == "v2":
            self.enc_p = PriorEncoder(config)

    def forward(
        self,
        phone: Tensor,
        lengths: Tensor,
        pitch: Tensor | None,
        pitch_hz: Tensor | None,
        spec: Tensor,
        speaker: Tensor,
        noise: NoiseSource,
        prior_share: float = 0.0,
    ) -> Generated:
        """phone (B, F, D), lengths (B,), pitch and pitch_hz (B, F) or None, spec (B, bins, F), speaker (B,): one random
        slice of config.segment_frames of each clip, spoken from its posterior; each with the probability `prior_share`
        as `infer` speaks it."""
        window = self.config.window_frames
        first = torch.zeros_like(lengths)
        if 0 < window < phone.shape[1]:
            first = (noise.uniform((len(lengths),)) * (lengths - window + 1).clamp(min=1)).long()
            phone, spec = slices(phone.transpose(1, 2), first, window).transpose(1, 2), slices(spec, first, window)
            if pitch is not None and pitch_hz is not None:
                pitch, pitch_hz = (row_slices(x, first, window) for x in (pitch, pitch_hz))
            lengths = lengths.clamp(max=window)
        mask = frame_mask(lengths, phone.shape[1])
        g = self.emb_g(speaker).unsqueeze(2)
        on = self.checkpointing
        # dropout would draw other numbers the second time
        m_p, logs_p = recomputed(on and not self.config.p_dropout, self.enc_p, phone, pitch, mask)
        m_q, logs_q = recomputed(on, self.enc_q, spec, mask, g)
        z = sample(m_q, logs_q, noise.normal(tuple(m_q.shape)), mask)
        z_p = recomputed(on, self.flow, z, mask, g)
        size = self.config.segment_frames
        starts = (noise.uniform((len(lengths),)) * (lengths - size + 1)).long()
        cut_hz = row_slices(pitch_hz, starts, size) if pitch_hz is not None else None
        spoken = slices(z, starts, size)
        if prior_share:
            chosen = noise.uniform((len(lengths), 1, 1)) < prior_share
            spoken = torch.where(chosen, self.latent_of_prior(m_p, logs_p, mask, g, starts, noise), spoken)
        wave = self._speak(spoken, slices(phone.transpose(1, 2), starts, size), g, cut_hz, noise)
        return Generated(wave, first + starts, mask, z, z_p, m_p, logs_p, m_q, logs_q)

    def _speak(
        self,
        z: Tensor,
        content: Tensor,
        g: Tensor,
        pitch_hz: Tensor | None,
        noise: NoiseSource,
        frames: int | None = None,
        part: tuple[int, int] | None = None,
    ) -> Tensor:
        given = (z, content) if self.content_for_dec else (z,)
        wave: Tensor = self.dec(*given, g, pitch_hz, noise, frames, part)
        return wave

    def latent_of_prior(
        self, m_p: Tensor, logs_p: Tensor, mask: Tensor, g: Tensor, starts: Tensor, noise: NoiseSource
    ) -> Tensor:
        """The slice's latent (B, C, segment) as `infer` would make it; the flow gets FLOW_LEAD frames more on both
        sides."""
        size = self.config.segment_frames
        length = min(size + 2 * FLOW_LEAD, m_p.shape[2])
        first = (starts - FLOW_LEAD).clamp(min=0, max=m_p.shape[2] - length)
        mean, logs, inside = (slices(x, first, length) for x in (m_p, logs_p, mask))
        z_p = sample(mean, logs, noise.normal(tuple(mean.shape)) * NOISE_SCALE, inside)
        return slices(self.flow(z_p, inside, g, reverse=True), starts - first, size)

    def infer(
        self,
        phone: Tensor,
        lengths: Tensor,
        pitch: Tensor | None,
        pitch_hz: Tensor | None,
        speaker: Tensor,
        *,
        noise: NoiseSource | None = None,
        skip_head: int | None = None,
        return_length: int | None = None,
        return_length2: int | None = None,
        part: tuple[int, int] | None = None,
    ) -> Inferred:
        """phone (B, F, D), lengths (B,), pitch (B, F) coarse, pitch_hz (B, F), speaker (B,) -> wave (B, 1, F * hop).

        With `skip_head` and `return_length` only that many frames after the head are returned; the encoder sees all,
        the flow starts 24 frames earlier. `return_length2` stretches the result to another number of frames (formant
        shift). `part`: all is made from all frames, but of the wave only the frames first .. stop are.
        """
        noise = noise or Noise(phone.device)
        head, length = skip_head or 0, return_length if return_length is not None else phone.shape[1] - (skip_head or 0)
        lead = max(head - FLOW_LEAD, 0)
        mask = frame_mask(lengths, phone.shape[1])
        g = self.emb_g(speaker).unsqueeze(2)
        m_p, logs_p = (x[:, :, lead:] for x in self.enc_p(phone, pitch, mask))
        mask = mask[:, :, lead:]
        z_p = sample(m_p, logs_p, noise.normal(tuple(m_p.shape)) * NOISE_SCALE, mask)
        z = self.flow(z_p, mask, g, reverse=True)[:, :, head - lead : head - lead + length]
        mask = mask[:, :, head - lead : head - lead + length]
        cut_hz = pitch_hz[:, head : head + length] if pitch_hz is not None and self.config.pitch else None
        content = phone[:, head : head + length].transpose(1, 2)
        wave = self._speak(z * mask, content, g, cut_hz, noise, return_length2, part)
        return Inferred(wave, mask, z, z_p, m_p, logs_p)
