"""hubert of the conformance kit and `hubert_file` of ../hubert, through the engine's reader of files."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rvc_engine.content.hubert import Hubert, read_hubert
from rvc_engine.files.weights import write_safetensors

Arrays = dict[str, Any]


def hubert(doc: Arrays, inputs: Arrays, kit: Any) -> Arrays:
    """The kit's weights have the names of transformers: they become a folder of transformers and are read from
    there."""
    with tempfile.TemporaryDirectory() as folder:
        settings = {"model_type": "hubert", **doc["settings"]}
        (Path(folder) / "config.json").write_text(json.dumps(settings))
        weights = {key: torch.from_numpy(value) for key, value in kit.weights(doc["manifest"]).items()}
        write_safetensors(Path(folder) / "model.safetensors", weights)
        network = read_hubert(Path(folder))
    seen, layers = watched(network, torch.from_numpy(inputs["wave"].astype(np.float32) / 32768)[None])
    out = {
        "conv_features": seen["conv"][0, ::4],
        "projected": seen["features"][0, :, ::4],
        "hidden_0": seen["enc_in"][0, :, ::4],
    }
    out |= {name: layers[int(name[7:]) - 1][0, :, ::4] for name in ("hidden_1", "hidden_5", "hidden_9")}
    assert network.final_proj is not None
    out |= {"v1": network.final_proj(layers[8])[0], "v2": layers[11][0]}
    return {name: value.detach().numpy() for name, value in out.items()}


def hubert_file(path: str, source: np.ndarray, padding_mask: np.ndarray) -> list[np.ndarray]:
    """Every layer's output, (B, F50, D)."""
    with torch.inference_mode():
        layers = read_hubert(Path(path)).extract(torch.from_numpy(source), torch.from_numpy(padding_mask))
    return [layer.numpy() for layer in layers]


def watched(
    network: Hubert, source: Tensor, padding_mask: Tensor | None = None
) -> tuple[dict[str, Tensor], list[Tensor]]:
    """What passes on the way, `conv` (B, C, F50), `features` and `enc_in` (B, F50, D), and the layers' outputs."""
    seen: dict[str, Tensor] = {}
    trunk = network.trunk
    handles = [
        trunk.feature_extractor.register_forward_hook(
            lambda _m, _args, out: seen.__setitem__("conv", out.transpose(1, 2))
        ),
        trunk.encoder.feature_projection.register_forward_hook(
            lambda _m, _args, out: seen.__setitem__("features", out)
        ),
        trunk.encoder.transformer.layers[0].register_forward_pre_hook(
            lambda _m, args: seen.__setitem__("enc_in", args[0])
        ),
    ]
    with torch.inference_mode():
        layers = network.extract(source, padding_mask)
    for handle in handles:
        handle.remove()
    return seen, layers
