"""Magnitude spectrograms and log-mel spectrograms as RVC trains on them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from rvc_engine.messages import Message

POWER_FLOOR = 2e-7  # under the root, so that silence has a gradient
MEL_FLOOR = 2e-6


@lru_cache(maxsize=32)
def _hann(win: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    return torch.hann_window(win, dtype=dtype, device=device)


def spectrogram(wave: Tensor, filter_length: int, hop: int, win: int) -> Tensor:
    """(B, T) float -> (B, filter_length // 2 + 1, T // hop): sqrt(re^2 + im^2 + 2e-7), reflected edges.

    Raises ValueError when a wave is too short to be reflected.
    """
    return spectrogram_of_reflected(reflected(wave, filter_length, hop), filter_length, hop, win)


def edge(filter_length: int, hop: int) -> int:
    """Samples that `reflected` adds at each end."""
    return (filter_length - hop) // 2


def reflected(wave: Tensor, filter_length: int, hop: int) -> Tensor:
    """(B, T) -> (B, T + 2 edge): with reflected edges. Raises ValueError when a wave is too short for that."""
    padding = edge(filter_length, hop)
    if wave.shape[-1] <= padding:
        raise ValueError(Message("audio.too_few_samples", samples=wave.shape[-1], filter_length=filter_length))
    return F.pad(wave.unsqueeze(1), (padding, padding), mode="reflect").squeeze(1)


def spectrogram_of_reflected(padded: Tensor, filter_length: int, hop: int, win: int) -> Tensor:
    """The spectrogram of what `reflected` gave, or of its first frames * hop + 2 edge samples."""
    window = _hann(win, padded.dtype, padded.device)
    complex_spec = torch.stft(padded, filter_length, hop, win, window, center=False, onesided=True, return_complex=True)
    parts = torch.view_as_real(complex_spec)
    return torch.sqrt(parts.square().sum(-1) + POWER_FLOOR)


@dataclass(frozen=True)
class MelScale:
    """Everything that a mel filterbank depends on. Hz; `fmax` None is half the rate."""

    sample_rate: int
    filter_length: int
    n_mels: int
    fmin: float = 0.0
    fmax: float | None = None


def _mel_of(hz: float) -> float:
    """Slaney's scale: linear below 1 kHz, logarithmic above (Auditory Toolbox, 1998)."""
    return hz * 3 / 200 if hz < 1000 else 15 + math.log(hz / 1000) * 27 / math.log(6.4)


def _hz_of(mel: np.ndarray) -> np.ndarray:
    return np.where(mel < 15, mel * 200 / 3, 1000 * np.exp((mel - 15) * math.log(6.4) / 27))


@lru_cache(maxsize=32)
def mel_filterbank(scale: MelScale, dtype: torch.dtype = torch.float32, device: torch.device | str = "cpu") -> Tensor:
    """(n_mels, bins): triangles of equal area (Slaney's norm), made in float64. Cached by all it depends on."""
    fmax = scale.fmax if scale.fmax is not None else scale.sample_rate / 2
    bins = np.linspace(0, scale.sample_rate / 2, scale.filter_length // 2 + 1)
    edges = _hz_of(np.linspace(_mel_of(scale.fmin), _mel_of(fmax), scale.n_mels + 2))
    return torch.from_numpy(triangles(edges, bins)).to(device=device, dtype=dtype)


def triangles(edges: np.ndarray, bins: np.ndarray) -> np.ndarray:
    """(M + 2,) and (N,), both in Hz -> (M, N): triangles of equal area from one edge to the next but one."""
    rising = (bins - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - bins) / np.diff(edges)[1:, None]
    return np.asarray(np.maximum(0, np.minimum(rising, falling)) * (2 / (edges[2:] - edges[:-2]))[:, None])


def log_mel(spec: Tensor, scale: MelScale) -> Tensor:
    """(B, bins, F) magnitudes -> (B, n_mels, F): natural log, floored at 2e-6."""
    bank = mel_filterbank(scale, spec.dtype, spec.device)
    return torch.log(torch.clamp(bank @ spec, min=MEL_FLOOR))
