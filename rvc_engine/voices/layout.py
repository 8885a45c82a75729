"""What RVC's files hold, read without trust: names of tensors, and the 18 entries of a small model's `config`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from torch import Tensor

from rvc_engine.files.foreign import describe
from rvc_engine.messages import Message
from rvc_engine.presets import PRESETS, ModelConfig
from rvc_engine.registry import CONTENT_ENCODERS, VOCODERS

FEATURE_WIDTHS = {"v1": 256, "v2": 768}
VERSIONS = ("v1", "v2", "starter-1")
EMBEDDERS = ("contentvec", "hubert_base", "hubert")
"""What Applio's `embedder_model` may say: the encoders whose features are those of RVC."""
MAX_FLOWS = 64

# Entry of `config`, what it is, its lowest and highest value.
BOUNDS = {
    0: ("spectrum's bins", 2, 16385),
    2: ("inter_channels", 1, 2048),
    3: ("hidden_channels", 1, 2048),
    4: ("filter_channels", 1, 8192),
    5: ("n_heads", 1, 64),
    6: ("n_layers", 1, 64),
    7: ("kernel_size", 1, 31),
    13: ("upsample_initial_channel", 1, 4096),
    15: ("speakers", 0, 1_000_000),
    16: ("gin_channels", 1, 4096),
    17: ("rate", 8000, 192_000),
}
LISTS = {10: ("resblock_kernel_sizes", 63), 12: ("upsample_rates", 512), 14: ("upsample_kernel_sizes", 2048)}
MAX_LENGTH = 8


def rvc_names(weights: Mapping[Any, Any]) -> dict[str, Any]:
    """The same with RVC's names of weight norm, where newer programs wrote torch's own
    (parametrizations.weight.original0 and 1)."""
    return {_rvc_name(str(key)): value for key, value in weights.items()}


def _rvc_name(key: str) -> str:
    return key.replace(".parametrizations.weight.original0", ".weight_g").replace(
        ".parametrizations.weight.original1", ".weight_v"
    )


def checked_list(values: Any) -> list[Any]:
    """`values` when it is a `config` of RVC in type and bounds, so that a network of its size can be thought of. Raises
    ValueError."""
    if not isinstance(values, list | tuple):
        raise ValueError(Message("voices.config_no_list"))
    if len(values) != 18:
        raise ValueError(Message("voices.config_entries", count=len(values)))
    for entry, (name, low, high) in BOUNDS.items():
        _whole(values[entry], name, low, high)
    if not isinstance(values[8], int | float) or not 0 <= values[8] < 1:
        raise ValueError(Message("voices.config_dropout"))
    if not isinstance(values[9], str | int) or values[9] not in ("1", 1):
        raise ValueError(Message("voices.config_resblock", kind=describe(values[9], 20)))
    for entry, (name, high) in LISTS.items():
        _row(values[entry], name, high)
    if not isinstance(values[11], list | tuple) or len(values[11]) != len(values[10]):
        raise ValueError(Message("voices.config_dilations"))
    for row in values[11]:
        _row(row, "resblock_dilation_sizes", 64)
    rates, kernels, first = values[12], values[14], values[13]
    if len(rates) != len(kernels) or any(
        kernel < rate or (kernel - rate) % 2 for rate, kernel in zip(rates, kernels, strict=True)
    ):
        raise ValueError(Message("voices.config_upsampling"))
    if values[3] % values[5] or values[2] % 2 or first % (1 << len(rates)):
        raise ValueError(Message("voices.config_channels"))
    hop = 1
    for rate in rates:
        hop *= rate
    if hop * 100 != values[17]:
        raise ValueError(Message("voices.wrong_rate", rate=values[17], samples=hop * 100))
    return list(values)


def _whole(value: Any, name: str, low: int, high: int) -> None:
    if type(value) is not int or not low <= value <= high:
        raise ValueError(Message("voices.config_number", entry=name, value=describe(value, 20), low=low, high=high))


def _row(values: Any, name: str, high: int) -> None:
    if not isinstance(values, list | tuple) or not 1 <= len(values) <= MAX_LENGTH:
        raise ValueError(Message("voices.config_list", entry=name))
    for value in values:
        _whole(value, name, 1, high)


def model_of(content: Mapping[str, Any], weights: Mapping[str, Tensor]) -> ModelConfig:
    """The shape of the voice that a small model's entries describe; what they do not hold is read off the weights.

    Raises ValueError that names the version, rate, encoder or decoder that is wrong or unknown.
    """
    values = checked_list(content["config"])
    table = _matrix(weights, "enc_p.emb_phone.weight")
    width, rows = table.shape[1], len(_matrix(weights, "emb_g.weight"))
    version = _version(content.get("version"), width, content.get("encoder"))
    pitch = _pitch(content.get("f0"), "enc_p.emb_pitch.weight" in weights)
    rate = values[17]
    if rate % 1000 or (version in FEATURE_WIDTHS and f"{version}-{rate // 1000}k" not in PRESETS):
        raise ValueError(Message("voices.rate_of_version", rate=rate, version=version))
    layers = sum(key.startswith("flow.flows.0.enc.in_layers.") and key.endswith(".weight_v") for key in weights)
    if not 1 <= layers <= MAX_FLOWS:
        raise ValueError(Message("voices.unknown_flow"))
    config = ModelConfig.from_rvc_list(values, version, pitch, _encoder(content, version, width))
    return replace(
        config,
        decoder=_vocoder(content.get("vocoder"), config.decoder),
        feature_dim=width,
        flow_layers=layers,
        speakers=rows,
    )


def _matrix(weights: Mapping[str, Tensor], key: str) -> Tensor:
    value = weights.get(key)
    if not isinstance(value, Tensor) or value.ndim != 2:
        raise ValueError(Message("voices.no_table", name=key))
    return value


def _version(said: Any, width: int, encoder: Any) -> str:
    """Files without a version are v1 in RVC; the width of the features is surer, unless another encoder than RVC's is
    named."""
    if said is None:
        said = {width: version for version, width in FEATURE_WIDTHS.items()}.get(width, "v1")
    if said not in VERSIONS:
        raise ValueError(Message("voices.unknown_version", version=describe(said, 20), versions=VERSIONS))
    wanted = FEATURE_WIDTHS.get(said, width)
    if width != wanted and encoder in (None, f"hubert-{wanted}"):
        raise ValueError(Message("voices.wrong_version", version=said, expected=FEATURE_WIDTHS[said], width=width))
    return str(said)


def _pitch(said: Any, has: bool) -> bool:
    if said is None:
        return has
    try:
        pitch = bool(int(said)) if isinstance(said, str | int | float) else None
    except (ValueError, OverflowError):
        pitch = None
    if pitch is None:
        raise ValueError(Message("voices.unknown_f0", f0=describe(said, 20)))
    if pitch != has:
        raise ValueError(Message("voices.f0_but_no_pitch") if pitch else Message("voices.no_f0_but_pitch"))
    return pitch


def refuse_embedder(said: Any) -> None:
    """Raises ValueError with the name of a content encoder, as Applio's `embedder_model` gives it, that is not
    RVC's."""
    if not isinstance(said, str) or said.strip().lower() not in EMBEDDERS:
        raise ValueError(Message("voices.other_encoder", encoder=describe(said, 100)))


def _vocoder(said: Any, usual: str) -> str:
    """The name of the `vocoder` entry, as we or other programs write it; `usual`: of voices that do not say."""
    if said is None:
        return usual
    for vocoder in VOCODERS.all():
        if isinstance(said, str) and said in (vocoder.name, *vocoder.aliases):
            return vocoder.name
    raise ValueError(Message("voices.unknown_vocoder", vocoder=describe(said, 40), known=VOCODERS.names()))


def _encoder(content: Mapping[str, Any], version: str, width: int) -> str:
    """Our own entry, or what Applio says of its embedder; without both the encoder of that width."""
    embedder = content.get("embedder_model")
    if embedder is not None:
        refuse_embedder(embedder)
    name = content.get("encoder")
    name = f"hubert-{width}" if name is None else name
    if not isinstance(name, str) or name not in CONTENT_ENCODERS:
        raise ValueError(Message("voices.unknown_encoder", encoder=describe(name, 40)))
    if (own := CONTENT_ENCODERS.get(name).dim) != width:
        raise ValueError(Message("voices.wrong_encoder", encoder=name, expected=own, width=width))
    return name
