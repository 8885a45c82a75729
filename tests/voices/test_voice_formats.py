"""Extract, merge and export write the layouts of the RVC programs; bundles and zips give back what went in, or say why
not.

export_functions.json is the manifest of that name from the conformance kit: what RVC's own functions write.
"""

from __future__ import annotations

import json
import shutil
import stat
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rvc_engine.conversion.retrieval import build_index, write_index
from rvc_engine.errors import BadInput
from rvc_engine.models.synthesizer import Synthesizer
from rvc_engine.presets import PRESETS, model_config
from rvc_engine.voices.bundle import SUFFIX, is_bundle, read_any_voice, read_bundle, write_bundle
from rvc_engine.voices.export import export
from rvc_engine.voices.extract import config_of, extract, read_generator
from rvc_engine.voices.merge import merge
from rvc_engine.voices.small_model import Voice, read_voice, write_small_model
from rvc_engine.voices.unpack import unpack

RVC: dict[str, Any] = json.loads((Path(__file__).parent / "export_functions.json").read_text())
MERGED = next(value for key, value in RVC.items() if key.startswith("merge"))
TINY = "v2-40k-tiny"


def voice_file(path: Path, preset: str = TINY, seed: int = 0, **changes: Any) -> Path:
    torch.manual_seed(seed)
    config = replace(PRESETS[preset], **changes)
    extra = {"unvoiced": "zero", "pitch_hz": [90.0, 120.5, 160.0], "minutes": 12.5}
    write_small_model(path, Synthesizer(config).state_dict(), config, epoch=5, step=70, extra=extra)
    return path


def index_file(path: Path, dim: int = 768) -> Path:
    write_index(build_index(np.random.RandomState(0).randn(50, dim).astype(np.float32), 1), path)
    return path


def same(a: Voice, b: Voice) -> bool:
    return list(a.weights) == list(b.weights) and all(torch.equal(a.weights[key], b.weights[key]) for key in a.weights)


@pytest.mark.few(1)
# --- layouts of RVC --------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["v1/48k", "v2/40k"])
@pytest.mark.soak
def test_an_extracted_voice_has_the_layout_of_rvcs_extraction(tmp_path: Path, name: str) -> None:
    expected = next(value for key, value in RVC.items() if key.startswith("extract"))[name]
    network = Synthesizer(PRESETS[name.replace("/", "-")])
    torch.save(
        {"model": network.state_dict(), "iteration": 7, "optimizer": {}, "learning_rate": 1e-4}, tmp_path / "G_9.pth"
    )
    checkpoint = read_generator(tmp_path / "G_9.pth")
    extract(
        checkpoint,
        config_of(checkpoint, tmp_path / "G_9.pth"),
        tmp_path / "G_9.pth",
        tmp_path / "v.pth",
        about={"step": 9},
    )
    content = torch.load(tmp_path / "v.pth", weights_only=True)
    order = expected["top_level_order"]
    assert list(content)[: len(order)] == order
    assert {key: type(content[key]).__name__ for key in expected["top_level"]} == {
        k: e["type"] for k, e in expected["top_level"].items()
    }
    values = {key: entry["value"] for key, entry in expected["top_level"].items()}
    assert {key: content[key] for key in values} == {**values, "info": "7epoch"}
    half = {key: value.half() for key, value in network.state_dict().items() if "enc_q" not in key}
    assert list(content["weight"]) == list(half) and all(torch.equal(content["weight"][key], half[key]) for key in half)
    voice = read_voice(tmp_path / "v.pth")
    assert (voice.epochs, voice.step, voice.config.encoder) == (7, 9, voice.config.encoder)


def test_two_rates_of_one_shape_need_a_word(tmp_path: Path) -> None:
    path = tmp_path / "G_1.pth"
    config = model_config("v1-48k-tiny", pitch=False)
    torch.save({"model": Synthesizer(config, posterior=False).state_dict()}, path)
    checkpoint = read_generator(path)
    with pytest.raises(BadInput, match="--sample-rate 32000 or --sample-rate 48000"):
        config_of(checkpoint, path)
    assert config_of(checkpoint, path, 48000) == config
    (tmp_path / "config.json").write_text(json.dumps({"data": {"sampling_rate": 48000}, "model": {}}))
    assert config_of(checkpoint, path) == config


def test_an_unusual_shape_is_taken_from_the_config_beside_it(tmp_path: Path) -> None:
    from rvc_engine.work.rvc_config import rvc_config
    from tests.voices.test_checkpoint import CONFIG

    config = replace(PRESETS[TINY], filter_channels=48, encoder="hubert-768")
    path = tmp_path / "G_1.pth"
    torch.save({"model": Synthesizer(config).state_dict(), "iteration": 2}, path)
    checkpoint = read_generator(path)
    with pytest.raises(BadInput, match="unusual shape"):
        config_of(checkpoint, path)
    (tmp_path / "config.json").write_text(json.dumps(rvc_config(config, CONFIG)))
    extract(checkpoint, config_of(checkpoint, path), path, tmp_path / "v.pth", about={})
    assert read_voice(tmp_path / "v.pth").config.filter_channels == 48


def test_a_merged_voice_has_the_layout_of_rvcs_merging(tmp_path: Path) -> None:
    a, b = (read_voice(voice_file(tmp_path / f"{n}.pth", seed=n, speakers=4 - n)) for n in (0, 1))
    merge(a, b, 0.25, tmp_path / "m.pth", "merged")
    content = torch.load(tmp_path / "m.pth", weights_only=True)
    assert list(content)[:6] == MERGED["top_level_order"]
    assert {k: type(content[k]).__name__ for k in MERGED["top_level"]} == {
        k: e["type"] for k, e in MERGED["top_level"].items()
    }
    for key, value in content["weight"].items():
        rows = len(value)
        assert torch.equal(value, (0.25 * a.weights[key][:rows].float() + 0.75 * b.weights[key][:rows].float()).half())
    assert len(content["weight"]["emb_g.weight"]) == content["config"][15] == 3


@pytest.mark.soak
def test_merging_gives_rvcs_numbers(tmp_path: Path) -> None:
    """At full size, with the kit's weights: the second file holds half of the first, 100 speakers."""
    import zlib

    from tests.conformance import recipe

    config = PRESETS["v2-40k"]
    with torch.device("meta"):
        shapes = Synthesizer(config).state_dict()
    tensors = {key: {"shape": list(value.shape), "dtype": "float32"} for key, value in shapes.items()}
    weights = {key: torch.from_numpy(value) for key, value in recipe.fill_state_dict({"tensors": tensors}).items()}
    other = {key: value * 0.5 for key, value in weights.items()}
    other["emb_g.weight"] = other["emb_g.weight"][:100]
    write_small_model(tmp_path / "a.pth", weights, config, epoch=1, step=1, extra={})
    write_small_model(tmp_path / "b.pth", other, replace(config, speakers=100), epoch=1, step=1, extra={})
    merge(read_voice(tmp_path / "a.pth"), read_voice(tmp_path / "b.pth"), 0.25, tmp_path / "m.pth", "merged")
    merged = read_voice(tmp_path / "m.pth").weights
    assert {key: zlib.crc32(merged[key].numpy().tobytes()) for key in MERGED["crc32_of_half_bytes"]} == MERGED[
        "crc32_of_half_bytes"
    ]


@pytest.mark.parametrize("share", [0, 0.3, 0.5, 1])
def test_a_voice_merged_with_itself_is_itself(tmp_path: Path, share: float) -> None:
    voice = read_voice(voice_file(tmp_path / "v.pth"))
    merge(voice, voice, share, tmp_path / "m.pth")
    assert same(read_voice(tmp_path / "m.pth"), voice)


@pytest.mark.parametrize(
    ("preset", "changes", "named"),
    [
        ("v1-40k-tiny", {}, "version v2 and v1"),
        ("v2-48k-tiny", {}, "rate 40000 Hz and 48000 Hz"),
        (TINY, {"pitch": False}, "pitch with and without"),
        (TINY, {"encoder": "hubert-768"}, "encoder hubert-random-768 and hubert-768"),
        (TINY, {"filter_channels": 48}, "shapes, for example of enc_p"),
        (TINY, {"gin_channels": 8}, "shapes"),
    ],
)
def test_voices_that_do_not_fit_are_not_merged(
    tmp_path: Path, preset: str, changes: dict[str, Any], named: str
) -> None:
    a, b = read_voice(voice_file(tmp_path / "a.pth")), read_voice(voice_file(tmp_path / "b.pth", preset, **changes))
    with pytest.raises(BadInput, match=named):
        merge(a, b, 0.5, tmp_path / "m.pth")
    with pytest.raises(BadInput, match=r"weight of 1\.5"):
        merge(a, a, 1.5, tmp_path / "m.pth")
    assert not (tmp_path / "m.pth").exists()


# --- bundles ---------------------------------------------------------------------------------------
def test_a_bundle_gives_back_the_voice_and_its_index(tmp_path: Path) -> None:
    voice, index = read_voice(voice_file(tmp_path / "v.pth")), index_file(tmp_path / "v.index")
    for name in ("a", "b"):
        write_bundle(
            tmp_path / f"{name}{SUFFIX}", voice, "声 it's", index, {"licence": "CC BY 4.0", "consent": "my own voice"}
        )
    assert (tmp_path / f"a{SUFFIX}").read_bytes() == (tmp_path / f"b{SUFFIX}").read_bytes()
    bundle = read_bundle(tmp_path / f"a{SUFFIX}")
    assert same(bundle.voice, voice) and bundle.voice.weights_sha256() == voice.weights_sha256()
    assert replace(bundle.voice, weights={}, path=voice.path) == replace(voice, weights={})
    bundle.extract_index(tmp_path / "again.index")
    assert (tmp_path / "again.index").read_bytes() == index.read_bytes()
    model_card = bundle.model_card
    assert (
        model_card["name"],
        model_card["rate_hz"],
        model_card["encoder"],
        model_card["epochs"],
        model_card["minutes"],
    ) == (
        "声 it's",
        40000,
        "hubert-random-768",
        5,
        12.5,
    )
    assert (model_card["pitch_range_hz"], model_card["licence"], model_card["consent"]) == (
        [90.0, 120.5, 160.0],
        "CC BY 4.0",
        "my own voice",
    )
    assert set(model_card["members"]) == {"weights.safetensors", "voice.index"} and all(
        "sha256" in m for m in model_card["members"].values()
    )
    with zipfile.ZipFile(bundle.path) as archive:
        assert not any(
            archive.read(name)[:2] == b"\x80\x02" or name.endswith((".pkl", ".pth")) for name in archive.namelist()
        )


def rebuilt(path: Path, change: Any) -> None:
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    compression = change(parts) or zipfile.ZIP_STORED
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)


def description_with(parts: dict[str, bytes], **entries: Any) -> None:
    parts["card.json"] = json.dumps({**json.loads(parts["card.json"]), **entries}).encode()


@pytest.mark.parametrize(
    "change",
    [
        lambda parts: parts.update({"data.pkl": b"x"}),
        lambda parts: parts.pop("weights.safetensors") and None,
        lambda parts: parts.update({"weights.safetensors": parts["weights.safetensors"][:-1] + b"\x01"}),
        lambda parts: parts.update({"card.json": b"[" * 100_000}),
        lambda parts: parts.update({"card.json": b"{}"}),
        lambda parts: description_with(parts, members=[]),
        lambda parts: description_with(parts, entries={"config": [1]}),
        lambda parts: description_with(parts, format="rvc-tui voice 99"),
        lambda parts: zipfile.ZIP_DEFLATED,
        lambda parts: parts.pop("voice.index") and None,
    ],
)
@pytest.mark.soak
def test_a_changed_bundle_is_refused_by_name(tmp_path: Path, change: Any) -> None:
    path = tmp_path / f"v{SUFFIX}"
    write_bundle(path, read_voice(voice_file(tmp_path / "v.pth")), "v", index_file(tmp_path / "v.index"), {})
    rebuilt(path, change)
    with pytest.raises(BadInput, match=r"v\.rvcvoice") as caught:
        read_bundle(path)
    assert "\n" not in str(caught.value)


def test_a_damaged_bundle_never_gives_a_voice_that_differs(tmp_path: Path) -> None:
    path = tmp_path / f"v{SUFFIX}"
    voice = read_voice(voice_file(tmp_path / "v.pth", "starter-tiny"))
    write_bundle(path, voice, "v", None, {})
    whole, draw = path.read_bytes(), np.random.default_rng(5)
    refused = 0
    for _ in range(100):
        data = bytearray(whole)
        data[draw.integers(len(data))] ^= 1 << draw.integers(8)
        path.write_bytes(data if draw.random() < 0.8 else data[: draw.integers(len(data))])
        try:
            assert same(read_any_voice(path), voice)
        except BadInput:
            refused += 1
    assert refused > 80


# --- files as they are handed around ---------------------------------------------------------------
def test_an_exported_zip_comes_back(tmp_path: Path) -> None:
    voice, index = read_voice(voice_file(tmp_path / "v.pth")), index_file(tmp_path / "x.index")
    export(voice, "my voice", tmp_path / "v.zip", "zip", (index, 1), {})
    with zipfile.ZipFile(tmp_path / "v.zip") as archive:
        assert archive.namelist() == ["my voice.pth", "added_IVF1_Flat_nprobe_1_my voice_v2.index"]
    folder = tmp_path / "unpacked"
    folder.mkdir()
    back = unpack(tmp_path / "v.zip", folder)
    assert back.name == "my voice" and same(back.voice, voice) and back.index is not None
    assert back.index.read_bytes() == index.read_bytes()


def test_exported_files_have_the_order_that_rvc_saves(tmp_path: Path) -> None:
    model, index = export(
        read_voice(voice_file(tmp_path / "v.pth")),
        "v",
        tmp_path / "out",
        "rvc",
        (index_file(tmp_path / "i.index"), 1),
        {},
    )
    assert list(torch.load(model, weights_only=True))[:6] == ["weight", "config", "info", "sr", "f0", "version"]
    assert (model.name, index.name) == ("v.pth", "added_IVF1_Flat_nprobe_1_v_v2.index") and same(
        read_voice(model), read_voice(tmp_path / "v.pth")
    )


@pytest.mark.parametrize("form", ["rvc", "zip"])
def test_a_starter_voice_is_not_exported_to_rvc_programs(tmp_path: Path, form: str) -> None:
    voice = read_voice(voice_file(tmp_path / "s.pth", "starter-tiny"))
    with pytest.raises(BadInput, match="--preset v2-40k"):
        export(voice, "s", tmp_path / "out.zip", form, None, {})
    assert not (tmp_path / "out.zip").exists()
    export(voice, "s", tmp_path / f"s{SUFFIX}", "bundle", None, {})
    assert same(read_any_voice(tmp_path / f"s{SUFFIX}"), voice)


def test_a_strangers_zip_writes_nowhere_else(tmp_path: Path) -> None:
    """No name in it is a path of ours: not upwards, not absolute, not on Windows' side."""
    model, folder = voice_file(tmp_path / "v.pth"), tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    for name in ("../../evil.pth", f"{tmp_path}/evil.pth", "..\\..\\evil.pth", "model/sub/evil.pth"):
        with zipfile.ZipFile(tmp_path / "z.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.write(model, name)
            archive.write(model, "__MACOSX/._evil.pth")
            archive.write(model, "G_100.pth")
            archive.writestr("readme.txt", "hello")
        assert unpack(tmp_path / "z.zip", folder).name == "evil"
        assert sorted(p.name for p in folder.iterdir()) == ["voice.pth"] and sorted(
            p.name for p in tmp_path.iterdir()
        ) == [
            "a",
            "v.pth",
            "z.zip",
        ]


@pytest.mark.parametrize("case", ["link", "two", "none", "cut", "not a voice", "bomb", "lying"])
def test_zips_that_are_refused(tmp_path: Path, case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model, path = voice_file(tmp_path / "v.pth"), tmp_path / "z.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        if case == "link":
            member = zipfile.ZipInfo("evil.pth")
            member.external_attr = (stat.S_IFLNK | 0o777) << 16
            archive.writestr(member, "/etc/passwd")
        elif case == "not a voice":
            archive.writestr("v.pth", "hello")
        elif case == "bomb":
            monkeypatch.setattr("rvc_engine.voices.unpack.MAX_BYTES", {".pth": 1 << 16, ".index": 1 << 16})
            archive.writestr("v.pth", bytes(1 << 20))
        elif case != "none":
            archive.write(model, "v.pth")
            if case == "two":
                archive.write(model, "w.pth")
    if case == "cut":
        path.write_bytes(path.read_bytes()[:-30])
    if case == "lying":  # the directory says 1000 bytes, the data continues
        data, size = path.read_bytes(), model.stat().st_size.to_bytes(4, "little")
        path.write_bytes(data.replace(size, (1000).to_bytes(4, "little")))
    with pytest.raises(BadInput, match=r"z\.zip"):
        unpack(path, tmp_path)
    if (tmp_path / "voice.pth").exists():
        assert (tmp_path / "voice.pth").stat().st_size <= model.stat().st_size


def test_a_torch_file_is_no_zip_of_voices_and_no_bundle(tmp_path: Path) -> None:
    path = voice_file(tmp_path / "v.pth")
    assert not is_bundle(path)
    assert unpack(path, tmp_path).model == path
    shutil.copy(path, tmp_path / "v.zip")
    assert same(unpack(tmp_path / "v.zip", tmp_path).voice, read_voice(path))
