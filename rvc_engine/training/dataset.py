"""From rows of files to batches of tensors. Frames come 100 a second."""

from __future__ import annotations

import mmap
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from scipy.io import wavfile
from torch import Tensor

from rvc_engine.audio.spectrogram import edge, reflected, spectrogram_of_reflected
from rvc_engine.common.arrays import AGAIN, finite, read_array, read_floats
from rvc_engine.common.opening import refuse_other
from rvc_engine.errors import RvcError, reason_of
from rvc_engine.machine.device import sent_to
from rvc_engine.machine.memory_table import KEPT_CLIPS_BYTES
from rvc_engine.messages import NOTHING, Message, message_of
from rvc_engine.presets import ModelConfig
from rvc_engine.training.sampler import MAX_FRAMES

BLOCK_BYTES, ALIGNED = 1 << 26, 64


@dataclass(frozen=True)
class Row:
    """Files of one clip: a WAV at the model's rate, features (F50, D), coarse pitch and pitch in Hz (F,), None without
    pitch."""

    wave: Path
    features: Path
    coarse: Path | None
    hz: Path | None
    speaker: int

    @property
    def name(self) -> str:
        return self.wave.stem

    def line(self) -> str:
        """As RVC writes it into filelist.txt."""
        paths = [path for path in (self.wave, self.features, self.coarse, self.hz) if path is not None]
        return "|".join([*map(str, paths), str(self.speaker)])

    def files(self) -> list[Path]:
        return [path for path in (self.wave, self.features, self.coarse, self.hz) if path is not None]


@dataclass(frozen=True)
class Clip:
    """phone (F, D), pitch and pitch_hz (F,) or None, spec (bins, F), wave (F * hop,)."""

    phone: Tensor
    pitch: Tensor | None
    pitch_hz: Tensor | None
    spec: Tensor
    wave: Tensor
    speaker: int

    @property
    def frames(self) -> int:
        return len(self.phone)

    @property
    def bytes(self) -> int:
        return sum(x.nbytes for x in (self.phone, self.pitch, self.pitch_hz, self.spec, self.wave) if x is not None)


@dataclass(frozen=True)
class Batch:
    """phone (B, F, D), lengths (B,), pitch and pitch_hz (B, F) or None, spec (B, bins, F), wave (B, 1, F * hop),
    speaker (B,); zero beyond each length. `names` are the clips'."""

    phone: Tensor
    lengths: Tensor
    pitch: Tensor | None
    pitch_hz: Tensor | None
    spec: Tensor
    wave: Tensor
    speaker: Tensor
    names: tuple[str, ...] = ()
    frames_a_part: float | None = None  # where this is one of several parts of a batch: frames in all over parts

    def to(self, device: torch.device) -> Batch:
        values: dict[str, Any] = {f.name: getattr(self, f.name) for f in fields(self)}
        moved = {name: sent_to(device, value) for name, value in values.items() if isinstance(value, Tensor)}
        return Batch(**{**values, **moved})


class Content(NamedTuple):
    """What the files of a clip hold: `wave` (T,) with reflected edges (audio/spectrogram.py), features (F50, D), pitch
    and pitch_hz (F,) or None. `frames`: that all of them cover, at most MAX_FRAMES."""

    wave: Tensor
    features: Tensor
    pitch: Tensor | None
    pitch_hz: Tensor | None
    frames: int


class Shelf:
    """Keeps clips in blocks of memory of their own. Among what a step takes and gives back they would scatter it: on a
    CPU each step then takes longer, the longer the training runs."""

    def __init__(self) -> None:
        self._block: mmap.mmap | None = None
        self._used = 0

    def put(self, clip: Clip) -> Clip:
        """An equal clip that lies here."""
        values = {f.name: getattr(clip, f.name) for f in fields(clip)}
        copies: dict[str, Any] = {
            name: self._copy(value) if isinstance(value, Tensor) else value for name, value in values.items()
        }
        return Clip(**copies)

    def _copy(self, value: Tensor) -> Tensor:
        size = -(-value.nbytes // ALIGNED) * ALIGNED
        if self._block is None or self._used + size > len(self._block):
            self._block, self._used = mmap.mmap(-1, max(BLOCK_BYTES, size)), 0
        place = torch.frombuffer(self._block, dtype=value.dtype, count=value.numel(), offset=self._used).view(
            value.shape
        )
        self._used += size
        return place.copy_(value)


class ClipDataset:
    """Reads clips when they are asked for and keeps them in memory up to `cache_bytes`. Spectrograms are made from the
    audio at hand, so none is ever stale."""

    def __init__(self, rows: Sequence[Row], config: ModelConfig, cache_bytes: int = KEPT_CLIPS_BYTES) -> None:
        self.rows, self.config = list(rows), config
        self._free, self._shelf = cache_bytes, Shelf()
        self._kept: dict[int, Clip] = {}

    def frames(self, row: Row) -> int:
        """Frames that all files of a row cover, at most MAX_FRAMES, from their headers alone. Raises RvcError naming a
        damaged file."""
        return min(MAX_FRAMES, *self.coverage(row).values())

    def coverage(self, row: Row) -> dict[Path, int]:
        """Frames that each file of a row covers, from their headers alone. Raises RvcError naming a damaged file."""
        samples = len(_read_wave(row.wave, self.config.sample_rate, mmap=True))
        features = read_array(row.features, 2, mmap=True, width=self.config.feature_dim)
        frames = {row.wave: samples // self.config.hop_samples, row.features: 2 * len(features)}
        return frames | {path: len(read_array(path, 1, mmap=True)) for path in (row.coarse, row.hz) if path is not None}

    def clip(self, index: int) -> Clip:
        """Raises RvcError naming a file that is missing or damaged."""
        if index not in self._kept:
            clip = self._load(self.rows[index])
            if clip.bytes > self._free:
                return clip
            self._free -= clip.bytes
            self._kept[index] = self._shelf.put(clip)
        return self._kept[index]

    def _load(self, row: Row) -> Clip:
        config = self.config
        content = self.content(row)
        n, phone = content.frames, content.features.repeat_interleave(2, dim=0)
        length, hop = config.filter_length, config.hop_samples
        spec = spectrogram_of_reflected(content.wave.unsqueeze(0), length, hop, length)[0]
        side = edge(length, hop)
        wave = content.wave[side : side + n * hop].clone()
        pitch, hz = (x[:n].clone() if x is not None else None for x in (content.pitch, content.pitch_hz))
        return Clip(phone[:n].clone(), pitch, hz, spec[:, :n].contiguous(), wave, row.speaker)

    def content(self, row: Row) -> Content:
        """Read from its files. Raises RvcError naming one that is missing or damaged."""
        config = self.config
        samples = torch.from_numpy(finite(_read_wave(row.wave, config.sample_rate), row.wave))
        features = torch.from_numpy(read_floats(row.features, 2, width=config.feature_dim))
        pitch = torch.from_numpy(read_array(row.coarse, 1)).long() if row.coarse is not None else None
        hz = torch.from_numpy(read_floats(row.hz, 1)) if row.hz is not None else None
        if pitch is not None and len(pitch) and not 0 <= int(pitch.min()) <= int(pitch.max()) <= 255:
            raise RvcError("training.coarse_pitch_range", NOTHING, AGAIN, path=row.coarse)
        covered = [2 * len(features), len(samples) // config.hop_samples]
        covered += [len(x) for x in (pitch, hz) if x is not None]
        try:
            wave = reflected(samples.unsqueeze(0), config.filter_length, config.hop_samples)[0]
        except ValueError as error:
            raise RvcError("training.wave_too_short", message_of(error), AGAIN, path=row.wave) from error
        return Content(wave, features, pitch, hz, min(MAX_FRAMES, *covered))

    def batch(self, indices: Sequence[int], lengths: Sequence[int] = (), frames: int = 0) -> Batch:
        """`lengths`: frames of all clips of the batch, where these are a part of it. `frames`: padded with
        zeros to at least this length."""
        names = tuple(self.rows[i].name for i in indices)
        batch = collate([self.clip(i) for i in indices], names, max(frames, *lengths, 0))
        return replace(batch, frames_a_part=frames_a_part(self.config, len(indices), lengths))


def frames_a_part(config: ModelConfig, count: int, lengths: Sequence[int]) -> float | None:
    """Batch.frames_a_part of `count` clips; `lengths`: frames of all clips of the batch."""
    used = sum(min(length, config.window_frames or length) for length in lengths)
    return used * count / len(lengths) if len(lengths) > count else None


def collate(clips: Sequence[Clip], names: tuple[str, ...] = (), frames: int = 0) -> Batch:
    """Pad to the longest clip, or to so many frames, with zeros."""
    size = max(frames, *(clip.frames for clip in clips))
    samples = max(len(clip.wave) // clip.frames for clip in clips) * size
    pitched = clips[0].pitch is not None

    def padded(parts: list[Any], axis: int, length: int) -> Tensor:
        shape = list(parts[0].shape)
        shape[axis] = length
        out: Tensor = parts[0].new_zeros((len(parts), *shape))
        for row, part in zip(out, parts, strict=True):
            row.narrow(axis, 0, part.shape[axis]).copy_(part)
        return out

    return Batch(
        phone=padded([c.phone for c in clips], 0, size),
        lengths=torch.tensor([c.frames for c in clips]),
        pitch=padded([c.pitch for c in clips], 0, size) if pitched else None,
        pitch_hz=padded([c.pitch_hz for c in clips], 0, size) if pitched else None,
        spec=padded([c.spec for c in clips], 1, size),
        wave=padded([c.wave for c in clips], 0, samples).unsqueeze(1),
        speaker=torch.tensor([c.speaker for c in clips]),
        names=names,
    )


def _read_wave(path: Path, rate: int, *, mmap: bool = False) -> np.ndarray[Any, Any]:
    """(T,) float32; int16 files are scaled to -1..1."""
    try:
        refuse_other(path)
        found_rate, samples = wavfile.read(path, mmap=mmap)
    except Exception as error:  # scipy raises many kinds on a damaged header
        reason = reason_of(error) if str(error).strip() else Message("training.is_damaged")
        raise RvcError("common.cannot_be_read", reason, AGAIN, path=path) from error
    if found_rate != rate or samples.ndim != 1:
        raise RvcError(
            "training.wave_unfit", NOTHING, AGAIN, path=path, found_rate=found_rate, axes=samples.ndim, rate=rate
        )
    plain: np.ndarray[Any, Any] = np.asarray(samples, dtype=None if mmap else np.float32)
    return plain / np.float32(32768) if samples.dtype == np.int16 and not mmap else plain
