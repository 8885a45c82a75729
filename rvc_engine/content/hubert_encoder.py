"""HuBERT base, in the weights called ContentVec: the content encoder of every RVC program."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rvc_engine.content.base import ContentEncoder, LoadedEncoder
from rvc_engine.messages import Message

if TYPE_CHECKING:
    from pathlib import Path

    import torch


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
        from rvc_engine.content.hubert import read_hubert
        from rvc_engine.content.hubert_content import HubertEncoder

        assert path is not None
        return HubertEncoder(self.name, self.dim, read_hubert(path, self.dim), device, precision=precision)

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
