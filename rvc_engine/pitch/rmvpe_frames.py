"""Pitch by RMVPE: log-mel spectrogram, network, and the mean of the bins around the likeliest one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from rvc_engine.audio.spectrogram import triangles
from rvc_engine.errors import BadInput, cannot_read, of_environment, reason_of
from rvc_engine.files.weights import Unreadable
from rvc_engine.machine.device import sent_to, with_less
from rvc_engine.pitch.rmvpe_network import MELS, STRIDE, Rmvpe, read_rmvpe

HOP = 160
N_FFT = 1024
FLOOR = 1e-5
THRESHOLD = 0.03
"""Frames where no bin is likelier are unvoiced, as in RVC."""
WINDOW_FRAMES, LEAST_WINDOW = 6144, 1536
"""What goes through the U-Net at once: a minute of a recording, or as many clips as fit. More would only take more
memory; down to a quarter where a GPU has less."""
SPAN_FRAMES = 49152
"""What goes through the recurrent layer at once: eight minutes."""
CONTEXT_FRAMES = 512
"""A longer recording goes through in parts, and this much on either side of each is thrown away. With 320 frames the
U-Net gives what it gives for the whole, to rounding. The recurrent layer has no such bound, hence the longer span: up
to eight minutes, and for all of what a conversion asks, the result is that of the whole."""
CENTS = 20 * np.arange(360) + 1997.3794084376191
"""Of each bin, above 10 Hz: 31.7 to 2006 Hz."""
NEIGHBOURS = 4


# --- front end -------------------------------------------------------------------------------------
@lru_cache(maxsize=2)
def mel_filterbank(device: str = "cpu") -> Tensor:
    """(128, 513): 30 to 8000 Hz, evenly spaced by the formula of HTK, 2595 log10(1 + f / 700), triangles of equal
    area."""
    low, high = (2595 * np.log10(1 + hz / 700) for hz in (30, 8000))
    edges = 700 * (10 ** (np.linspace(low, high, MELS + 2) / 2595) - 1)
    return torch.from_numpy(triangles(edges, np.linspace(0, 8000, N_FFT // 2 + 1))).float().to(device)


def mirrored(wave_16k: NDArray[np.floating]) -> Tensor:
    """(T,) -> (512 + max(T, 513) + 512,): edges mirrored, a wave shorter than that lengthened by zeros first."""
    wave = torch.from_numpy(np.ascontiguousarray(wave_16k, dtype=np.float32))
    wave = F.pad(wave, (0, max(0, N_FFT // 2 + 1 - len(wave))))
    return F.pad(wave[None], (N_FFT // 2, N_FFT // 2), mode="reflect")[0]


def log_mel(padded: Tensor) -> Tensor:
    """(T,) -> (128, 1 + (T - 1024) // 160): natural log of magnitudes, floored at 1e-5."""
    spec = torch.stft(
        padded, N_FFT, HOP, window=torch.hann_window(N_FFT, device=padded.device), center=False, return_complex=True
    )
    return torch.log(torch.clamp(mel_filterbank(str(padded.device)) @ spec.abs(), min=FLOOR))


# --- decoding --------------------------------------------------------------------------------------
def cents_of(salience: NDArray[np.floating], threshold: float = THRESHOLD) -> NDArray[np.float64]:
    """(F, 360) -> (F,) above 10 Hz: mean of the likeliest bin and four on either side, weighted by salience; 0 where
    unvoiced."""
    near = salience.argmax(axis=1)[:, None] + np.arange(2 * NEIGHBOURS + 1)
    edge = (NEIGHBOURS, NEIGHBOURS)
    weights = np.take_along_axis(np.pad(salience.astype(np.float64), ((0, 0), edge)), near, axis=1)
    voiced = salience.max(axis=1) > threshold
    mean = (weights * np.pad(CENTS, edge)[near]).sum(axis=1) / np.where(voiced, weights.sum(axis=1), 1)
    return np.where(voiced, mean, 0.0)


def hz_of(cents: NDArray[np.float64]) -> NDArray[np.float64]:
    """(F,) cents above 10 Hz, 0 = unvoiced -> Hz, 0 = unvoiced."""
    return np.where(cents > 0, 10 * 2 ** (cents / 1200), 0.0)


# --- network ---------------------------------------------------------------------------------------
@lru_cache(maxsize=2)
def _loaded(path: Path, modified_ns: int, device: str) -> Rmvpe:
    return read_rmvpe(path).to(device)


def load(path: Path, device: str) -> Rmvpe:
    """The network, read again only when the file has changed or another device is asked for. Raises BadInput naming a
    file that cannot be read."""
    try:
        return _loaded(path, path.stat().st_mtime_ns, device)
    except (OSError, Unreadable) as error:
        if of_environment(error):
            raise cannot_read(path, error) from error
        raise BadInput("pitch.not_rmvpe", reason_of(error), path=path) from error


def release() -> None:
    """Free the network's memory."""
    _loaded.cache_clear()


def padded_frames(samples: int) -> int:
    """Of a wave's spectrogram, 1 + T // 160, filled up to what the U-Net takes."""
    return -(-(1 + samples // HOP) // STRIDE) * STRIDE


def rmvpe(waves_16k: Sequence[NDArray[np.floating]], path: Path, device: str) -> list[NDArray[np.float64]]:
    """(T,) each -> (1 + T // 160,) Hz each, 0 = unvoiced. Raises BadInput when the weights at `path` cannot be read.

    The network takes no mask and sees the padding, so only waves of the same padded length share a batch: each gets
    what it gets alone. On a CPU they go one by one, because rounding depends on the size of a batch and a resumed run
    must give the same numbers.
    """
    network = load(path, device)
    work = partial(_hz_of_waves, network, waves_16k, device)
    return with_less(work, WINDOW_FRAMES, LEAST_WINDOW, device)


def _hz_of_waves(
    network: Rmvpe, waves_16k: Sequence[NDArray[np.floating]], device: str, window: int
) -> list[NDArray[np.float64]]:
    """`window`: frames that go through the U-Net at once."""
    by_frames: dict[int, list[int]] = {}
    for i, wave in enumerate(waves_16k):
        by_frames.setdefault(padded_frames(len(wave)), []).append(i)
    found: dict[int, NDArray[np.float64]] = {}
    for frames, same in by_frames.items():
        size = 1 if device == "cpu" else max(1, window // frames)
        for start in range(0, len(same), size):
            batch = same[start : start + size]
            cents = cents_of_waves(network, [waves_16k[i] for i in batch], frames, device, window)
            found |= {i: hz_of(row)[: 1 + len(waves_16k[i]) // HOP] for i, row in zip(batch, cents, strict=True)}
    return [found[i] for i in range(len(waves_16k))]


def cents_of_waves(
    network: Rmvpe, waves: list[NDArray[np.floating]], frames: int, device: str, window: int = WINDOW_FRAMES
) -> NDArray[np.float64]:
    """B waves of the same padded length -> (B, frames) above 10 Hz, 0 = unvoiced."""
    padded = [mirrored(wave) for wave in waves]
    parts = []
    for begin, end, first, last in windows(0, frames, SPAN_FRAMES):
        with torch.inference_mode():
            features = torch.cat(
                [_features(network, padded, part, device) for part in windows(begin, end, window)], dim=1
            )
            salience = network.fc(features)[:, first - begin : last - begin].float().cpu().numpy()
        parts.append(np.stack([cents_of(one) for one in salience]))
    return np.concatenate(parts, axis=1)


def windows(start: int, stop: int, size: int) -> Iterator[tuple[int, int, int, int]]:
    """(begin, end, first, last): frames begin..end are computed, first..last of them are kept. Multiples of 32, as
    `start` and `stop`."""
    kept = size - 2 * CONTEXT_FRAMES if stop - start > size else size
    for first in range(start, stop, kept):
        last = min(first + kept, stop)
        yield max(start, first - CONTEXT_FRAMES), min(stop, last + CONTEXT_FRAMES), first, last


def _features(network: Rmvpe, padded: list[Tensor], window: tuple[int, int, int, int], device: str) -> Tensor:
    """(B, last - first, 384)"""
    begin, end, first, last = window
    mels = torch.stack([_part(wave, begin, end, device) for wave in padded])
    return network.features(mels)[:, first - begin : last - begin]


def _part(padded: Tensor, begin: int, end: int, device: str) -> Tensor:
    """(128, end - begin): frames of the log-mel spectrogram, after its last one zeros, as RVC fills up."""
    mel = log_mel(sent_to(torch.device(device), padded[begin * HOP : (end - 1) * HOP + N_FFT]))
    return F.pad(mel, (0, end - begin - mel.shape[1]))
