"""G_ and D_ files and pretrained ones: recognised by their tensors, and a training that another program began
resumes."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from rvc_engine.errors import RvcError
from rvc_engine.files.weights import Unreadable
from rvc_engine.models.discriminators import Discriminators
from rvc_engine.models.synthesizer import Synthesizer
from rvc_engine.presets import PRESETS, PUBLIC_PRESETS, model_config
from rvc_engine.training.state import TrainingState, load_pretrained
from rvc_engine.training.store import CheckpointStore
from rvc_engine.training.train_config import TrainConfig
from rvc_engine.voices.checkpoint import checkpoint_of, read_checkpoint

CONFIG = TrainConfig(
    epochs=3,
    batch_size=2,
    learning_rate=1e-4,
    lr_decay=1,
    c_mel=45,
    c_kl=1,
    seed=1,
    precision="fp32",
    mutes=0,
    save_every=1,
)


@pytest.mark.few(5)
@pytest.mark.parametrize("preset", PUBLIC_PRESETS)
@pytest.mark.parametrize("pitch", [True, False])
def test_a_generator_says_what_it_is(preset: str, pitch: bool) -> None:
    config = model_config(preset, pitch=pitch)
    with torch.device("meta"):
        weights = Synthesizer(config).state_dict()
    found = checkpoint_of({"model": weights, "iteration": 9, "optimizer": {"state": {}}})
    assert (found.kind, found.version, found.sample_rate, found.pitch) == (
        "G",
        config.version,
        config.sample_rate,
        pitch,
    )
    assert (found.speakers, found.iteration, found.has_optimizer, found.config) == (config.speakers, 9, False, config)


def test_discriminators_tell_their_version_alone() -> None:
    for version in ("v1", "v2"):
        with torch.device("meta"):
            weights = Discriminators(PRESETS[f"{version}-48k"].discriminator).state_dict()
        found = checkpoint_of({"model": weights})
        assert (found.kind, found.version, found.sample_rate, found.iteration) == ("D", version, None, None)


def test_two_rates_without_pitch_and_posterior_cannot_be_distinguished() -> None:
    with torch.device("meta"):
        weights = Synthesizer(model_config("v1-48k", pitch=False), posterior=False).state_dict()
    found = checkpoint_of({"model": weights})
    assert found.presets == ("v1-32k", "v1-48k") and (found.sample_rate, found.config) == (None, None)


@pytest.mark.parametrize(
    "content",
    [
        [1],
        {"model": 3},
        {"model": {}},
        {"model": {"a": torch.zeros(1)}},
        {"weight": {}, "config": []},
        {"model": {"emb_g.weight": torch.zeros(()), "enc_p.emb_phone.weight": torch.zeros(())}},
        {"model": {"emb_g.weight": 1}},
    ],
)
def test_other_contents_are_no_checkpoint(content: Any, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "x.pth")
    with pytest.raises(Unreadable):
        read_checkpoint(tmp_path / "x.pth")


def state_of(preset: str) -> TrainingState:
    return TrainingState.fresh(PRESETS[preset], CONFIG, torch.device("cpu"))


def rvc_file(network: torch.nn.Module, names: list[str], iteration: int, step: int) -> dict[str, Any]:
    """As RVC's programs lay it out, in the order `names`: model, iteration, optimizer with its moments by number,
    initial rate."""
    weights = network.state_dict()
    moments = {
        number: {"step": torch.tensor(float(step)), "exp_avg": weights[name] * 0.5, "exp_avg_sq": weights[name] ** 2}
        for number, name in enumerate(names)
    }
    group = {
        "lr": 9.99875e-05,
        "betas": (0.8, 0.99),
        "eps": 1e-09,
        "weight_decay": 0.01,
        "amsgrad": False,
        "maximize": False,
        "foreach": None,
        "capturable": False,
        "differentiable": False,
        "fused": None,
        "decoupled_weight_decay": True,
        "initial_lr": 0.0001,
        "params": list(range(len(names))),
    }
    return {
        "model": OrderedDict((name, weights[name]) for name in names),
        "iteration": iteration,
        "optimizer": {"state": moments, "param_groups": [group]},
        "learning_rate": 0.0001,
    }


@pytest.mark.few(3)
@pytest.mark.parametrize("latest_only", [False, True])
@pytest.mark.parametrize("order", ["rvc", "applio"])
@pytest.mark.parametrize("old_stream", [False, True])
def test_a_training_of_another_program_resumes(
    make_store: Any, latest_only: bool, order: str, old_stream: bool
) -> None:
    """Weights and moments meet their own parameters, also where the text encoder comes first in a v2 file, as Applio
    has it."""
    store, other, own = make_store(), state_of("v2-40k-tiny"), state_of("v2-40k-tiny")
    with torch.no_grad():
        for parameter in (*other.generator.parameters(), *other.adversary.network.parameters()):
            parameter.add_(torch.randn_like(parameter))
    number = 2333333 if latest_only else 420
    for kind, network in (("G", other.generator), ("D", other.adversary.network)):
        names = [name for name, _ in network.named_parameters()]
        if order == "applio":
            names.sort(key=lambda name: not name.startswith("enc_p."))
        path = store.files.checkpoint(kind, number)
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save(rvc_file(network, names, 30, 420), path, _use_new_zipfile_serialization=not old_stream)
    restored = store.restore(own)
    assert restored is not None and restored.entry is None and (own.step, own.epoch, own.position) == (420, 30, 0)
    for a, b in ((own.generator, other.generator), (own.adversary.network, other.adversary.network)):
        assert all(torch.equal(x, y) for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True))
    parameters = dict(own.generator.named_parameters())
    for (_, parameter), moment in zip(parameters.items(), own.optimizer.state_dict()["state"].values(), strict=True):
        assert torch.equal(moment["exp_avg"], parameter * 0.5) and int(moment["step"]) == 420
    store.write_pair(own)
    ours = torch.load(store.files.checkpoint("G", 420), weights_only=True)
    theirs = rvc_file(own.generator, list(parameters), 30, 420)
    assert list(ours) == list(theirs) and list(ours["model"]) == list(theirs["model"])
    assert ours["optimizer"]["state"].keys() == theirs["optimizer"]["state"].keys()
    assert set(ours["optimizer"]["param_groups"][0]) <= set(theirs["optimizer"]["param_groups"][0])


@pytest.fixture
def make_store(tmp_path: Path) -> Any:
    from rvc_engine.workspace import Workspace

    return lambda: CheckpointStore(Workspace(tmp_path).experiment("voice"))


def test_a_pair_that_would_run_code_is_refused(
    make_store: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.voices.test_small_model import Evil

    monkeypatch.chdir(tmp_path)
    store = make_store()
    for kind in ("G", "D"):
        path = store.files.checkpoint(kind, 5)
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save({"model": {}, "iteration": 1, "optimizer": Evil()}, path)
    with pytest.raises(RvcError, match="No checkpoint can be read"):
        store.restore(state_of("starter-tiny"))
    assert not (tmp_path / "evil-ran").exists()


@pytest.mark.parametrize("half", [False, True])
def test_pretrained_files_with_and_without_optimizer(tmp_path: Path, half: bool) -> None:
    config = PRESETS["v2-40k-tiny"]
    source, target = Synthesizer(replace(config, speakers=9)), Synthesizer(config)
    weights = {key: value.half() if half else value for key, value in source.state_dict().items()}
    torch.save({"model": weights} | ({} if half else {"iteration": 3, "optimizer": {"state": {}}}), tmp_path / "G.pth")
    assert "9 rows, this model 4" in load_pretrained(target, tmp_path / "G.pth")
    assert torch.allclose(target.dec.conv_pre.weight, source.dec.conv_pre.weight, atol=1e-3)


@pytest.mark.parametrize(
    ("preset", "pitch", "said"),
    [
        ("v1-48k", True, "a v1 48k generator with pitch"),
        ("v2-48k", True, "a v2 48k"),
        ("v2-40k", False, "a v2 40k generator without pitch"),
    ],
)
def test_a_pretrained_file_of_another_kind_is_named(tmp_path: Path, preset: str, pitch: bool, said: str) -> None:
    network = Synthesizer(PRESETS["v2-40k-tiny"])
    torch.save({"model": Synthesizer(model_config(f"{preset}-tiny", pitch=pitch)).state_dict()}, tmp_path / "G.pth")
    with pytest.raises(RvcError, match=r"G\.pth") as caught:
        load_pretrained(network, tmp_path / "G.pth")
    assert (
        caught.value.message.startswith(f"it is {said}")
        and "needs a v2 40k generator with pitch" in caught.value.message
    )
    torch.save({"model": Discriminators(PRESETS["v2-40k-tiny"].discriminator).state_dict()}, tmp_path / "D.pth")
    with pytest.raises(RvcError, match="set of discriminators"):
        load_pretrained(network, tmp_path / "D.pth")
