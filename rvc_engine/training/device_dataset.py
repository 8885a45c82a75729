"""The clips of a training in the memory of its device, mostly a GPU, where batches are made of them: a step then copies
some KB of row numbers to it, not some 10 MB of spectrograms, features and audio, and the CPU computes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from rvc_engine.audio.spectrogram import edge, spectrogram_of_reflected
from rvc_engine.machine.device import sent_to
from rvc_engine.presets import ModelConfig
from rvc_engine.training.dataset import Batch, ClipDataset, Content, frames_a_part

FIRST = 2  # frames at the start that stay zero: what lies beyond the end of a clip is taken from there


class DeviceDataset:
    """Gives the batches of a ClipDataset. All numbers are equal, except that spectrograms are the device's, equal up to
    rounding.

    All clips lie one after another in one tensor each: audio with reflected edges, `hop` samples a row; features, a row
    for two frames; and pitch. Memory is taken at once, by `frames`; a clip is read when it is first used.
    """

    def __init__(self, dataset: ClipDataset, frames: Sequence[int], device: torch.device) -> None:
        """`frames`: of each clip, by ClipDataset.frames. Raises what torch raises when memory runs out."""
        config = dataset.config
        self.dataset, self.device, self.room = dataset, device, list(frames)
        self.edge = edge(config.filter_length, config.hop_samples)
        self.rows_more = rows_more(config)
        self.starts = list(_starts(config, frames))
        size = self.starts.pop()
        self.wave = torch.zeros(size, config.hop_samples, device=device)
        self.features = torch.zeros(size // 2, config.feature_dim, device=device)
        self.pitch = torch.zeros(size, dtype=torch.uint8, device=device) if config.pitch else None
        self.pitch_hz = torch.zeros(size, device=device) if config.pitch else None
        self._zero = torch.zeros((), device=device)
        self._lengths: dict[int, int] = {}  # of the clips that are there

    @property
    def bytes(self) -> int:
        return sum(x.nbytes for x in (self.wave, self.features, self.pitch, self.pitch_hz) if x is not None)

    def batch(self, indices: Sequence[int], lengths: Sequence[int] = (), frames: int = 0) -> Batch:
        """As ClipDataset.batch, on the device. Raises RvcError as that does, and what torch raises when memory runs
        out."""
        dataset, config = self.dataset, self.dataset.config
        own = [self._length(index) for index in indices]
        size = max(frames, *lengths, *own)
        rows, feature_rows, ends, speaker = self._sent_rows(indices, own, size)
        inside = torch.arange(size, device=self.device) < ends.unsqueeze(1)
        wave = self.wave[rows].flatten(1)[:, : size * config.hop_samples + 2 * self.edge]
        spec = spectrogram_of_reflected(wave, config.filter_length, config.hop_samples, config.filter_length)
        own_wave = wave[:, self.edge : wave.shape[1] - self.edge].view(len(own), size, -1)
        rows = rows[:, :size]
        return Batch(
            phone=self.features[feature_rows],
            lengths=ends,
            pitch=self.pitch[rows].long() if self.pitch is not None else None,
            pitch_hz=self.pitch_hz[rows] if self.pitch_hz is not None else None,
            spec=self._where(inside.unsqueeze(1), spec),
            wave=self._where(inside.unsqueeze(2), own_wave).flatten(1).unsqueeze(1),
            speaker=speaker,
            names=tuple(dataset.rows[i].name for i in indices),
            frames_a_part=frames_a_part(config, len(indices), lengths),
        )

    def _sent_rows(self, indices: Sequence[int], lengths: Sequence[int], size: int) -> list[Tensor]:
        """On the device: rows of audio and pitch (B, size + rows_more), rows of features (B, size), lengths and
        speakers (B,), in one copy."""
        count, across = len(indices), torch.arange(size + self.rows_more)
        starts, ends = (torch.tensor([self.starts[i] for i in indices]), torch.tensor(lengths))
        own = across < ends.unsqueeze(1) + self.rows_more
        rows = torch.where(own, starts.unsqueeze(1) + across, 0)
        feature_rows = torch.where(own[:, self.rows_more :], rows[:, :size] // 2, 0)
        speakers = torch.tensor([self.dataset.rows[i].speaker for i in indices])
        parts = [rows.flatten(), feature_rows.flatten(), ends, speakers]
        sent = sent_to(self.device, torch.cat(parts)).split_with_sizes([len(part) for part in parts])
        return [sent[0].view(count, -1), sent[1].view(count, -1), sent[2], sent[3]]

    def _where(self, inside: Tensor, values: Tensor) -> Tensor:
        """A contiguous copy with zeros elsewhere."""
        return torch.where(inside, values, self._zero, out=torch.empty(values.shape, device=self.device))

    def _length(self, index: int) -> int:
        """In frames; the clip is there from then on."""
        if index not in self._lengths:
            content = self.dataset.content(self.dataset.rows[index])
            length = min(content.frames, self.room[index])  # less than before where its files have changed since
            self._put(self.starts[index], length, content)
            self._lengths[index] = length
        return self._lengths[index]

    def _put(self, start: int, length: int, content: Content) -> None:
        hop, half = self.dataset.config.hop_samples, (length + 1) // 2
        samples = content.wave[: length * hop + 2 * self.edge]
        self._copy(samples, self.wave.view(-1)[start * hop :])
        self._copy(content.features[:half], self.features[start // 2 :])
        if self.pitch is not None and content.pitch is not None:
            self._copy(content.pitch[:length].to(torch.uint8), self.pitch[start:])
        if self.pitch_hz is not None and content.pitch_hz is not None:
            self._copy(content.pitch_hz[:length], self.pitch_hz[start:])

    def _copy(self, values: Tensor, there: Tensor) -> None:
        if self.device.type == "cuda":
            values = values.pin_memory()
        there[: len(values)].copy_(values, non_blocking=True)


def frames_held(config: ModelConfig, frames: Sequence[int]) -> int:
    """Frames of memory that clips of so many frames take, with their edges."""
    return list(_starts(config, frames))[-1]


def rows_more(config: ModelConfig) -> int:
    """Rows of `hop` samples that the reflected edges of a clip take."""
    return -(-2 * edge(config.filter_length, config.hop_samples) // config.hop_samples)


def _starts(config: ModelConfig, frames: Sequence[int]) -> Iterator[int]:
    """The first frame of each clip, an even number, and the end."""
    start = FIRST
    for length in frames:
        yield start
        start += -(-(length + rows_more(config)) // 2) * 2
    yield start
