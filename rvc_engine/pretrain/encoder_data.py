"""The set that a content encoder is trained on: crops in two voices, drawn anew for each step from the step's own
seed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from rvc_engine.machine.device import sent_to
from rvc_engine.pretrain.encoder_network import STATES, Batch

UNLABELLED = 0.35  # how often a recording without labels is drawn, against one with
SLOW, FAST = 0.85, 1.18
WARP = (0.92, 1.09)  # of the mel axis: longer and shorter vocal tracts
RIPPLES, RIPPLE = 4, 0.35  # slow waves over the mel axis, in nepers: rooms and microphones
NOISE = (5.0, 12.0)  # nepers below the loud parts
TILT, SPREAD = 0.8, 0.35
MASKS, MASK_MELS, MASK_FRAMES = 2, 10, 12
ECHOED, ECHO_S, ECHO_LEVEL = 0.5, (0.1, 0.5), (-3.0, -0.5)  # how often, decay by 60 dB, level of the tail in nepers
ECHO_FRAMES = 40
NEPERS_60_DB = 6.908
SURE = 0.5  # labels less sure than this are not asked for in a probe


@dataclass(frozen=True)
class Source:
    """A prepared recording; `files` as recordings.Files."""

    name: str
    speaker: str
    mels: Path
    labels: Path


class EncoderData:
    """`phones` and `speakers` are those of the training part; `held` are the sources of the speakers that are kept
    out."""

    def __init__(self, sources: Sequence[Source], held_out: Sequence[str]) -> None:
        self.train = [s for s in sources if s.speaker not in held_out]
        self.held = [s for s in sources if s.speaker in held_out]
        self.speakers = sorted({s.speaker for s in self.train})
        self._labels = {s.name: _read_labels(s.labels) for s in sources}
        self.phones = sorted({str(p) for s in self.train for p in np.unique(self._labels[s.name][0]) if p})
        self.frames = {s.name: np.load(s.mels, mmap_mode="r").shape[2] for s in sources}
        self._classes = {name: self._numbered(*parts) for name, parts in self._labels.items()}
        weights = np.array(
            [self.frames[s.name] * (1.0 if (self._classes[s.name] >= 0).any() else UNLABELLED) for s in self.train]
        )
        self.weights = weights / weights.sum()
        self.versions = np.load(self.train[0].mels, mmap_mode="r").shape[0]
        self._loaded: dict[str, Tensor] = {}

    @property
    def seconds(self) -> float:
        return float(sum(self.frames[s.name] for s in self.train)) / 100

    def load_to(self, device: torch.device) -> None:
        """Keep the mels on a GPU that has room for them twice over."""
        needed = sum(s.mels.stat().st_size for s in self.train)
        if device.type == "cuda" and 2 * needed < torch.cuda.mem_get_info(device)[0]:
            self._loaded = {s.name: torch.from_numpy(np.load(s.mels)).to(device) for s in self.train}

    def _numbered(self, phone: np.ndarray, state: np.ndarray, sure: np.ndarray) -> np.ndarray:
        number = {p: i for i, p in enumerate(self.phones)}
        kinds, place = np.unique(phone, return_inverse=True)
        base = np.array([number.get(str(p), -1) for p in kinds])[place]
        return np.where(base < 0, -1, base * STATES + state).astype(np.int64)

    def mels(self, source: Source, view: int) -> Tensor:
        """(mels, N) of a whole recording; view 0 is itself."""
        return torch.from_numpy(np.array(np.load(source.mels, mmap_mode="r")[view], dtype=np.float32))

    def classes(self, source: Source) -> np.ndarray:
        """(F50,) the class at each feature frame, -1 where there is none that is sure."""
        classes, sure = self._classes[source.name], self._labels[source.name][2]
        return np.where(sure > SURE, classes, -1)[1::2]

    def batch(self, size: int, crop: int, random: np.random.Generator, device: torch.device) -> Batch:
        """`crop` mel frames, an even number."""
        rows = [
            self._crop(self.train[i], crop, random, device)
            for i in random.choice(len(self.train), size, p=self.weights)
        ]
        parts = {part.name: torch.stack([getattr(row, part.name) for row in rows]) for part in fields(Batch)}
        return Batch(**{name: sent_to(device, part) for name, part in parts.items()})

    def _crop(self, source: Source, crop: int, random: np.random.Generator, device: torch.device) -> Batch:
        """A row of a batch: a stretch a little shorter or longer than the crop, brought to its length; short recordings
        come round."""
        count = self.frames[source.name]
        length = int(crop * random.uniform(SLOW, FAST))
        start = int(random.integers(0, max(count - length, 0) + 1))
        where = (start + np.arange(length)) % count
        first, second = self._two_views(random)
        mels = self._loaded[source.name] if source.name in self._loaded else np.load(source.mels, mmap_mode="r")
        views = [_stretched(_part(mels, view, where), crop) for view in (first, second, 0)]
        at = where[((np.arange(crop // 2) * 2 + 1) * length / crop).astype(int)]
        classes, sure = self._classes[source.name], self._labels[source.name][2]
        return Batch(
            views[0],
            views[1],
            views[2],
            torch.from_numpy(classes[at]),
            torch.from_numpy(sure[at]),
            torch.tensor(self.speakers.index(source.speaker)),
        )

    def _two_views(self, random: np.random.Generator) -> tuple[int, int]:
        """Two different ones; the recording itself is the first half of the time."""
        first, second = (int(x) for x in random.permutation(self.versions)[:2])
        if random.random() < 0.5:
            first, second = 0, second or first
        return first, second


def _read_labels(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    with np.load(path) as held:
        return held["phone"], held["state"], held["sure"]


def _part(mels: Tensor | np.ndarray, view: int, where: np.ndarray) -> Tensor:
    """(mels, N) at the frames `where`, each of which follows the one before, or is 0 after the last."""
    if not isinstance(mels, Tensor):
        return torch.from_numpy(mels[view][:, where].astype(np.float32))
    pieces = np.split(where, np.flatnonzero(where[1:] == 0) + 1)  # slices: an index would be copied to the device
    return torch.cat([mels[view][:, piece[0] : piece[-1] + 1] for piece in pieces], 1).float()


def _stretched(x: Tensor, size: int) -> Tensor:
    return F.interpolate(x[None], size=size, mode="linear", align_corners=False)[0]


# --- augmentation: (B, mels, N) log-mels -> the same shape -----------------------------------------
def augmented(x: Tensor, random: torch.Generator) -> Tensor:
    """Another vocal tract, another room, noise, another level."""
    b, m, n = x.shape

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=random, device=x.device)

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return torch.rand(shape, generator=random, device=x.device) * (high - low) + low

    place = (torch.arange(m, device=x.device)[None] * uniform(*WARP, b, 1)).clamp(max=m - 1)
    low = place.long()
    share = (place - low)[:, :, None]
    below, above = (x.gather(1, i[:, :, None].expand(-1, -1, n)) for i in (low, (low + 1).clamp(max=m - 1)))
    x = below * (1 - share) + above * share
    x = echoed(x, uniform(0, 1, b, 1, 1) < ECHOED, uniform(*ECHO_S, b, 1, 1), uniform(*ECHO_LEVEL, b, 1, 1))
    axis = torch.linspace(0, 1, m, device=x.device)
    waves = torch.arange(1, RIPPLES + 1, device=x.device)[None, :, None]
    ripples = torch.cos(math.pi * waves * axis[None, None] + uniform(0, 2 * math.pi, b, RIPPLES, 1))
    x = x + (ripples * normal(b, RIPPLES, 1) * RIPPLE).sum(1)[:, :, None]
    level = x.logsumexp(1).quantile(0.9, dim=1) - uniform(*NOISE, b)
    tilt = normal(b, 1, 1) * TILT * (2 * axis - 1)[None, :, None]
    noise = level[:, None, None] + tilt + normal(b, m, n) * SPREAD
    return torch.logaddexp(2 * x, 2 * noise) / 2 + normal(b, 1, 1)


def echoed(x: Tensor, chosen: Tensor, decay_s: Tensor, level: Tensor) -> Tensor:
    """(B, mels, N) with the tail of a room added to the chosen ones: each band's power, smeared by an exponential that
    falls by 60 dB in `decay_s`; `level` (nepers) is that of a steady sound's tail against the sound. Each (B, 1, 1)."""
    steps = torch.arange(1, ECHO_FRAMES + 1, device=x.device)
    fall = torch.exp(-2 * NEPERS_60_DB * steps / (100 * decay_s[:, 0]))  # of the power, (B, ECHO_FRAMES)
    kernel = (fall / fall.sum(1, keepdim=True) * torch.exp(2 * level[:, 0])).flip(1)
    power = torch.exp(2 * (x - x.amax((1, 2), keepdim=True)))
    padded = F.pad(power, (ECHO_FRAMES, 0))[:, :, :-1].transpose(0, 1)  # (mels, B, N + ECHO_FRAMES - 1)
    tail = F.conv1d(padded, kernel[:, None], groups=len(x)).transpose(0, 1)
    wet = torch.log((power + tail).clamp(min=1e-12)) / 2 + x.amax((1, 2), keepdim=True)
    return torch.where(chosen, wet, x)


def masked(x: Tensor, random: torch.Generator) -> Tensor:
    """Bands and stretches set to zero, as in SpecAugment (https://arxiv.org/abs/1904.08779)."""
    for axis, longest in ((1, MASK_MELS), (2, MASK_FRAMES)):
        count = x.shape[axis]
        for _ in range(MASKS):
            size = torch.randint(0, min(longest, count - 1) + 1, (len(x), 1), generator=random, device=x.device)
            start = (torch.rand((len(x), 1), generator=random, device=x.device) * (count - size)).long()
            index = torch.arange(count, device=x.device)[None]
            inside = (index >= start) & (index < start + size)
            x = x.masked_fill(inside.unsqueeze(2 if axis == 1 else 1), 0.0)
    return x
