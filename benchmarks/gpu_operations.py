"""What content features and conversions ask of a GPU, counted on the simulated one, and the arithmetic of their
networks:

    python -m tests.gpu.pretend python benchmarks/gpu_operations.py

A line of JSON for each, for WORK in gpu_claims.py. Weights are random. Of the arithmetic, torch's FlopCounterMode
counts convolutions and matrix products, on tensors of the same shapes without numbers; Fourier transforms and what is
done to each element are not in it.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils.flop_counter import FlopCounterMode

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT)]

RATE, CLIP_S, CLIPS = 16000, 3.7, 32
SECONDS = (3, 60)
"""Of the recordings that are converted."""


@dataclass(frozen=True)
class Counted:
    """`waits`: for the GPU; `gflop`: 10^9 floating-point operations."""

    key: str
    operations: int
    copies: int
    waits: int
    gflop: float


class NoNoise:
    def normal(self, shape: tuple[int, ...]) -> Tensor:
        return torch.empty(shape)

    uniform = normal


def main() -> None:
    from rvc_engine.machine.device import use_device

    device = use_device("cuda")
    print(json.dumps(asdict(features(device))))
    with tempfile.TemporaryDirectory() as folder:
        for seconds in SECONDS:
            print(json.dumps(asdict(conversion(device, Path(folder), seconds))), flush=True)


def features(device: torch.device) -> Counted:
    waves = [np.zeros(round(CLIP_S * RATE), np.float32)] * CLIPS
    encoder = _encoder(device)
    return _counted("features", lambda: encoder.encode(waves), _hubert_flops(CLIPS, len(waves[0])))


def conversion(device: torch.device, folder: Path, seconds: int) -> Counted:
    """v2-40k with RMVPE in fp16, without an index."""
    from rvc_engine.conversion.converter import Converter
    from rvc_engine.settings import ConvertSettings
    from rvc_engine.voices.small_model import read_voice
    from rvc_engine.workspace import Workspace
    from tests.tiny_voice import save_voice

    workspace = Workspace(folder)
    workspace.pretrained.mkdir(exist_ok=True)
    _save_rmvpe(workspace.pretrained / "rmvpe.pt")
    voice = read_voice(save_voice(folder / "voice.pth", "v2-40k"))
    settings = ConvertSettings(pitch_method="rmvpe")
    converter = Converter(voice, _encoder(device), None, settings, device, workspace=workspace)
    wave = np.zeros(seconds * RATE, np.float32)
    pad = converter.plan.pad_frames
    frames = seconds * 100 + 2 * pad
    flops = _hubert_flops(1, frames * 160) + _rmvpe_flops(frames) + _voice_flops(voice.config, frames, pad)
    return _counted(f"convert {seconds} s", lambda: converter.convert(wave), flops)


def _counted(key: str, work: Callable[[], Any], flops: int) -> Counted:
    """The second time: the first one loads, and chooses kernels."""
    from tests.gpu import counts

    work()
    counts.reset()
    work()
    found = counts.counts()
    copies = found["to_gpu"] + found["from_gpu"]
    return Counted(key, counts.operations(), copies, found["waits"], round(flops / 1e9, 1))


# --- networks ---------------------------------------------------------------------------------------------------------
def _encoder(device: torch.device) -> Any:
    from rvc_engine.content.hubert_content import HubertEncoder

    return HubertEncoder("hubert", 768, _hubert(), device, precision="fp16")


def _hubert() -> Any:
    from rvc_engine.content.hubert import Hubert
    from rvc_engine.content.hubert_config import HubertConfig

    return Hubert(HubertConfig(), 12, projected=False).eval().requires_grad_(False)


def _save_rmvpe(path: Path) -> None:
    from rvc_engine.pitch.rmvpe_network import Rmvpe

    torch.save(Rmvpe().state_dict(), path)


def _flops(work: Callable[[], Any]) -> int:
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        work()
    return int(counter.get_total_flops())


def _hubert_flops(clips: int, samples: int) -> int:
    from rvc_engine.content.hubert_content import pad_for_hubert

    with torch.device("meta"):
        network = _hubert()
        waves = torch.empty(clips, len(pad_for_hubert(np.zeros(samples, np.float32))))
        return _flops(lambda: network.content_of_same(waves))


def _rmvpe_flops(frames: int) -> int:
    from rvc_engine.pitch.rmvpe_frames import WINDOW_FRAMES, padded_frames, windows
    from rvc_engine.pitch.rmvpe_network import Rmvpe

    whole = padded_frames(frames * 160)
    with torch.device("meta"):
        network, mel = Rmvpe().eval(), torch.empty(1, 128, whole)
        parts = [mel[:, :, begin:end] for begin, end, _, _ in windows(0, whole, WINDOW_FRAMES)]
        read = torch.empty(1, whole, network.fc[0].gru.input_size)
        return sum(_flops(lambda part=part: network.features(part)) for part in parts) + _flops(
            lambda: network.fc(read)
        )


def _voice_flops(config: Any, frames: int, pad: int) -> int:
    from rvc_engine.models.synthesizer import Synthesizer

    with FakeTensorMode():  # of the CPU: autocast knows no meta tensors
        network = Synthesizer(config, posterior=False).eval()
        phone, hz = torch.empty(1, frames, config.feature_dim), torch.empty(1, frames)
        pitch, one = torch.empty(1, frames, dtype=torch.int64), torch.empty(1, dtype=torch.int64)
        part = (pad, frames - pad)
        return _flops(lambda: network.infer(phone, one, pitch, hz, one, noise=NoNoise(), part=part))


if __name__ == "__main__":
    main()
