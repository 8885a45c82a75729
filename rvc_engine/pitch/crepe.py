"""Pitch by CREPE (torchcrepe, an optional package); its network comes in the package."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rvc_engine.pitch.base import Hz, OneByOne, Wave
from rvc_engine.pitch.coarse import CEILING_HZ, FLOOR_HZ

if TYPE_CHECKING:
    from torch import Tensor

SURE = 0.1
"""Frames with a lower periodicity are unvoiced, as RVC does it."""
PIECE_FRAMES = 3000
"""The best path is looked for in this much at once, so that memory does not grow with the wave."""
BATCH_CPU, BATCH_GPU = 64, 512
"""Frames; on a CPU more are no faster and take 2 MB each. A GPU that has no room for its number takes fewer."""
NEIGHBOURS = 4
SILENT = 1e-5
"""Standard deviation below which a frame is silence, unvoiced: the network, which scales each frame, is sure of 547 Hz
there."""


class Crepe(OneByOne):
    is_network = True
    package = "torchcrepe"
    install = "torchcrepe torchaudio"

    def track_one(self, wave_16k: Wave, frames: int, device: str) -> Hz:
        import torch
        from scipy.ndimage import median_filter

        torchcrepe = self.imported()
        wave = torch.from_numpy(np.ascontiguousarray(wave_16k, dtype=np.float32))[None]
        padded = torch.nn.functional.pad(wave, (512, 512))
        pieces, certainty = [], []
        for first in range(0, frames, PIECE_FRAMES):
            last = min(frames, first + PIECE_FRAMES)
            part = padded[:, first * 160 : (last - 1) * 160 + 1024]
            likelihood = _likelihood(part, device)
            likelihood[..., part[0].unfold(0, 1024, 160).std(dim=1) < SILENT] = 0
            f0, sure = torchcrepe.postprocess(
                likelihood, FLOOR_HZ, CEILING_HZ, decoder=_decode, return_periodicity=True
            )
            pieces.append(f0[0].double().numpy())
            certainty.append(sure[0].numpy())
        voiced = median_filter(np.concatenate(certainty), 3, mode="mirror") >= SURE
        return np.where(voiced, np.concatenate(pieces), 0.0)


def _likelihood(wave: Tensor, device: str) -> Tensor:
    """(1, 160 * (F - 1) + 1024) -> (1, 360, F), of each pitch, 20 cents apart."""
    import torch
    import torchcrepe

    from rvc_engine.machine.device import with_less

    def likelihood(size: int) -> Tensor:
        batches = torchcrepe.preprocess(wave, 16000, 160, size, device, pad=False)
        return torch.cat([torchcrepe.infer(batch, "full", device).cpu() for batch in batches]).nan_to_num().T[None]

    with torch.no_grad():
        return with_less(likelihood, BATCH_CPU if device == "cpu" else BATCH_GPU, BATCH_CPU, device)


def _decode(likelihood: Tensor) -> tuple[Tensor, Tensor]:
    """(1, 360, F) -> bins (1, F) on the best path, and Hz: the mean of the nine bins around it, weighted by likelihood.

    torchcrepe's own decoders add a random 20 cents, other ones in each run, and RVC smooths them over three frames.
    This needs neither, and is nearer to Praat.
    """
    import torch
    import torchcrepe

    bins, _ = torchcrepe.decode.viterbi(likelihood)
    near = bins[:, None] + torch.arange(-NEIGHBOURS, NEIGHBOURS + 1)[:, None]
    weights = likelihood.gather(1, near.clamp(0, 359)).clamp(min=0) * ((near >= 0) & (near < 360))
    cents = (weights * (20 * near + 1997.3794084376191)).sum(1) / weights.sum(1).clamp(min=1e-9)
    return bins, 10 * 2 ** (cents / 1200)
