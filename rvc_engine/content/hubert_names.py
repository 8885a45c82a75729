"""HuBERT's weights by name: fairseq's and transformers' names become torchaudio's."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from rvc_engine.files.weights import Unreadable
from rvc_engine.messages import Message

TRAINING_ONLY = re.compile(r"mask_emb|masked_spec_embed|label_embs_concat|target_glu\..*")
STARTS = (
    (r"feature_extractor\.conv_layers\.(\d+)\.0\.", r"feature_extractor.conv_layers.\1.conv."),
    (r"feature_extractor\.conv_layers\.(\d+)\.2\.(1\.)?", r"feature_extractor.conv_layers.\1.layer_norm."),
    (r"layer_norm\.", "encoder.feature_projection.layer_norm."),
    (r"post_extract_proj\.", "encoder.feature_projection.projection."),
    (r"feature_projection\.", "encoder.feature_projection."),
    (r"encoder\.pos_conv\.0\.", "encoder.transformer.pos_conv_embed.conv."),
    (r"encoder\.(pos_conv_embed|layers|layer_norm)\.", r"encoder.transformer.\1."),
)
PARTS = (
    (".self_attn.", ".attention."),
    (".self_attn_layer_norm.", ".layer_norm."),
    (".fc1.", ".feed_forward.intermediate_dense."),
    (".fc2.", ".feed_forward.output_dense."),
    (".conv.weight_g", ".conv.parametrizations.weight.original0"),
    (".conv.weight_v", ".conv.parametrizations.weight.original1"),
)


def renamed(weights: Mapping[Any, Any]) -> dict[str, Tensor]:
    """Weights under torchaudio's names, from fairseq's, transformers' or these, without those that only training
    needs."""
    found: dict[str, Tensor] = {}
    for name, value in weights.items():
        if not isinstance(name, str):
            raise Unreadable(Message("content.weight_no_name"))
        if not isinstance(value, Tensor):
            raise Unreadable(Message("content.weight_no_tensor", name=name))
        if TRAINING_ONLY.fullmatch(name):
            continue
        ours = our_name(name)
        if ours in found:
            raise Unreadable(Message("content.weight_twice", name=ours))
        found[ours] = value
    return found


def our_name(name: str) -> str:
    """torchaudio's name for a weight of any of the three; unknown names stay as they are."""
    for pattern, start in STARTS:
        name, changed = re.subn(rf"\A{pattern}", start, name)
        if changed:
            break
    for theirs, ours in PARTS:
        name = name.replace(theirs, ours)
    return name
