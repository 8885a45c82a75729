"""The file that is shared: RVC's layout, safe to read, and clear about what it is not."""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from rvc_engine.errors import BadInput, RvcError
from rvc_engine.models.noise import Noise
from rvc_engine.models.synthesizer import Synthesizer
from rvc_engine.presets import PRESETS, ModelConfig, model_config
from rvc_engine.voices.small_model import read_voice, voice_of, write_small_model

MANIFESTS: dict[str, Any] = json.loads((Path(__file__).parents[1] / "models" / "manifests.json").read_text())
OURS = ["encoder", "unvoiced", "epoch", "step", "program"]


def in_the_file(config: ModelConfig) -> ModelConfig:
    """Without what only training needs, which the file does not hold."""
    return replace(config, posterior_layers=0, segment_frames=0, discriminator=PRESETS["starter"].discriminator)


def written(path: Path, config: ModelConfig, epoch: int = 5) -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    weights = Synthesizer(config).state_dict()
    write_small_model(path, weights, config, epoch=epoch, step=70, extra={"unvoiced": "zero"})
    return weights


@pytest.mark.parametrize("name", ["synth_v2_40k_f0_small", "synth_v1_48k_nof0_small"])
def test_the_layout_is_rvcs(tmp_path: Path, name: str) -> None:
    _, version, rate, pitch, _ = name.split("_")
    manifest = MANIFESTS[name]
    written(tmp_path / "v.pth", model_config(f"{version}-{rate}", pitch=pitch == "f0"))
    content = torch.load(tmp_path / "v.pth", weights_only=True)
    assert list(content) == manifest["top_level_order"] + OURS
    assert {key: content[key] for key in manifest["top_level"]} == manifest["top_level"]
    rows = [[key, list(x.shape), str(x.dtype).removeprefix("torch.")] for key, x in content["weight"].items()]
    assert hashlib.sha256(json.dumps(rows).encode()).hexdigest() == manifest["sha256"]


@pytest.mark.parametrize("preset", [name for name in PRESETS if name.endswith("-tiny")])
def test_a_voice_is_read_as_it_was_written(tmp_path: Path, preset: str) -> None:
    config = PRESETS[preset]
    weights = written(tmp_path / "v.pth", config)
    voice = read_voice(tmp_path / "v.pth")
    assert in_the_file(voice.config) == in_the_file(config) and (voice.epoch, voice.step, voice.unvoiced) == (
        5,
        70,
        "zero",
    )
    network, reference = voice.network(), Synthesizer(config).eval()
    reference.load_state_dict({key: value.half().float() for key, value in weights.items()})
    phone, f0 = torch.randn(1, 20, config.feature_dim), torch.full((1, 20), 120.0)
    arguments = (phone, torch.tensor([20]), torch.full((1, 20), 50), f0, torch.tensor([0]))
    with torch.no_grad():
        mine, other = (n.infer(*arguments, noise=Noise(seed=1)).wave for n in (network, reference))
    assert torch.allclose(mine, other, atol=1e-5) and not network.training


def test_a_file_of_an_older_program(tmp_path: Path) -> None:
    """No version means v1, no f0 means with pitch; a speaker table of another size is taken as it is."""
    config = replace(PRESETS["v1-40k-tiny"], encoder="hubert-256")
    written(tmp_path / "v.pth", config)
    content = dict(torch.load(tmp_path / "v.pth", weights_only=True))
    for key in (*OURS, "f0", "version"):
        del content[key]
    content["weight"]["emb_g.weight"] = content["weight"]["emb_g.weight"][:2]
    torch.save(content, tmp_path / "old.pth")
    voice = read_voice(tmp_path / "old.pth")
    assert in_the_file(voice.config) == in_the_file(replace(config, speakers=2)) and (voice.epoch, voice.unvoiced) == (
        None,
        None,
    )


class Evil:
    def __reduce__(self) -> Any:
        return os.system, ("touch evil-ran",)


@pytest.mark.parametrize(
    "case", ["text", "empty", "cut", "pickle", "checkpoint", "missing", "shape", "nan", "config", "list"]
)
def test_other_files_are_refused_by_name(tmp_path: Path, case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "voice.pth"
    written(path, PRESETS["v2-40k-tiny"])
    content = dict(torch.load(path, weights_only=True))
    if case in ("text", "empty", "cut"):
        path.write_bytes({"text": b"hello", "empty": b"", "cut": path.read_bytes()[:5000]}[case])
    else:
        weights = content["weight"]
        if case == "missing":
            del weights["dec.conv_pre.bias"]
        elif case == "shape":
            weights["dec.conv_pre.bias"] = torch.zeros(7)
        elif case == "nan":
            weights["dec.conv_pre.bias"][0] = float("nan")
        elif case == "config":
            content["config"] = content["config"][:5]
        replaced: Any = {"pickle": {"weight": Evil()}, "checkpoint": {"model": {}, "optimizer": {}}, "list": [1, 2]}
        torch.save(replaced.get(case, content), path)
    with pytest.raises(BadInput, match=r"voice\.pth"):
        read_voice(path)
    assert not (tmp_path / "evil-ran").exists()


APPLIO = {
    "epoch": 300,
    "step": 9000,
    "sr": 40000,
    "f0": True,
    "creation_date": "2025-01-01T10:00:00",
    "overtrain_info": None,
    "dataset_length": "00:12:30",
    "model_name": "me",
    "author": "Somebody",
    "embedder_model": "contentvec",
    "speakers_id": 1,
    "vocoder": "HiFi-GAN",
    "model_hash": "ab" * 32,
}


def rewritten(path: Path, preset: str, **entries: Any) -> Path:
    """A file of `preset` with other entries; None takes one out."""
    written(path, PRESETS[preset])
    content = dict(torch.load(path, weights_only=True))
    for key in OURS:
        del content[key]
    content |= entries
    torch.save({key: value for key, value in content.items() if value is not None or key in APPLIO}, path)
    return path


def test_applios_entries_and_names_are_read(tmp_path: Path) -> None:
    path = rewritten(tmp_path / "v.pth", "v2-40k-tiny", **APPLIO)
    content = torch.load(path, weights_only=True)
    names = {".weight_g": ".parametrizations.weight.original0", ".weight_v": ".parametrizations.weight.original1"}
    ours = content["weight"]
    content["weight"] = {key.replace(key[-9:], names.get(key[-9:], key[-9:])): value for key, value in ours.items()}
    torch.save(content, path)
    voice = read_voice(path)
    assert (voice.epoch, voice.step, voice.epochs, voice.config.encoder) == (300, 9000, 300, "hubert-768")
    assert voice.extras["author"] == "Somebody" and list(voice.weights) == list(ours)


@pytest.mark.parametrize(
    ("entries", "named"),
    [
        ({"version": "v1"}, "version is wrong.*v1.*256 wide.*768"),
        ({"version": "v9"}, "version is 'v9'"),
        ({"f0": 0}, "f0 is wrong"),
        ({"encoder": "hubert-256"}, "encoder is wrong"),
        ({"embedder_model": "spin"}, "'spin'.*other than RVC's"),
        ({"vocoder": "RefineGAN"}, "vocoder is 'RefineGAN'"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, entries: dict[str, Any], named: str) -> None:
    path = rewritten(tmp_path / "v.pth", "v2-40k-tiny", **entries)
    with pytest.raises(BadInput, match=r"v\.pth") as caught:
        read_voice(path)
    assert re.search(named, caught.value.message)


@pytest.mark.parametrize("entry", [0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 16, 17])
@pytest.mark.parametrize("value", [10**9, -1, 1e30, "x", [10**6] * 3, [[10**9]] * 3, [1] * 10**6, None, True])
def test_absurd_configurations_are_refused_at_once(tmp_path: Path, entry: int, value: Any) -> None:
    """Before a network of that size is thought of."""
    config = PRESETS["v2-40k-tiny"].to_rvc_list()
    config[entry] = value
    weights = {"enc_p.emb_phone.weight": torch.zeros(16, 768), "emb_g.weight": torch.zeros(4, 16)}
    started = time.monotonic()
    with pytest.raises(BadInput, match=r"config|residual|rate"):
        voice_of({"weight": weights, "config": config, "version": "v2"}, tmp_path / "v.pth")
    assert time.monotonic() - started < 5


def test_a_wrong_rate_is_named(tmp_path: Path) -> None:
    path = rewritten(tmp_path / "v.pth", "v2-40k-tiny")
    content = torch.load(path, weights_only=True)
    content["config"][17] = 48000
    torch.save(content, path)
    with pytest.raises(BadInput, match="48000 Hz, its decoder makes 40000"):
        read_voice(path)


def test_a_checkpoint_given_as_a_voice_comes_with_the_command_to_extract_it(tmp_path: Path) -> None:
    path = tmp_path / "my voice" / "G_500.pth"
    path.parent.mkdir()
    torch.save(
        {
            "model": Synthesizer(PRESETS["v2-40k-tiny"]).state_dict(),
            "iteration": 7,
            "optimizer": {},
            "learning_rate": 1e-4,
        },
        path,
    )
    with pytest.raises(BadInput) as caught:
        read_voice(path)
    assert "a v2 40k generator with pitch after epoch 7" in caught.value.message
    assert caught.value.hint.endswith(f"rvc voice extract '{path}' --name 'my voice'")


def test_weights_beyond_half_precision_are_not_written(tmp_path: Path) -> None:
    weights = Synthesizer(PRESETS["starter-tiny"]).state_dict()
    weights["dec.conv_pre.bias"] = torch.full_like(weights["dec.conv_pre.bias"], 1e6)
    with pytest.raises(RvcError, match=r"dec\.conv_pre\.bias"):
        write_small_model(tmp_path / "v.pth", weights, PRESETS["starter-tiny"], epoch=1, step=1, extra={})
    assert not (tmp_path / "v.pth").exists()
