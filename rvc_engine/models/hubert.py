"""HuBERT base as RVC uses it, built from torchaudio's parts, and the reader of its weights file."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torchaudio.models import Wav2Vec2Model, hubert_base, wav2vec2_model

FRAME_SAMPLES = 320
MARGIN_SAMPLES = 80  # receptive field 400 at stride 320: T samples give (T - 80) // 320 frames
TINY_WIDTH = 32
TINY_SEED = 20230401
TENSOR_TYPES = {"F32": "<f4", "F16": "<f2", "F64": "<f8"}


class Hubert(nn.Module):
    """Waveform (B, T) at 16 kHz to content (B, F50, D): output of layer `layer`, through `final_proj` where there is one.

    In the weights file the keys are torchaudio's own (`feature_extractor...`, `encoder...`) plus `final_proj.weight` and
    `final_proj.bias`.
    """

    def __init__(self, trunk: Wav2Vec2Model, layer: int, projection: nn.Linear | None) -> None:
        super().__init__()
        self.trunk = trunk
        self.layer = layer
        self.final_proj = projection

    def forward(self, wave: Tensor) -> Tensor:
        """(B, T) -> (B, (T - 80) // 320, D)"""
        layers, _ = self.trunk.extract_features(wave, num_layers=self.layer)
        content = layers[self.layer - 1]
        return content if self.final_proj is None else self.final_proj(content)


def base(dim: int) -> Hubert:
    """The network of RVC's content features, weights not yet loaded: layer 9 projected to 256 (v1), or layer 12, 768 wide (v2)."""
    with torch.random.fork_rng(devices=[]):
        return Hubert(hubert_base(), 9, nn.Linear(768, 256)) if dim == 256 else Hubert(hubert_base(), 12, None)


def random_tiny(dim: int) -> Hubert:
    """Two layers of width 32 with the same seeded weights on every machine, projected to `dim`."""
    with torch.random.fork_rng(devices=[]):
        trunk = wav2vec2_model(
            extractor_mode="group_norm", extractor_conv_layer_config=[(16, 10, 5)] + [(16, 3, 2)] * 4 + [(16, 2, 2)] * 2,
            extractor_conv_bias=False, encoder_embed_dim=TINY_WIDTH, encoder_projection_dropout=0.0, encoder_pos_conv_kernel=16,
            encoder_pos_conv_groups=4, encoder_num_layers=2, encoder_num_heads=4, encoder_attention_dropout=0.0,
            encoder_ff_interm_features=64, encoder_ff_interm_dropout=0.0, encoder_dropout=0.0, encoder_layer_norm_first=False,
            encoder_layer_drop=0.0, aux_num_out=None,
        )  # fmt: skip
        network = Hubert(trunk, 2, nn.Linear(TINY_WIDTH, dim))
    generator = torch.Generator().manual_seed(TINY_SEED + dim)
    with torch.no_grad():
        for _, weight in sorted(network.state_dict().items()):
            draw = torch.randn(weight.shape, generator=generator)
            if weight.dim() > 1:
                weight.copy_(draw * (1.5 / math.sqrt(weight[0].numel())))
            elif weight.mean() > 0.5:  # the scales of the norm layers start at 1
                weight.copy_(1 + 0.02 * draw)
            else:
                weight.copy_(0.02 * draw)
    return network


def load(network: Hubert, path: Path) -> None:
    """Fill `network` from a safetensors file. Raises ValueError naming what is missing, left over or of another shape."""
    weights = read_safetensors(path)
    wanted = {name.removeprefix("trunk."): tensor for name, tensor in network.state_dict().items()}
    missing = sorted(set(wanted) - set(weights))
    spare = sorted(name for name in set(weights) - set(wanted) if not name.startswith(("final_proj.", "aux.")))
    wrong = sorted(name for name in set(wanted) & set(weights) if wanted[name].shape != weights[name].shape)
    for what, names in (("lacks", missing), ("has unknown", spare), ("has another shape for", wrong)):
        if names:
            raise ValueError(f"it {what} {len(names)} tensors, for example {names[0]}")
    network.load_state_dict({name: weights[name.removeprefix("trunk.")] for name in network.state_dict()})


def read_safetensors(path: Path) -> dict[str, Tensor]:
    """Every tensor of a safetensors file as float32. The format: eight bytes with the length of a JSON header, the header with type,
    shape and offsets of each tensor, then the bytes. Raises ValueError when the file is not whole."""
    data = np.memmap(path, dtype=np.uint8, mode="r")
    if data.size < 8:
        raise ValueError("it is too short")
    start = 8 + int.from_bytes(data[:8].tobytes(), "little")
    if start > data.size:
        raise ValueError("its header is longer than the file")
    try:
        header = json.loads(data[8:start].tobytes())
        header.pop("__metadata__", None)
        return {name: _tensor(data[start:], entry) for name, entry in header.items()}
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"its header is damaged ({error})") from error


def _tensor(body: np.ndarray, entry: dict) -> Tensor:
    kind = TENSOR_TYPES[entry["dtype"]]
    first, last = entry["data_offsets"]
    count = math.prod(entry["shape"])
    if not 0 <= first <= last <= body.size or last - first != count * np.dtype(kind).itemsize:
        raise ValueError("a tensor lies outside the file")
    return torch.from_numpy(body[first:last].view(kind).astype(np.float32).reshape(entry["shape"]))
