"""One definition of every setting: the library, the TOML file and the command line tell the same."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import get_args

import pytest

from rvc_engine.commands.flags import add_settings, fill, given
from rvc_engine.errors import BadInput
from rvc_engine.presets import PRESETS, PUBLIC_PRESETS
from rvc_engine.sections import section_class, sections
from rvc_engine.setting import Kind, about, describe
from rvc_engine.settings import apply, for_preset
from rvc_engine.settings_file import render_toml
from rvc_engine.workspace import Workspace

ALL_SETTINGS = {**sections(base=True), "convert": section_class("convert")}


def parser_of(stage: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser()
    add_settings(parser, stage)
    return parser


@pytest.mark.parametrize("stage", ALL_SETTINGS)
def test_every_setting_is_a_flag_with_its_default_bounds_and_unit(stage: str) -> None:
    text = " ".join(parser_of(stage).format_help().split())
    for name, field in ALL_SETTINGS[stage].model_fields.items():
        assert f"--{name.replace('_', '-')}" in text
        assert about(field)["kind"] in get_args(Kind)
        words = " ".join(describe(field).split())
        assert words.split(" [")[0].replace(" ", "") in text.replace(" ", "")
        assert (about(field)["unit"] or "") in text


@pytest.mark.parametrize("stage", ALL_SETTINGS)
def test_no_flag_given_leaves_every_default(stage: str) -> None:
    section = ALL_SETTINGS[stage]()
    options = parser_of(stage).parse_args([])
    assert given(options) == {}
    fill(section, options, stage)
    assert section == ALL_SETTINGS[stage]()


def test_flags_and_set_keys_reach_the_same_setting() -> None:
    by_flag, by_key = for_preset("starter"), for_preset("starter")
    fill(by_flag.train, parser_of("train").parse_args(["--batch-size", "6", "--no-save-small"]), "train")
    apply(by_key, "train.batch_size", "6")
    apply(by_key, "train.save-small", "false")
    assert by_flag == by_key
    assert by_flag.train.batch_size == 6
    assert by_flag.train.save_small is False


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("train.epochs", "0", "1..100000"),
        ("train.batch_size", "many", "clips"),
        ("preprocess.high_pass", "steep", "zero_phase, causal, off"),
        ("train.nonsense", "1", "no setting"),
        ("nonsense", "1", "no setting"),
        ("preset.x", "1", "no setting"),
    ],
)
def test_a_bad_value_is_refused_with_its_bounds(key: str, value: str, words: str) -> None:
    with pytest.raises(BadInput, match=key.replace(".", r"\.")) as caught:
        apply(for_preset("starter"), key, value)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("key", "value", "allowed"),
    [
        ("train.epochs", "zz", "it should be an integer, or 'auto'"),
        ("train.epochs", 2.5, "it should be an integer, or 'auto'"),
        ("train.epochs", "0", "it should be at least 1, or 'auto'"),
        ("train.batch_size", "2000", "it should be at most 1024, or 'auto'"),
        ("train.lr_decay", "zz", "it should be a number, or 'auto'"),
        ("train.mutes", "zz", "it should be an integer"),
    ],
)
def test_a_refusal_says_all_that_is_allowed(key: str, value: str | float, allowed: str) -> None:
    with pytest.raises(BadInput) as caught:
        apply(for_preset("starter"), key, value)
    assert caught.value.message == allowed


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("[train]\nepochs = 'zz'", "train.epochs: it should be an integer, or 'auto'"),
        ("[train]\nmutes = 'zz'\nprecision = 'zz'", "train.mutes: it should be an integer"),
        ("[pitch]\nworkers = 'zz'\n[train]\nepochs = 'zz'", "pitch.workers: it should be an integer"),
    ],
)
def test_a_refusal_in_a_file_says_it_too(tmp_path: Path, wrong: str, message: str) -> None:
    experiment = Workspace(tmp_path).experiment("x")
    experiment.folder.mkdir(parents=True)
    experiment.settings_toml.write_text(f"preset = 'starter'\n{wrong}\n")
    with pytest.raises(BadInput) as caught:
        experiment.load_settings()
    assert caught.value.message == message


def test_toml_round_trip_with_awkward_paths(tmp_path: Path) -> None:
    settings = for_preset("v1-48k", pitched=False, dataset="/a \"b\" 'c'/桌面 ü\n\t😀 #[x]")
    apply(settings, "train.batch_size", "7")
    experiment = Workspace(tmp_path).experiment("x")
    experiment.save_settings(settings)
    assert experiment.load_settings() == settings


def test_toml_explains_every_setting() -> None:
    text = render_toml(for_preset("starter"))
    for stage, model in sections().items():
        assert f"[{stage}]" in text
        for name, field in model.model_fields.items():
            assert f"{name} = " in text
            assert field.description and field.description in text


@pytest.mark.parametrize("line", ["epochs = 0", "epochs = 'x'", "nonsense = 1", "epochs = "])
def test_a_damaged_toml_is_named(tmp_path: Path, line: str) -> None:
    experiment = Workspace(tmp_path).experiment("x")
    experiment.folder.mkdir(parents=True)
    experiment.settings_toml.write_text(f"preset = 'starter'\n[train]\n{line}\n")
    with pytest.raises(BadInput, match=r"experiment\.toml"):
        experiment.load_settings()


@pytest.mark.parametrize("name", ["", ".", "..", "a\0b", "-x", "x" * 300])
def test_names_that_are_no_folder_names_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadInput):
        Workspace(tmp_path).experiment(name)


def test_presets_have_the_published_shapes() -> None:
    assert set(PUBLIC_PRESETS) == {"starter", *(f"v{v}-{r}k" for v in (1, 2) for r in (32, 40, 48))}
    for name in PUBLIC_PRESETS:
        config = PRESETS[name]
        product = 1
        for rate in config.upsample_rates:
            product *= rate
        assert product == config.hop_samples == config.sample_rate // 100
        assert config.feature_dim == (768 if config.version == "v2" else 256)
    with pytest.raises(BadInput, match="choose one of"):
        for_preset("v3-96k")
