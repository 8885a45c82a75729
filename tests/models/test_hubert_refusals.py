"""Files that are no HuBERT, or say what none says, are refused with one line before anything large is made."""

import json
import resource
import time
from pathlib import Path

import pytest
import torch

from rvc_engine.content.hubert import read_hubert
from rvc_engine.content.hubert_config import BASE_CONVOLUTIONS, parse_convolutions
from rvc_engine.files.weights import Unreadable, write_safetensors
from tests.models.hubert import files

LAYER = "encoder.layers.0"


def refused(path, words):
    before, memory = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(Unreadable, match=words) as caught:
        read_hubert(path)
    assert time.monotonic() - before < 5
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory < 500_000
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 300


def drop(content):
    del content["model"][f"{LAYER}.fc1.weight"]


def transpose(content):
    content["model"][f"{LAYER}.fc1.weight"] = content["model"][f"{LAYER}.fc1.weight"].T


def claim_seven_layers(content):
    content["cfg"]["model"]["encoder_layers"] = 7


def add(content):
    content["model"]["encoder.layers.0.adapter\n.weight"] = torch.zeros(3)


def twice(content):
    content["model"][f"{LAYER}.attention.k_proj.bias"] = torch.zeros(64)


def no_number(content):
    content["model"]["final_proj.bias"][3] = float("nan")


def whole_numbers(content):
    content["model"]["final_proj.bias"] = torch.zeros(32, dtype=torch.int64)


def no_tensor(content):
    content["model"]["final_proj.bias"] = [0.0] * 32


def no_model(content):
    content.pop("model")


def no_config(content):
    content.pop("cfg")


def odd_options(name, value):
    def change(content):
        content["cfg"]["model"][name] = value

    return change


def one_storage(content):
    """Every matrix is a view of the same numbers: a small file that asks for a large network."""
    shared = torch.zeros(1 << 14)
    for name, tensor in content["model"].items():
        content["model"][name] = shared[: tensor.numel()].view(tensor.shape)


@pytest.mark.few(9)
@pytest.mark.parametrize(
    ("change", "words"),
    [
        (drop, "lacks 1 of its weights"),
        (transpose, "another shape for 1"),
        (claim_seven_layers, "lacks 48 of its weights"),
        (add, "1 unknown weight"),
        (twice, "two weights for"),
        (no_number, "not finite"),
        (whole_numbers, "are integers"),
        (no_tensor, "final_proj.bias' is not a tensor"),
        (no_model, "has no model"),
        (no_config, "neither cfg nor args"),
        (one_storage, "overlap"),
        (odd_options("encoder_layers", 1_000_000), "layers is not a whole number from 1 to 48"),
        (odd_options("encoder_layers", True), "layers"),
        (odd_options("encoder_layers", 10**600), "layers"),
        (odd_options("encoder_embed_dim", 1 << 30), "width"),
        (odd_options("encoder_embed_dim", [64]), "width"),
        (odd_options("encoder_attention_heads", 3), "not a multiple of its heads"),
        (odd_options("encoder_attention_heads", 0), "heads"),
        (odd_options("conv_pos_groups", 0), "position_groups"),
        (odd_options("layer_norm_first", "no"), "norm_first"),
        (odd_options("activation_fn", "relu"), "activation_fn"),
        (odd_options("layer_type", "conformer"), "layer_type"),
        (odd_options("extractor_mode", {}), "extractor_mode"),
        (odd_options("conv_bias", True), "lacks 7 of its weights"),
        (odd_options("conv_feature_layers", "[(32,10,5)] + [(32,3,2)] * 6"), "another shape for 2"),
    ],
)
def test_of_fairseq(tmp_path, change, words):
    content = files.checkpoint()
    change(content)
    torch.save(content, tmp_path / "h.pt")
    refused(tmp_path / "h.pt", words)


@pytest.mark.few(6)
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"num_hidden_layers": 10**9}, "layers"),
        ({"conv_dim": [32] * 6}, "different lengths"),
        ({"conv_dim": [[32]] * 7}, "channels, kernel and stride"),
        ({"conv_dim": 32}, "convolutions"),
        ({"conv_stride": [0] * 7}, "size that no HuBERT has"),
        ({"hidden_act": "gelu_new"}, "hidden_act"),
        ({"layer_norm_eps": 1e-12}, "layer_norm_eps"),
        ({"model_type": "wavlm"}, "model_type"),
        ({"feat_extract_norm": None}, "feat_extract_norm"),
        ({"num_attention_heads": 2.0}, "heads"),
    ],
)
def test_of_transformers(tmp_path, change, words):
    folder = files.write("folder-bin", tmp_path)
    (folder / "config.json").write_text(json.dumps(files.transformers_config() | change))
    refused(folder, words)


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "[" * 100_000, '{"hidden_size": ' + "9" * 10_000 + "}", " " * (1 << 21)],
    ids=["empty", "cut", "list", "deep", "huge number", "too long"],
)
def test_damaged_configurations(tmp_path, text):
    folder = files.write("folder-bin", tmp_path)
    (folder / "config.json").write_text(text)
    refused(folder, "config.json|width")


def test_other_weights(tmp_path):
    write_safetensors(tmp_path / "a.safetensors", {"weight": torch.zeros(3)})
    refused(tmp_path / "a.safetensors", "lacks 210 of its weights")
    for text in (
        "{",
        "[]",
        '{"layers": 1e9}',
        '{"convolutions": 3}',
        '{"hidden": 1}',
        '{"convolutions": [[1, 2]]}',
        "null",
    ):
        write_safetensors(tmp_path / "b.safetensors", {"weight": torch.zeros(3)}, {"hubert": text})
        refused(tmp_path / "b.safetensors", "configuration|layers|convolution")


def test_the_marker_never_appears(tmp_path):
    """fairseq evaluates this option as Python."""
    content = files.checkpoint()
    marker = tmp_path / "marker"
    content["cfg"]["model"]["conv_feature_layers"] = f"[(32,10,5)] + [__import__('os').system('touch {marker}')]"
    torch.save(content, tmp_path / "h.pt")
    refused(tmp_path / "h.pt", "more than lists of numbers")
    assert not Path(marker).exists()


@pytest.mark.parametrize(
    ("source", "layers"),
    [
        ("[(512,10,5)] + [(512,3,2)] * 4 + [(512,2,2)] * 2", BASE_CONVOLUTIONS),
        (" [(1, 2, 3),] + 2*[[4,5,6]]", ((1, 2, 3), (4, 5, 6), (4, 5, 6))),
        ("([(1,2,3)] * 2 + [(4,5,6)]) * 2", ((1, 2, 3), (1, 2, 3), (4, 5, 6)) * 2),
    ],
)
def test_convolutions_are_read(source, layers):
    assert parse_convolutions(source) == layers


OTHER = (
    "",
    " ",
    "[]",
    "[(1,2)]",
    "[(1,2,3)] * 999999999",
    "[(1,2,3)] * 16 * 16",
    "[(1,2,3)] * 0",
    "[(1,2,3)] ** 2",
    "[(1,2,3)](1)",
    "[(1,2,3)][0]",
    "[*[(1,2,3)]]",
    "[(1,2,3)] * [(1,2,3)]",
    "2 * 3",
    "[(1,2,0)]",
    "[(1,2,99)]",
    "[(9999,2,2)]",
    "[(1,2,+3)]",
    "[(1,2,1+2)]",
    "(" * 400,
    "[" * 400,
    "+" * 400 + "1",
    "[(1,2,3)] + " * 30 + "[(1,2,3)]",
    "[(1,2,3)]\n",
    "[(1,2,3)] if 1 else 2",
    "[(0x1,2,3)]",
    "[(" + "9" * 450 + ",2,3)]",
    None,
    7,
    [(1, 2, 3)],
    b"[(1,2,3)]",
)


@pytest.mark.parametrize("source", OTHER, ids=range(len(OTHER)))
def test_other_convolutions_are_refused(source):
    with pytest.raises(Unreadable):
        parse_convolutions(source)
