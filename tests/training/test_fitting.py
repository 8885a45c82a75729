"""What a training starts or continues from fits, or is refused in words before the first stage."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from rvc_engine.errors import BadInput
from rvc_engine.experiment import Experiment
from rvc_engine.files import weights
from rvc_engine.files.weights import Unreadable, write_safetensors
from rvc_engine.models.discriminators import Discriminators
from rvc_engine.models.synthesizer import Synthesizer
from rvc_engine.presets import PRESETS, ModelConfig
from rvc_engine.settings import ExperimentSettings, for_preset
from rvc_engine.training.state import UNREADABLE, TrainingState
from rvc_engine.training.store import FORMAT, read_state
from rvc_engine.training.train_config import TrainConfig
from rvc_engine.voices.extract import read_generator
from rvc_engine.voices.small_model import read_voice, write_small_model
from rvc_engine.work import train
from rvc_engine.workspace import Workspace

TINY = "v2-40k-tiny"
OTHERS = [
    "spin",
    "spin-v2",
    "chinese-hubert-base",
    "japanese-hubert-base",
    "korean-hubert-base",
    "embedders/custom/mine",
]


def write_pair(folder: Path, config: ModelConfig, step: int = 1000, **more: Any) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for kind, network in (("G", Synthesizer(config)), ("D", Discriminators(config.discriminator))):
        content = {
            "model": network.state_dict(),
            "iteration": 3,
            "optimizer": {"state": {}, "param_groups": []},
            "learning_rate": 1e-4,
        }
        paths.append(folder / f"{kind}_{step}.pth")
        torch.save({**content, **more}, paths[-1])
    return paths


@pytest.fixture
def experiment(tmp_path: Path) -> Experiment:
    return Workspace(tmp_path).experiment("alice")


@pytest.fixture
def settings() -> ExperimentSettings:
    return for_preset(TINY)


def test_a_pair_that_fits_is_taken(experiment: Experiment, settings: ExperimentSettings) -> None:
    write_pair(experiment.folder, PRESETS[TINY])
    train.check_ready(experiment, settings)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (PRESETS["v2-48k-tiny"], "it is a v2 48k generator with pitch, this experiment is v2-40k-tiny"),
        (PRESETS["v1-40k-tiny"], "it is a v1 40k generator with pitch"),
        (replace(PRESETS[TINY], pitch=False), "without pitch"),
        (replace(PRESETS[TINY], speakers=9), "its speaker table has 9 rows, that of v2-40k-tiny has 4"),
        (replace(PRESETS[TINY], n_layers=3), "of an unusual shape"),
    ],
    ids=["rate", "version", "pitch", "speakers", "layers"],
)
def test_another_pair_is_refused_in_words(
    experiment: Experiment, settings: ExperimentSettings, config: ModelConfig, words: str
) -> None:
    path = write_pair(experiment.folder, config)[0]
    with pytest.raises(BadInput) as refusal:
        train.check_ready(experiment, settings)
    assert words in str(refusal.value) and str(path) in str(refusal.value) and "enc_p" not in str(refusal.value)
    train.check_ready(experiment, for_preset(TINY), fresh=True)


def test_a_pair_to_start_from_is_refused_in_words(
    experiment: Experiment, settings: ExperimentSettings, tmp_path: Path
) -> None:
    """Here another size of the speaker table is no hindrance: the rows that both have are copied."""
    for config, words in ((PRESETS["v2-48k-tiny"], "v2 48k"), (replace(PRESETS[TINY], speakers=9), "")):
        paths = write_pair(tmp_path / "other", config)
        settings.train.pretrained_g, settings.train.pretrained_d = map(str, paths)
        if not words:
            train.check_ready(experiment, settings)
            continue
        with pytest.raises(BadInput, match=words):
            train.check_ready(experiment, settings)


# --- the encoder that Applio names -----------------------------------------------------------------
@pytest.mark.parametrize("name", OTHERS)
def test_another_encoder_is_named(experiment: Experiment, settings: ExperimentSettings, name: str) -> None:
    path = write_pair(experiment.folder, PRESETS[TINY])[0]
    (experiment.folder / "model_info.json").write_text(
        json.dumps({"total_dataset_duration": "00:01", "embedder_model": name})
    )
    for check in (lambda: read_generator(path), lambda: train.check_ready(experiment, settings)):
        with pytest.raises(BadInput) as refusal:
            check()
        assert repr(name) in str(refusal.value) and refusal.value.hint and refusal.value.exit_code == 2


def test_a_base_of_another_encoder_is_named(
    experiment: Experiment, settings: ExperimentSettings, tmp_path: Path
) -> None:
    paths = write_pair(tmp_path / "applio", PRESETS[TINY], embedder_model="spin")
    settings.train.pretrained_g, settings.train.pretrained_d = map(str, paths)
    with pytest.raises(BadInput, match="'spin'"):
        train.check_ready(experiment, settings)


@pytest.mark.parametrize(
    "said", [{}, [], 7, None, {"embedder_model": None}, {"embedder_model": ["spin"]}, {"embedder_model": "ContentVec "}]
)
def test_side_files_of_other_types_say_nothing(experiment: Experiment, settings: ExperimentSettings, said: Any) -> None:
    path = write_pair(experiment.folder, PRESETS[TINY])[0]
    (experiment.folder / "model_info.json").write_text(json.dumps(said))
    assert read_generator(path).kind == "G"
    train.check_ready(experiment, settings)


@pytest.mark.parametrize("content", [b"{", b"[" * 100_000, b" " * (2 << 20), b"\xff"])
def test_a_side_file_that_cannot_be_read_is_named(experiment: Experiment, content: bytes) -> None:
    path = write_pair(experiment.folder, PRESETS[TINY])[0]
    (experiment.folder / "model_info.json").write_bytes(content)
    with pytest.raises(BadInput, match=r"model_info\.json"):
        read_generator(path)


# --- kinds of numbers ------------------------------------------------------------------------------
KINDS_OF_NUMBERS = [
    (torch.float8_e4m3fn, "8-bit floats"),
    (torch.float8_e5m2, "8-bit floats"),
    (torch.int8, "integers"),
    (torch.uint8, "integers"),
    (torch.int32, "integers"),
    (torch.bool, "bool"),
    (torch.float16, ""),
    (torch.bfloat16, ""),
    (torch.float64, ""),
]


@pytest.mark.parametrize(("dtype", "words"), KINDS_OF_NUMBERS, ids=lambda value: str(value).removeprefix("torch."))
def test_weights_of_each_kind_of_number(tmp_path: Path, dtype: torch.dtype, words: str) -> None:
    config, path = PRESETS["v2-40k-tiny"], tmp_path / "voice.pth"
    write_small_model(path, Synthesizer(config).state_dict(), config, epoch=1, step=1, extra={})
    content = weights.read(path)
    content["weight"] = {key: value.to(dtype) for key, value in content["weight"].items()}
    torch.save(content, path)
    write_safetensors(tmp_path / "a.safetensors", content["weight"])
    assert {value.dtype for value in weights.read(tmp_path / "a.safetensors").values()} == {dtype}
    assert {value.dtype for value in weights.read_shapes(tmp_path / "a.safetensors").values()} == {dtype}
    if words:
        with pytest.raises(BadInput) as refusal:
            read_voice(path)
        assert words in str(refusal.value) and "float16 or float32" in str(refusal.value)
    else:
        assert read_voice(path).weights


def test_quantised_weights_are_named(tmp_path: Path) -> None:
    torch.save({"a": torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.qint8)}, tmp_path / "a.pth")
    with pytest.raises(Unreadable, match="quantised integers"):
        weights.read(tmp_path / "a.pth")


# --- resume files ----------------------------------------------------------------------------------
def same(one: Any, other: Any) -> bool:
    if isinstance(one, torch.Tensor):
        return one.dtype == other.dtype and one.shape == other.shape and torch.equal(one, other)
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return type(one) is type(other) and len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and (one == other or one != one)


@pytest.fixture(scope="module")
def resume() -> dict[str, Any]:
    train_config = TrainConfig(
        epochs=1,
        batch_size=4,
        learning_rate=1e-4,
        lr_decay=0.99,
        falls=False,
        c_mel=45,
        c_kl=1,
        prior_share=0,
        seed=1,
        precision="fp32",
        mutes=0,
        save_every=1,
    )
    state = TrainingState.fresh(PRESETS[TINY], train_config, torch.device("cpu"))
    state.sums = {"mel": math.inf, "kl": math.nan, "g": -0.0}
    for parameter in state.generator.parameters():
        parameter.grad = torch.ones_like(parameter)
    state.optimizer.step()
    return {"format": FORMAT, "pair": state.pair(), "rest": state.rest()}


def test_a_training_state_survives_to_the_bit(tmp_path: Path, resume: dict[str, Any]) -> None:
    path = tmp_path / "resume.pt"
    torch.save(resume, path)
    found = read_state(path)
    assert same(found, torch.load(path, weights_only=True))
    assert math.copysign(1, found["rest"]["sums"]["g"]) == -1
    shapes = read_state(path, shapes=True)["pair"]["G"]["model"]
    assert {key: value.shape for key, value in shapes.items()} == {
        key: value.shape for key, value in resume["pair"]["G"]["model"].items()
    }


@pytest.mark.parametrize(
    "change",
    [
        {"step": []},
        {"step": -1},
        {"epoch": 10**30},
        {"sums": {"a": []}},
        {"torch": 7},
        {"course": None},
        {"scaler": [1]},
    ],
)
def test_a_state_of_other_types_counts_as_damaged(
    tmp_path: Path, resume: dict[str, Any], change: dict[str, Any]
) -> None:
    path = tmp_path / "resume.pt"
    torch.save({**resume, "rest": {**resume["rest"], **change}}, path)
    with pytest.raises(UNREADABLE):
        read_state(path)
