"""HuBERT base, in the weights called ContentVec: the content encoder of every RVC program."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rvc_engine.content.base import FRAME_SAMPLES, ContentEncoder, LoadedEncoder, refuse_empty
from rvc_engine.messages import Message

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    import torch

    from rvc_engine.content.hubert import Hubert

KEYS = (
    "feature_extractor.conv_layers.0.",
    "hubert.feature_extractor.",
    "post_extract_proj.",
    "label_embs_concat",
)


class HubertKind(ContentEncoder):
    weights = (
        "hubert_base.pt",
        "hubert_base.safetensors",
        "hubert_base/config.json",  # a folder of transformers
        "contentvec/config.json",
        "hubert/config.json",
    )

    def read(self, path: Path | None, device: torch.device | str, precision: str) -> LoadedEncoder:
        from rvc_engine.content import hubert

        assert path is not None
        return HubertEncoder(self.name, self.dim, hubert.read_hubert(path, self.dim), device, precision=precision)

    def recognises(self, tensors: Mapping[Any, Any], metadata: Mapping[str, str]) -> bool:
        return any("hubert" in key for key in metadata) or any(
            isinstance(key, str) and key.startswith(KEYS) for key in tensors
        )


class Hubert256(HubertKind):
    dim = 256
    about = Message("content.about_hubert_256")


class Hubert768(HubertKind):
    dim = 768
    about = Message("content.about_hubert_768")


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
        from rvc_engine.files.half import rounded

        self.name = name
        self.dim = dim
        self.network = rounded(network.eval().to(device), precision)
        self.device = device
        self.precision = precision
        self.batch_size = batch_size or (1 if str(device) == "cpu" else 8)

    def encode(self, waves: list[np.ndarray]) -> list[np.ndarray]:
        refuse_empty(waves)
        order = sorted(range(len(waves)), key=lambda i: len(waves[i]))
        results: dict[int, np.ndarray] = {}
        for start in range(0, len(order), self.batch_size):
            batch = order[start : start + self.batch_size]
            results.update(zip(batch, self._content([waves[i] for i in batch]), strict=True))
        return [results[i] for i in range(len(waves))]

    def _content(self, waves: list[np.ndarray]) -> list[np.ndarray]:
        import numpy as np
        import torch

        from rvc_engine.files.half import autocast

        padded = [
            torch.from_numpy(pad_for_hubert(np.asarray(wave, dtype=np.float32))).to(self.device) for wave in waves
        ]
        with torch.inference_mode(), autocast(self.device, self.precision):
            return [np.ascontiguousarray(frames.float().cpu().numpy()) for frames in self.network.content(padded)]


def pad_for_hubert(wave: np.ndarray) -> np.ndarray:
    """(T,) -> (320 * ceil(T / 320) + 80,): HuBERT gives (T - 80) // 320 frames, one or two too few. Padding on the
    right alone, mirrored where the wave is long enough, leaves every frame where RVC has it and adds the missing
    ones."""
    import numpy as np

    wanted = -(-len(wave) // FRAME_SAMPLES) * FRAME_SAMPLES + 80
    spare = wanted - len(wave)
    return np.pad(wave, (0, spare), mode="reflect") if len(wave) > spare else np.pad(wave, (0, spare))
