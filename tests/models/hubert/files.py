"""A tiny HuBERT of fairseq in every form that a checkpoint can have, and fairseq's own numbers for it.

tiny_hubert_fairseq_fp16.pt and tiny_hubert_fairseq_oldstream.pt were written by fairseq 0.12.2 (4 layers of width 64,
random weights after six updates); golden.npz holds what fairseq computes with them; omegaconf.pkl.z is the data.pkl of
the same checkpoint with omegaconf objects. They are a part of the reference data of the project; `make soak` runs the
whole of it by its path (RVC_HUBERT_KIT).
"""

from __future__ import annotations

import argparse
import json
import re
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rvc_engine.content.hubert import read_hubert, write_hubert
from rvc_engine.files.weights import plain, read, write_safetensors

HERE = Path(__file__).resolve().parent
HALF = HERE / "tiny_hubert_fairseq_fp16.pt"
OLD = HERE / "tiny_hubert_fairseq_oldstream.pt"
FORMS = ("cfg", "args", "omegaconf", "oldstream", "folder-bin", "folder-safetensors", "own")
TO_TRANSFORMERS = (
    (r"^feature_extractor\.conv_layers\.(\d+)\.0\.", r"feature_extractor.conv_layers.\1.conv."),
    (r"^feature_extractor\.conv_layers\.0\.2\.", "feature_extractor.conv_layers.0.layer_norm."),
    (r"^layer_norm\.", "feature_projection.layer_norm."),
    (r"^post_extract_proj\.", "feature_projection.projection."),
    (r"^mask_emb$", "masked_spec_embed"),
    (r"encoder\.pos_conv\.0\.", "encoder.pos_conv_embed.conv."),
    (r"\.self_attn\.", ".attention."),
    (r"\.self_attn_layer_norm\.", ".layer_norm."),
    (r"\.fc1\.", ".feed_forward.intermediate_dense."),
    (r"\.fc2\.", ".feed_forward.output_dense."),
)


def checkpoint() -> dict[str, Any]:
    """cfg and model as plain data, free to be changed."""
    content = read(OLD)
    return {"args": None, "cfg": plain(content["cfg"]), "model": dict(content["model"])}


def golden() -> dict[str, np.ndarray]:
    with np.load(HERE / "golden.npz") as file:
        return dict(file)


def case(numbers: dict[str, np.ndarray], name: str) -> tuple[Tensor, Tensor]:
    """Source and padding mask (B, T) of a golden case."""
    long, short = numbers["wav_13"], numbers["wav_07"]
    alone = {"A": long, "B": short, "C": long[:20480]}
    if name in alone:
        source = torch.from_numpy(alone[name])[None]
        return source, torch.zeros(source.shape, dtype=torch.bool)
    source = torch.from_numpy(np.stack([long, np.pad(short, (0, len(long) - len(short)))]))
    mask = torch.zeros(source.shape, dtype=torch.bool)
    mask[1, len(short) :] = True
    return source, mask


def write(form: str, folder: Path) -> Path:
    """The tiny HuBERT, in single precision, in one of FORMS."""
    content = checkpoint()
    path = folder / f"{form}.pt"
    if form == "oldstream":
        return OLD
    if form == "cfg":
        torch.save(content, path)
    elif form == "args":
        torch.save({"args": argparse.Namespace(**flat(content["cfg"])), "model": content["model"]}, path)
    elif form == "omegaconf":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("archive/data.pkl", zlib.decompress((HERE / "omegaconf.pkl.z").read_bytes()))
            for i, tensor in enumerate(content["model"].values()):
                archive.writestr(f"archive/data/{i}", tensor.numpy().tobytes())
    elif form == "own":
        path = folder / "own.safetensors"
        write_hubert(path, read_hubert(OLD))
    else:
        return write_folder(folder, safetensors=form == "folder-safetensors")
    return path


def flat(cfg: dict[str, Any]) -> dict[str, Any]:
    """The older form: every option in one object, those at their default absent."""
    names = (
        "encoder_layers",
        "encoder_embed_dim",
        "encoder_ffn_embed_dim",
        "encoder_attention_heads",
        "final_dim",
        "conv_feature_layers",
        "conv_pos",
        "conv_pos_groups",
        "untie_final_proj",
    )
    return {"task": "hubert_pretraining", "normalize": False, "seed": 1, **{name: cfg["model"][name] for name in names}}


def write_folder(folder: Path, *, safetensors: bool) -> Path:
    """As transformers saves it: the .bin with torch's old names of weight norm, the .safetensors with the new ones."""
    content = checkpoint()
    weights = {
        transformers_name(name): tensor for name, tensor in content["model"].items() if name != "label_embs_concat"
    }
    if safetensors:
        new = {"weight_g": "parametrizations.weight.original0", "weight_v": "parametrizations.weight.original1"}
        weights = {
            re.sub(r"weight_[gv]$", lambda found: new[found[0]], name): tensor for name, tensor in weights.items()
        }
        write_safetensors(folder / "model.safetensors", weights, {"format": "pt"})
    else:
        torch.save(weights, folder / "pytorch_model.bin")
    (folder / "config.json").write_text(json.dumps(transformers_config()))
    return folder


def transformers_name(name: str) -> str:
    for pattern, ours in TO_TRANSFORMERS:
        name = re.sub(pattern, ours, name)
    return name


def transformers_config() -> dict[str, Any]:
    return {
        "model_type": "hubert",
        "hidden_act": "gelu",
        "layer_norm_eps": 1e-05,
        "feat_extract_norm": "group",
        "conv_bias": False,
        "conv_dim": [32] * 7,
        "conv_kernel": [10, 3, 3, 3, 3, 2, 2],
        "conv_stride": [5, 2, 2, 2, 2, 2, 2],
        "hidden_size": 64,
        "num_hidden_layers": 4,
        "num_attention_heads": 2,
        "intermediate_size": 128,
        "num_conv_pos_embeddings": 16,
        "num_conv_pos_embedding_groups": 4,
        "do_stable_layer_norm": False,
        "classifier_proj_size": 32,
        "vocab_size": 32,
    }
