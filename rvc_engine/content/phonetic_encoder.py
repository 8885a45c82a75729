"""The starter's content encoder: a small network of our own (phonetic.py)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rvc_engine.content.base import ContentEncoder, LoadedEncoder
from rvc_engine.messages import Message

if TYPE_CHECKING:
    from pathlib import Path

    import torch


class Phonetic(ContentEncoder):
    dim = 256
    about = Message("content.about_phonetic")
    weights = ("starter/encoder.safetensors",)
    is_shipped = True
    is_own = True

    def read(self, path: Path | None, device: torch.device | str, precision: str) -> LoadedEncoder:
        from rvc_engine.content.phonetic import PhoneticContent, read_phonetic

        assert path is not None
        return PhoneticContent(self.name, read_phonetic(path), device)
