"""The starter's content encoder: a small network of our own (phonetic.py)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rvc_engine.content.base import FRAME_SAMPLES, ContentEncoder, LoadedEncoder, refuse_empty
from rvc_engine.messages import Message

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    import torch

    from rvc_engine.content.phonetic import PhoneticEncoder


class Phonetic(ContentEncoder):
    dim = 256
    about = Message("content.about_phonetic")
    weights = ("starter/encoder.safetensors",)
    is_shipped = True
    is_own = True

    def read(self, path: Path | None, device: torch.device | str, precision: str) -> LoadedEncoder:
        from rvc_engine.content.phonetic import read_phonetic

        assert path is not None
        return PhoneticContent(self.name, read_phonetic(path), device)


class PhoneticContent:
    """Always in float32. Waves go one by one: it is quick, and the result does not
    depend on the others."""

    dim = 256

    def __init__(self, name: str, network: PhoneticEncoder, device: torch.device | str) -> None:
        self.name = name
        self.network = network.eval().to(device)
        self.device = device

    def encode(self, waves: list[np.ndarray]) -> list[np.ndarray]:
        import numpy as np
        import torch

        refuse_empty(waves)
        results = []
        for wave in waves:
            padded = np.pad(np.asarray(wave, dtype=np.float32), (0, -len(wave) % FRAME_SAMPLES))
            with torch.inference_mode():
                frames = self.network(torch.from_numpy(padded).to(self.device).unsqueeze(0))[0]
            results.append(np.ascontiguousarray(frames.float().cpu().numpy()))
        return results
