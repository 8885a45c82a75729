"""Content features by a HuBERT in memory."""

from __future__ import annotations

import numpy as np
import torch

from rvc_engine.content.base import FRAME_SAMPLES, TOGETHER, refuse_empty
from rvc_engine.content.hubert import Hubert
from rvc_engine.files.half import DTYPES, autocast, rounded
from rvc_engine.machine.device import sent_to


class HubertEncoder:
    """HuBERT. On a GPU up to `batch_size` waves of similar length go through together; each gets what it would get
    alone (hubert.content). On a CPU each wave goes alone, because rounding depends on how many go together."""

    def __init__(
        self,
        name: str,
        dim: int,
        network: Hubert,
        device: torch.device | str,
        batch_size: int | None = None,
        precision: str = "fp32",
    ) -> None:
        self.name = name
        self.dim = dim
        network = network.eval().to(device)
        network.trunk.encoder.transformer.pos_conv_embed.fold(DTYPES[precision])
        self.network = rounded(network, precision)
        self.device = torch.device(device)
        self.precision = precision
        self.batch_size = batch_size or (1 if self.device.type == "cpu" else TOGETHER)

    def encode(self, waves: list[np.ndarray]) -> list[np.ndarray]:
        refuse_empty(waves)
        order = sorted(range(len(waves)), key=lambda i: len(waves[i]))
        results: dict[int, np.ndarray] = {}
        for start in range(0, len(order), self.batch_size):
            batch = order[start : start + self.batch_size]
            results.update(zip(batch, self._content([waves[i] for i in batch]), strict=True))
        return [results[i] for i in range(len(waves))]

    def _content(self, waves: list[np.ndarray]) -> list[np.ndarray]:
        """One copy to the device and one back, for which alone this waits."""
        padded = [pad_for_hubert(np.asarray(wave, dtype=np.float32)) for wave in waves]
        whole = sent_to(self.device, torch.from_numpy(np.concatenate(padded)))
        lengths = [len(wave) for wave in padded]
        with torch.inference_mode(), autocast(self.device, self.precision):
            if len(set(lengths)) == 1:
                return list(_on_host(self.network.content_of_same(whole.view(len(waves), -1))))
            contents = self.network.content(list(whole.split(lengths)))
            together = _on_host(torch.cat(contents))
        return np.split(together, np.cumsum([len(content) for content in contents])[:-1])


def _on_host(content: torch.Tensor) -> np.ndarray:
    return np.ascontiguousarray(content.float().cpu().numpy())


def pad_for_hubert(wave: np.ndarray) -> np.ndarray:
    """(T,) -> (320 * ceil(T / 320) + 80,): HuBERT gives (T - 80) // 320 frames, one or two too few. Padding on the
    right alone, mirrored where the wave is long enough, leaves every frame where RVC has it and adds the missing
    ones."""
    wanted = -(-len(wave) // FRAME_SAMPLES) * FRAME_SAMPLES + 80
    spare = wanted - len(wave)
    return np.pad(wave, (0, spare), mode="reflect") if len(wave) > spare else np.pad(wave, (0, spare))
