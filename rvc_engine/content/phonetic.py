"""`phonetic-256-1`: a small content encoder of our own, trained to classify phones whoever speaks (docs/pretrain.md).

A log-mel spectrogram without its level and its long-term colour goes through a stack of ConvNeXt blocks
(https://arxiv.org/abs/2201.03545, in one dimension) at 50 frames a second; the last layer's 256 numbers, brought to one
length, are the features.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rvc_engine.audio.spectrogram import MelScale, log_mel, spectrogram
from rvc_engine.content.base import FRAME_SAMPLES, TOGETHER, refuse_empty
from rvc_engine.files.foreign import describe, first_line, parse_json
from rvc_engine.files.weights import Unreadable, check_numbers, metadata_of, read_tensors, write_safetensors
from rvc_engine.machine.device import sent_to
from rvc_engine.messages import Message
from rvc_engine.models.convnext import ConvNextBlock
from rvc_engine.models.without_weights import without_weights

RATE = 16000
FRAME = 320  # samples of a feature frame; two mel frames
WINDOW = 512
MEL_HOP = 160
QUIET = -6.0  # log of the mel magnitude: a wave whose loud parts are below this is silence
FLOOR = -11.0  # nepers of a band below the loud parts, which are the sum of all bands: quieter is cut off
SPEECH = 4.0  # frames within so many nepers of the loud parts make the long-term colour
PRIOR_FRAMES = 100.0  # the mean colour of speech counts as one second
BOUNDS = {"mels": 512, "width": 4096, "blocks": 64, "kernel": 127, "expansion": 16, "dim": 4096}


@dataclass(frozen=True)
class PhoneticConfig:
    """Shape of the network. `kernel`: frames of 20 ms; `expansion`: width inside a block over `width`; `dim`: width of
    the features."""

    mels: int = 80
    width: int = 192
    blocks: int = 8
    kernel: int = 9
    expansion: int = 3
    dim: int = 256

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def scale(self) -> MelScale:
        return MelScale(RATE, WINDOW, self.mels, 50.0, 7600.0)


class PhoneticEncoder(nn.Module):
    def __init__(self, config: PhoneticConfig | None = None) -> None:
        super().__init__()
        self.config = c = config or PhoneticConfig()
        self.register_buffer("colour", torch.zeros(c.mels))
        self.stem = nn.Conv1d(c.mels, c.width, 5, padding=2)
        self.halve = nn.Conv1d(c.width, c.width, 4, stride=2, padding=1)
        self.blocks = nn.ModuleList(ConvNextBlock(c.width, c.kernel, c.expansion) for _ in range(c.blocks))
        self.norm = nn.LayerNorm(c.width)
        self.out = nn.Linear(c.width, c.dim)

    def mels(self, wave: Tensor) -> Tensor:
        """(B, T) at 16 kHz, T a multiple of 320 -> (B, mels, T / 160): natural log of mel magnitudes, level and colour
        still in."""
        return log_mel(spectrogram(wave, WINDOW, MEL_HOP, WINDOW), self.config.scale)

    def levelled(self, mels: Tensor) -> Tensor:
        """(B, mels, N) -> the same without level and long-term colour, about -3..3."""
        loudness = mels.logsumexp(dim=1)
        loud = loudness.quantile(0.9, dim=1).clamp(min=QUIET)
        x = (mels - loud[:, None, None]).clamp(min=FLOOR)
        speech = torch.sigmoid(4.0 * (loudness - loud[:, None] + SPEECH)).unsqueeze(1)
        colour: Tensor = self.colour  # type: ignore[assignment]
        mean = ((x * speech).sum(2) + PRIOR_FRAMES * colour) / (speech.sum(2) + PRIOR_FRAMES)
        return (x - mean.unsqueeze(2)) / 2.0

    def hidden(self, levelled: Tensor, dropout: float = 0.0) -> Tensor:
        """(B, mels, N) -> (B, N / 2, dim), each frame of length sqrt(dim). `dropout`: in training alone."""
        x = F.dropout(self.halve(F.gelu(self.stem(levelled))), dropout, self.training)
        for block in self.blocks:
            x = block(x, dropout)
        y = self.out(self.norm(x.transpose(1, 2)))
        return F.layer_norm(y, y.shape[-1:])

    def forward(self, wave: Tensor) -> Tensor:
        """(B, T) at 16 kHz, T a multiple of 320 and at least 320 -> (B, T / 320, dim). Frame k describes samples 320 k
        .. 320 (k + 1)."""
        return self.hidden(self.levelled(self.mels(wave)))


def write_phonetic(path: Path, network: PhoneticEncoder, about: dict[str, str]) -> None:
    """float16 safetensors with the shape of the network and `about` in its metadata."""
    tensors = {key: value.detach().half().contiguous() for key, value in network.state_dict().items()}
    write_safetensors(path, tensors, {**about, "phonetic": json.dumps(network.config.to_dict())})


def checked(config: PhoneticConfig) -> PhoneticConfig:
    """Raises Unreadable for sizes that no such network has."""
    for name, high in BOUNDS.items():
        value = getattr(config, name)
        if type(value) is not int or not 1 <= value <= high:
            raise Unreadable(Message("content.phonetic_size", name=name, value=describe(value), high=high))
    return config


def read_phonetic(path: Path) -> PhoneticEncoder:
    """In float32. Raises OSError, or Unreadable when the file is damaged or of another kind."""
    try:
        config = checked(PhoneticConfig(**parse_json(metadata_of(path).get("phonetic", ""))))
        tensors = read_tensors(path)
        check_numbers(tensors)
        with without_weights():
            network = PhoneticEncoder(config)
        network.load_state_dict({key: value.float() for key, value in tensors.items()}, assign=True)
    except (TypeError, ValueError, RuntimeError) as error:
        raise Unreadable(Message("content.not_phonetic", reason=first_line(error))) from error
    return network.eval()


class PhoneticContent:
    """Always in float32. On a GPU waves of one length go through together, TOGETHER at most; each gets what it would
    get alone but for rounding. On a CPU they go one by one."""

    dim = 256

    def __init__(self, name: str, network: PhoneticEncoder, device: torch.device | str) -> None:
        self.name = name
        self.device = torch.device(device)
        self.network = network.eval().to(self.device)
        self.batch_size = 1 if self.device.type == "cpu" else TOGETHER

    def encode(self, waves: list[np.ndarray]) -> list[np.ndarray]:
        refuse_empty(waves)
        padded = [np.pad(np.asarray(wave, dtype=np.float32), (0, -len(wave) % FRAME_SAMPLES)) for wave in waves]
        by_length: dict[int, list[int]] = {}
        for i, wave in enumerate(padded):
            by_length.setdefault(len(wave), []).append(i)
        results: dict[int, np.ndarray] = {}
        for same in by_length.values():
            for start in range(0, len(same), self.batch_size):
                batch = same[start : start + self.batch_size]
                results.update(zip(batch, self._content(np.stack([padded[i] for i in batch])), strict=True))
        return [results[i] for i in range(len(waves))]

    def _content(self, waves: np.ndarray) -> list[np.ndarray]:
        """(B, T) -> (T / 320, dim) of each."""
        with torch.inference_mode():
            frames = self.network(sent_to(self.device, torch.from_numpy(waves)))
        return list(np.ascontiguousarray(frames.float().cpu().numpy()))
