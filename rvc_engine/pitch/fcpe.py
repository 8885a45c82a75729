"""Pitch by FCPE (torchfcpe); its network comes in the package."""

from __future__ import annotations

import contextlib
import io
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from rvc_engine.pitch.base import Hz, OneByOne, Wave

if TYPE_CHECKING:
    from rvc_engine.workspace import Workspace

PIECE_FRAMES = 3000
"""Longer waves go through in pieces, so that memory does not grow with them."""
CONTEXT_FRAMES = 100
THRESHOLD = 0.05
"""Frames where the network is less sure are unvoiced. The package's own 0.006 calls half of all hiss voiced; at 0.05,
on real speech, no voiced frame in 300 is lost against it, false voicing is halved, and white noise is unvoiced."""


@lru_cache(maxsize=2)
def network(device: str) -> Any:
    import torchfcpe

    with contextlib.redirect_stdout(io.StringIO()):  # the package prints; standard output is ours
        model = torchfcpe.spawn_bundled_infer_model(device=device)
    if device == "cpu":
        from rvc_engine.models.conv import use_channels_last_depthwise

        use_channels_last_depthwise(model)
    return model


class Fcpe(OneByOne):
    is_network = True
    package = "torchfcpe"
    install = "torchfcpe torchaudio"

    def load(self, device: str, workspace: Workspace | None) -> None:
        self.imported()
        network(device)

    def track_one(self, wave_16k: Wave, frames: int, device: str) -> Hz:
        import torch

        self.load(device, None)
        wave = torch.from_numpy(np.ascontiguousarray(wave_16k, dtype=np.float32)).to(device)
        pieces = []
        for first in range(0, frames, PIECE_FRAMES):
            begin = max(0, first - CONTEXT_FRAMES)
            last = min(frames, first + PIECE_FRAMES)
            part = wave[begin * 160 : (last + CONTEXT_FRAMES) * 160]
            part = torch.nn.functional.pad(part, (0, max(0, 1024 - len(part))))
            f0 = network(device).infer(part[None, :, None], sr=16000, decoder_mode="local_argmax", threshold=THRESHOLD)
            pieces.append(f0[0, first - begin : last - begin, 0].double().cpu().numpy())
        return np.concatenate(pieces)
