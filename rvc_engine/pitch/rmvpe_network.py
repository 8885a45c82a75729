"""RMVPE: a U-Net over the log-mel spectrogram and a recurrent layer give how likely each of 360 pitches is, and the
reader of its weights.

The network of "RMVPE: A Robust Model for Vocal Pitch Estimation in Polyphonic Music" (Wei et al., 2023) in the size
that RVC uses; names are those of the keys in rmvpe.pt.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rvc_engine.files import weights
from rvc_engine.files.weights import Unreadable
from rvc_engine.messages import Message
from rvc_engine.models.without_weights import without_weights

MELS = 128
BINS = 360
STRIDE = 32
"""The U-Net halves time five times: it takes multiples of 32 frames."""
CHANNELS = (16, 32, 64, 128, 256)
BLOCKS = 4


def _norm_relu(channels: int) -> list[nn.Module]:
    return [nn.BatchNorm2d(channels), nn.ReLU(inplace=True)]


class ResidualBlock(nn.Module):
    """Two convolutions beside a shortcut, which is a 1x1 convolution where the channels change. (B, in, F, M) -> (B,
    out, F, M)"""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        first = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        second = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.conv = nn.Sequential(first, *_norm_relu(outputs), second, *_norm_relu(outputs))
        self.shortcut = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else None

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x) + (x if self.shortcut is None else self.shortcut(x))


def _blocks(inputs: int, outputs: int) -> nn.ModuleList:
    return nn.ModuleList(ResidualBlock(inputs if i == 0 else outputs, outputs) for i in range(BLOCKS))


class Level(nn.Module):
    """Residual blocks one after the other. (B, in, F, M) -> (B, out, F, M)"""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = _blocks(inputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        for block in self.conv:
            x = block(x)
        return x


class Encoder(nn.Module):
    """(B, 1, F, M) -> (B, 256, F / 32, M / 32) and each level's output before its size was halved."""

    def __init__(self) -> None:
        super().__init__()
        self.bn = nn.BatchNorm2d(1)
        self.layers = nn.ModuleList(Level(*pair) for pair in zip((1, *CHANNELS), CHANNELS, strict=False))

    def forward(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        x, fine = self.bn(x), []
        for level in self.layers:
            fine.append(level(x))
            x = F.avg_pool2d(fine[-1], 2)
        return x, fine


class Intermediate(nn.Module):
    """(B, 256, F, M) -> (B, 512, F, M)"""

    def __init__(self) -> None:
        super().__init__()
        deepest = CHANNELS[-1]
        self.layers = nn.ModuleList(Level(deepest if i == 0 else 2 * deepest, 2 * deepest) for i in range(4))

    def forward(self, x: Tensor) -> Tensor:
        for level in self.layers:
            x = level(x)
        return x


class UpLevel(nn.Module):
    """Twice the size, then joined with what the encoder had there. (B, 2 C, F, M), (B, C, 2 F, 2 M) -> (B, C, 2 F, 2
    M)"""

    def __init__(self, channels: int) -> None:
        super().__init__()
        up = nn.ConvTranspose2d(2 * channels, channels, 3, stride=2, padding=1, output_padding=1, bias=False)
        self.conv1 = nn.Sequential(up, *_norm_relu(channels))
        self.conv2 = _blocks(2 * channels, channels)

    def forward(self, x: Tensor, fine: Tensor) -> Tensor:
        x = torch.cat((self.conv1(x), fine), dim=1)
        for block in self.conv2:
            x = block(x)
        return x


class Decoder(nn.Module):
    """(B, 512, F / 32, M / 32) and the encoder's levels -> (B, 16, F, M)"""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(UpLevel(channels) for channels in reversed(CHANNELS))

    def forward(self, x: Tensor, fine: list[Tensor]) -> Tensor:
        for level in self.layers:
            x = level(x, fine.pop())
        return x


class UNet(nn.Module):
    """(B, 1, F, M) -> (B, 16, F, M)"""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = Encoder()
        self.intermediate = Intermediate()
        self.decoder = Decoder()

    def forward(self, x: Tensor) -> Tensor:
        x, fine = self.encoder(x)
        return self.decoder(self.intermediate(x), fine)


class Recurrent(nn.Module):
    """A bidirectional GRU. (B, F, in) -> (B, F, 2 * 256)"""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.gru = nn.GRU(inputs, 256, batch_first=True, bidirectional=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.gru(x)[0]


class Rmvpe(nn.Module):
    """Log-mel (B, 128, F), F a multiple of 32 -> salience (B, F, 360) in 0..1."""

    def __init__(self) -> None:
        super().__init__()
        self.unet = UNet()
        self.cnn = nn.Conv2d(CHANNELS[0], 3, 3, padding=1)
        self.fc = nn.Sequential(Recurrent(3 * MELS), nn.Linear(512, BINS), nn.Identity(), nn.Sigmoid())

    def forward(self, mel: Tensor) -> Tensor:
        return self.fc(self.features(mel))

    def features(self, mel: Tensor) -> Tensor:
        """(B, 128, F) -> (B, F, 384): what the recurrent layer reads."""
        x = self.cnn(self.unet(mel.transpose(1, 2).unsqueeze(1)))
        return x.transpose(1, 2).flatten(2)


def read_rmvpe(path: Path) -> Rmvpe:
    """The network with the weights of rmvpe.pt (float32 or half, also inside {"model": ...}) or of a safetensors file:
    eval, float32.

    Raises Unreadable naming what is missing, unknown or of another shape; OSError when the file cannot be opened.
    """
    found = _tensors(weights.read(path))
    with without_weights():
        network = Rmvpe()
    wanted = network.state_dict()
    # of training; some files lack them
    counters = {key: torch.tensor(0) for key in wanted if key.endswith("num_batches_tracked")}
    if lacking := set(wanted) - set(found) - set(counters):
        raise Unreadable(Message("pitch.lacks_tensors", count=len(lacking), name=min(lacking)[:80]))
    if unknown := set(found) - set(wanted):
        raise Unreadable(Message("pitch.unknown_tensors", count=len(unknown), name=min(unknown)[:80]))
    for key in sorted(set(wanted) & set(found)):
        if wanted[key].shape != found[key].shape:
            shape, expected = list(found[key].shape), list(wanted[key].shape)
            raise Unreadable(Message("pitch.tensor_shape", name=key, shape=shape, expected=expected))
    weights.check_numbers(found)
    network.load_state_dict(
        {key: counters[key] if key in counters else found[key].float() for key in wanted}, assign=True
    )
    return network.eval().requires_grad_(False)


def _tensors(content: Any) -> dict[str, Tensor]:
    if isinstance(content, dict) and isinstance(content.get("model"), dict):
        content = content["model"]
    if not isinstance(content, dict) or not all(
        isinstance(k, str) and isinstance(v, Tensor) for k, v in content.items()
    ):
        raise Unreadable(Message("pitch.no_tensors"))
    return content
