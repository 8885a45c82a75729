"""The small model: the file that is shared, in the RVC programs' layout, with what we know beyond it after their entries."""

from __future__ import annotations

import pickle
from collections import OrderedDict
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from rvc_engine import __version__
from rvc_engine.disk import whole_file
from rvc_engine.errors import BadInput, RvcError
from rvc_engine.models.configs import ENCODERS, ModelConfig
from rvc_engine.models.synthesizer import Synthesizer
from rvc_engine.models.weight_norm import fold

_UNREADABLE = (OSError, RuntimeError, EOFError, pickle.UnpicklingError, KeyError, TypeError, ValueError, AttributeError, IndexError)


@dataclass(frozen=True)
class Voice:
    """A small model as it was read. `epoch`, `step`, `unvoiced` and `program` are None in files of other programs."""

    config: ModelConfig
    weights: dict[str, Tensor]
    info: str
    epoch: int | None
    step: int | None
    unvoiced: str | None
    program: str | None
    path: Path

    def network(self, device: torch.device | str = "cpu") -> Synthesizer:
        """In float32 and eval mode, its normed weights computed once: for conversion, not for training."""
        with torch.device("meta"):
            network = Synthesizer(self.config, posterior=False)
        network.load_state_dict({key: value.float() for key, value in self.weights.items()}, assign=True)
        network = network.to(device).eval().requires_grad_(False)
        fold(network)
        return network


def write_small_model(path: Path, weights: dict[str, Tensor], config: ModelConfig, *, epoch: int, step: int, extra: dict[str, Any]) -> None:
    """Write `weights` (a generator's state dict; enc_q is left out) in half precision. `extra`: e.g. {"unvoiced": "interpolate"}.

    Raises RvcError when a weight is not finite in half precision.
    """
    half = {key: value.detach().to("cpu", torch.float16) for key, value in weights.items() if "enc_q" not in key}
    broken = [key for key, value in half.items() if not torch.isfinite(value).all()]
    if broken:
        raise RvcError("The voice has weights that are not finite", ", ".join(broken[:5]), "train again from an older checkpoint")
    content: OrderedDict[str, Any] = OrderedDict(
        weight=half, config=config.to_rvc_list(), info=f"{epoch}epoch", sr=config.rate_name, f0=int(config.pitch), version=config.version
    )
    content["config"][15] = len(half["emb_g.weight"])
    content.update(encoder=config.encoder, unvoiced=None, epoch=epoch, step=step)
    content.update(extra)
    content["program"] = f"rvc-tui {__version__}"
    with whole_file(path) as temporary:
        torch.save(content, temporary)


def read_voice(path: Path) -> Voice:
    """Read a small model of ours or of another RVC program; nothing in it is executed. Raises BadInput saying what the file is instead."""
    if not path.is_file():
        raise BadInput(f"There is no voice {path}", "", "check the path; rvc list shows the voices of this workspace")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except _UNREADABLE as error:
        raise _bad(path, f"it is damaged or not a model at all: {_first_line(error)}") from error
    if not isinstance(content, dict) or "weight" not in content or "config" not in content:
        raise _bad(path, _what_else(content))
    weights, version, pitch = content["weight"], str(content.get("version", "v1")), bool(int(content.get("f0", 1)))
    try:
        weights = {str(key): value for key, value in weights.items() if "enc_q" not in key}
        config = _config_of(list(content["config"]), weights, version, pitch, content.get("encoder"))
        with torch.device("meta"):
            expected = Synthesizer(config, posterior=False).state_dict()
    except _UNREADABLE as error:
        raise _bad(path, f"its configuration does not describe a {version} voice: {_first_line(error)}") from error
    wrong = [key for key in expected if getattr(weights.get(key), "shape", None) != expected[key].shape]
    wrong += [key for key in weights if key not in expected]
    if wrong:
        raise _bad(path, f"{len(wrong)} of its tensors are missing, unknown or of another shape: {', '.join(wrong[:5])}")
    if not all(torch.isfinite(weights[key]).all() for key in expected):
        raise _bad(path, "some of its weights are not finite")
    epoch, step = (content.get(key) if isinstance(content.get(key), int) else None for key in ("epoch", "step"))
    unvoiced, program = (content.get(key) if isinstance(content.get(key), str) else None for key in ("unvoiced", "program"))
    return Voice(config, {k: weights[k] for k in expected}, str(content.get("info", "")), epoch, step, unvoiced, program, path)


def _config_of(values: list[Any], weights: dict[str, Tensor], version: str, pitch: bool, encoder: Any) -> ModelConfig:
    """What the 18 entries do not hold is read off the weights."""
    width = weights["enc_p.emb_phone.weight"].shape[1]
    name = f"hubert-{width}" if encoder is None else str(encoder)
    if name not in ENCODERS:
        raise ValueError(f"its features were made by {name!r}, a content encoder that this version does not know")
    config = ModelConfig.from_rvc_list(values, version, pitch, name)
    layers = sum(key.startswith("flow.flows.0.enc.in_layers.") and key.endswith(".weight_v") for key in weights)
    return replace(config, feature_dim=width, flow_layers=layers, speakers=len(weights["emb_g.weight"]))


def _what_else(content: Any) -> str:
    if isinstance(content, dict) and {"model", "optimizer"} <= set(content):
        return "it is a training checkpoint (G_ or D_); the small model is in weights/"
    if isinstance(content, dict) and "cfg" in content:
        return "it is a content encoder"
    return "it holds no voice"


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _bad(path: Path, reason: str) -> BadInput:
    return BadInput(
        f"{path} is not a voice that can be used", reason, "choose a .pth that an RVC program exported, or train the voice again"
    )
