"""HuBERT from every kind of file gives fairseq's numbers; batches give what each clip alone gives."""

import json
import os
import zlib
from math import prod
from pathlib import Path

import numpy as np
import pytest
import torch
from rvc_test_kit.encoders import random_tiny

from rvc_engine.content.hubert import Hubert, output_of, read_hubert, write_hubert
from rvc_engine.content.hubert_config import HubertConfig
from rvc_engine.files.weights import Unreadable
from tests.conformance.adapter_content import watched
from tests.models.hubert import files

WITHIN = 1e-4  # of values up to 5; the nearest mistakes move some output by 4e-4 or more
KIT = os.environ.get("RVC_HUBERT_KIT", "")
with_kit = pytest.mark.skipif(not KIT, reason="RVC_HUBERT_KIT names no folder with the whole reference data")


@pytest.fixture(scope="module")
def golden():
    return files.golden()


def far(network, numbers, name, prefix=""):
    """The largest difference from fairseq of every array that `numbers` has for a case, over frames that are no
    padding."""
    seen, layers = watched(network, *files.case(numbers, name))
    made = {**seen, "layers": torch.stack(layers), "proj": network.final_proj(torch.stack(layers))}
    made["conv"] = made["conv"].transpose(1, 2)
    whole = ~numbers[f"{name}/frame_mask"]
    differences = {}
    for key, value in made.items():
        if f"{prefix}{name}/{key}" in numbers:
            wanted = numbers[f"{prefix}{name}/{key}"]
            gap = np.abs(value.detach().numpy() - (wanted.swapaxes(1, 2) if key == "conv" else wanted))
            differences[key] = gap[..., whole, :].max()
    return differences


@pytest.mark.parametrize("name", "ABCD")
def test_every_step_is_fairseqs(golden, name):
    differences = far(read_hubert(files.OLD), golden, name)
    assert {"conv", "features", "enc_in", "layers"} <= differences.keys()
    assert max(differences.values()) < WITHIN, differences


@pytest.mark.parametrize("form", files.FORMS)
def test_every_form_is_read(golden, tmp_path, form):
    network = read_hubert(files.write(form, tmp_path))
    assert {weight.dtype for weight in network.state_dict().values()} == {torch.float32}
    differences = far(network, golden, "D")
    assert differences.keys() == {"conv", "features", "enc_in", "layers", "proj"}
    assert max(differences.values()) < WITHIN, differences


def test_half_precision_is_widened(golden):
    """fairseq's numbers for this file were computed with its weights in single precision."""
    network = read_hubert(files.HALF)
    assert {weight.dtype for weight in network.state_dict().values()} == {torch.float32}
    for name in "AB":
        assert max(far(network, golden, name, "fp16/").values()) < WITHIN
    assert far(network, golden, "A")["layers"] > 1e-3  # and they are not those of the other file


def test_our_own_file_keeps_every_number(tmp_path):
    for source, most_bytes in ((files.HALF, 380_000), (files.OLD, 720_000)):
        network = read_hubert(source)
        path = tmp_path / "own.safetensors"
        write_hubert(path, network)
        again = read_hubert(path)
        assert again.config == network.config
        assert all(torch.equal(value, again.state_dict()[name]) for name, value in network.state_dict().items())
        assert path.stat().st_size < most_bytes < source.stat().st_size + 1000


def test_a_folder_can_be_named_by_its_files(tmp_path):
    folder = files.write("folder-bin", tmp_path)
    for name in ("config.json", "pytorch_model.bin"):
        assert read_hubert(folder / name).config.width == 64
    (folder / "pytorch_model.bin").unlink()
    with pytest.raises(Unreadable, match=r"model\.safetensors or pytorch_model\.bin"):
        read_hubert(folder)


def test_rvcs_layers():
    base = HubertConfig()
    assert output_of(base, 256) == (9, True)
    assert output_of(base, 768) == (12, False)
    with pytest.raises(Unreadable, match="last layer gives 64 numbers a frame, not 768"):
        read_hubert(files.OLD, 768)
    with pytest.raises(Unreadable, match="final_proj gives 32 numbers a frame, not 256"):
        read_hubert(files.OLD, 256)


def test_v1_is_layer_nine_projected(tmp_path):
    """With ten layers, so that the last is another."""
    config = HubertConfig(
        convolutions=tuple((8, k, s) for _, k, s in HubertConfig().convolutions),
        width=16,
        layers=10,
        heads=2,
        inner_width=16,
        position_kernel=8,
        position_groups=2,
    )
    torch.manual_seed(0)
    write_hubert(tmp_path / "h.safetensors", Hubert(config, 10, projected=False))
    network = read_hubert(tmp_path / "h.safetensors", 256)
    wave = torch.randn(4000)
    layers = network.extract(wave[None])
    assert torch.equal(network.content([wave])[0], network.final_proj(layers[8])[0])


def waves(lengths):
    generator = torch.Generator().manual_seed(3)
    return [0.1 * (1 + i) * torch.randn(length, generator=generator) for i, length in enumerate(lengths)]


def test_a_batch_gives_what_each_clip_alone_gives():
    network = read_hubert(files.OLD)
    clips = waves((20800, 400, 11200, 9000, 11200, 16001, 720, 20800))
    together = network.content(clips)
    for clip, content in zip(clips, together, strict=True):
        alone = network.extract(clip[None])[-1][0]
        assert content.shape == alone.shape == ((len(clip) - 80) // 320, 64)
        assert (content - alone).abs().max() < 2e-5
    padded = torch.stack([clips[0], torch.nn.functional.pad(clips[2], (0, 9600))])
    mask = torch.arange(20800) >= torch.tensor([20800, 11200])[:, None]
    assert (
        network.extract(padded, mask)[-1][1, :34] - together[2]
    ).abs().max() > 0.1  # what padding before the norm would do


def test_too_short_waves_are_named():
    with pytest.raises(ValueError, match="400 samples"):
        random_tiny(256).extract(torch.zeros(1, 399))


def test_files_that_ask_for_it_are_normalised(tmp_path):
    folder = files.write("folder-bin", tmp_path)
    plain, wave = read_hubert(folder), waves((4000,))[0]
    (folder / "preprocessor_config.json").write_text(json.dumps({"do_normalize": True}))
    normalising = read_hubert(folder)
    wanted = plain.content([(wave - wave.mean()) / (wave.var(correction=0) + 1e-7).sqrt()])[0]
    assert (normalising.content([wave])[0] - wanted).abs().max() < WITHIN
    assert (plain.content([wave])[0] - wanted).abs().max() > 3 * WITHIN
    content = files.checkpoint()
    content["cfg"]["task"]["normalize"] = True
    torch.save(content, tmp_path / "h.pt")
    assert read_hubert(tmp_path / "h.pt").config.wave_eps == 1e-5


@pytest.mark.soak
@with_kit
@pytest.mark.parametrize("form", ["", "_args", "_omegaconf", "_oldstream", "_fp16"])
def test_the_whole_reference_data(form):
    with np.load(Path(KIT) / "golden.npz") as file:
        numbers = dict(file)
    network = read_hubert(Path(KIT) / f"tiny_hubert_fairseq{form}.pt")
    prefix = "fp16/" if form == "_fp16" else ""
    for name in "AB" if prefix else "ABCD":
        differences = far(network, numbers, name, prefix)
        assert len(differences) == (2 if prefix else 5)
        assert max(differences.values()) < WITHIN, differences


def base_weight(name, shape):
    draw = np.random.default_rng(zlib.crc32(name.encode())).standard_normal(shape)
    if len(shape) >= 2:
        draw = draw / np.sqrt(prod(shape[1:]))
    else:
        draw = 0.02 * draw + (1 if name.endswith(".weight") else 0)
    return torch.from_numpy(draw.astype(np.float32))


@pytest.mark.soak
@with_kit
def test_the_base_model(tmp_path):
    """RVC's own size, 95 million weights made from their names."""
    manifest = json.loads((Path(KIT) / "base_manifest.json").read_text())
    model = {row["fairseq"]: base_weight(row["fairseq"], row["shape"]) for row in manifest["mapping"] if row["fairseq"]}
    norm = model["encoder.pos_conv.0.weight_v"].double().square().sum((0, 1), keepdim=True).sqrt()
    model["encoder.pos_conv.0.weight_g"] = norm.float()
    path = tmp_path / "hubert_base.pt"
    torch.save({"cfg": {"model": manifest["fairseq"]["model_cfg"], "task": {"normalize": False}}, "model": model}, path)
    with np.load(Path(KIT) / "golden.npz") as file, np.load(Path(KIT) / "base_recipe_golden.npz") as wanted:
        wave = torch.from_numpy(file["wav_07"])
        for dim, version in ((256, "v1"), (768, "v2")):
            network = read_hubert(path, dim)
            for name, clip in (("07", wave), ("odd", wave[:10900])):
                with torch.inference_mode():
                    made = network.content([clip])[0].numpy()
                    layers = network.extract(clip[None], layers=9)
                assert np.abs(made - wanted[f"{name}/{version}"][0]).max() < WITHIN
                assert np.abs(layers[0].numpy() - wanted[f"{name}/layer1"]).max() < WITHIN
                assert np.abs(layers[8].numpy() - wanted[f"{name}/layer9"]).max() < WITHIN
