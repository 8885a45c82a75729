"""How a HuBERT network is laid out, as fairseq, transformers and our own files say it. Sizes are bounded; nothing is
evaluated."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from rvc_engine.files.foreign import Unreadable, parse_json
from rvc_engine.messages import Message, message_of

Convolution = tuple[int, int, int]  # channels, kernel, stride
BASE_CONVOLUTIONS = ((512, 10, 5), *[(512, 3, 2)] * 4, *[(512, 2, 2)] * 2)
MAX_CONVOLUTIONS = 16
MAX_SOURCE_LENGTH = 500
FAIRSEQ_EPS, TRANSFORMERS_EPS = 1e-5, 1e-7
BOUNDS = {
    "width": (1, 4096),
    "layers": (1, 48),
    "heads": (1, 128),
    "inner_width": (1, 16384),
    "position_kernel": (1, 512),
    "position_groups": (1, 1024),
    "projection": (0, 8192),
}


@dataclass(frozen=True)
class HubertConfig:
    """The defaults are those of the base model, which is RVC's."""

    convolutions: tuple[Convolution, ...] = BASE_CONVOLUTIONS
    conv_bias: bool = False
    conv_layer_norm: bool = False  # a layer norm after each convolution, instead of a group norm after the first
    input_projection: bool = True
    width: int = 768
    layers: int = 12
    heads: int = 12
    inner_width: int = 3072
    position_kernel: int = 128
    position_groups: int = 16
    norm_first: bool = False
    projection: int = 256  # rows of final_proj; 0: there is none
    wave_eps: float = 0.0  # above 0: the wave gets mean 0 and variance 1 first, with this number under the root

    @property
    def hop_samples(self) -> int:
        hop = 1
        for _, _, stride in self.convolutions:
            hop *= stride
        return hop

    @property
    def window_samples(self) -> int:
        """Samples that one frame sees, and the fewest that give a frame."""
        window, hop = 1, 1
        for _, kernel, stride in self.convolutions:
            window += (kernel - 1) * hop
            hop *= stride
        return window


def checked(config: HubertConfig) -> HubertConfig:
    """Raises Unreadable for types and sizes that no HuBERT has."""
    for field in fields(HubertConfig):
        value = getattr(config, field.name)
        if field.name in BOUNDS:
            low, high = BOUNDS[field.name]
            if type(value) is not int or not low <= value <= high:
                raise Unreadable(Message("content.configuration_number", field=field.name, low=low, high=high))
        elif field.type == "bool" and type(value) is not bool:
            raise Unreadable(Message("content.configuration_bool", field=field.name))
    if type(config.wave_eps) is not float or not 0 <= config.wave_eps <= 1e-3:
        raise Unreadable(Message("content.wave_eps"))
    _check_convolutions(config.convolutions)
    if config.width % config.heads or config.width % config.position_groups:
        raise Unreadable(Message("content.width_multiple"))
    if not config.input_projection and config.convolutions[-1][0] != config.width:
        raise Unreadable(Message("content.convolutions_width"))
    return config


def _check_convolutions(layers: Any) -> None:
    if not 1 <= len(layers) <= MAX_CONVOLUTIONS:
        raise Unreadable(Message("content.convolutions_count", most=MAX_CONVOLUTIONS))
    for layer in layers:
        if len(layer) != 3 or any(type(n) is not int for n in layer):
            raise Unreadable(Message("content.convolution_numbers"))
        channels, kernel, stride = layer
        if not (1 <= channels <= 2048 and 1 <= kernel <= 64 and 1 <= stride <= 16):
            raise Unreadable(Message("content.convolution_size"))


# --- fairseq ---------------------------------------------------------------------------------------
def from_fairseq(options: Mapping[str, Any], normalize: Any) -> HubertConfig:
    """`options`: cfg['model'], or the old form's flat args, where options at their default are absent. Others' options
    are ignored."""
    refuse_other(options, {"activation_fn": "gelu", "layer_type": "transformer"})
    convolutions = (
        parse_convolutions(options["conv_feature_layers"]) if "conv_feature_layers" in options else BASE_CONVOLUTIONS
    )
    mode = options.get("extractor_mode", "default")
    if mode not in ("default", "layer_norm"):
        raise Unreadable(Message("content.extractor_mode"))
    if type(normalize) is not bool:
        raise Unreadable(Message("content.normalize"))
    width = options.get("encoder_embed_dim", 768)
    return checked(
        HubertConfig(
            convolutions=convolutions,
            conv_bias=options.get("conv_bias", False),
            conv_layer_norm=mode == "layer_norm",
            input_projection=convolutions[-1][0] != width,
            width=width,
            layers=options.get("encoder_layers", 12),
            heads=options.get("encoder_attention_heads", 12),
            inner_width=options.get("encoder_ffn_embed_dim", 3072),
            position_kernel=options.get("conv_pos", 128),
            position_groups=options.get("conv_pos_groups", 16),
            norm_first=options.get("layer_norm_first", False),
            projection=options.get("final_dim", 0) or width,
            wave_eps=FAIRSEQ_EPS if normalize else 0.0,
        )
    )


def parse_convolutions(source: Any) -> tuple[Convolution, ...]:
    """`[(512,10,5)] + [(512,3,2)] * 4`, which is Python that fairseq evaluates: here lists of three numbers, + and *
    alone are read."""
    if not isinstance(source, str) or len(source) > MAX_SOURCE_LENGTH or not re.fullmatch(r"[0-9()\[\],+* ]+", source):
        raise Unreadable(Message("content.convolutions_more"))
    try:
        tree = ast.parse(source.strip(), mode="eval").body
        found = tuple(_layers(tree))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        if isinstance(error, Unreadable):
            raise
        raise Unreadable(Message("content.convolutions_unclear")) from error
    _check_convolutions(found)
    return found


def _layers(node: ast.expr) -> list[Convolution]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        layers = _layers(node.left) + _layers(node.right)
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        times, repeated = (node.left, node.right) if isinstance(node.left, ast.Constant) else (node.right, node.left)
        layers = _layers(repeated) * _small(times)
    elif isinstance(node, ast.List):
        layers = [_triple(element) for element in node.elts]
    else:
        raise Unreadable(Message("content.convolutions_more"))
    if len(layers) > MAX_CONVOLUTIONS:
        raise Unreadable(Message("content.convolutions_count", most=MAX_CONVOLUTIONS))
    return layers


def _small(node: ast.expr) -> int:
    if not isinstance(node, ast.Constant) or type(node.value) is not int or node.value > MAX_CONVOLUTIONS:
        raise Unreadable(Message("content.convolutions_repeat"))
    return node.value


def _triple(node: ast.expr) -> Convolution:
    if not isinstance(node, ast.Tuple | ast.List) or len(node.elts) != 3:
        raise Unreadable(Message("content.convolution_numbers"))
    channels, kernel, stride = (
        e.value if isinstance(e, ast.Constant) and type(e.value) is int else 0 for e in node.elts
    )
    return channels, kernel, stride


# --- transformers and our own files ----------------------------------------------------------------
def from_transformers(options: Mapping[str, Any], preprocessor: Mapping[str, Any]) -> HubertConfig:
    """`options`: config.json; `preprocessor`: preprocessor_config.json, empty when there is none. Absent options have
    HubertConfig's defaults, which are the base model's."""
    refuse_other(
        options,
        {"hidden_act": "gelu", "feat_extract_activation": "gelu", "layer_norm_eps": 1e-5, "model_type": "hubert"},
    )
    refuse_other(options, {"conv_pos_batch_norm": False, "feat_proj_layer_norm": True})
    norm = options.get("feat_extract_norm", "group")
    if norm not in ("group", "layer"):
        raise Unreadable(Message("content.feat_extract_norm"))
    base = zip(*BASE_CONVOLUTIONS, strict=True)
    columns = [
        options.get(name, list(values))
        for name, values in zip(("conv_dim", "conv_kernel", "conv_stride"), base, strict=True)
    ]
    if any(not isinstance(column, list) or not 1 <= len(column) <= MAX_CONVOLUTIONS for column in columns):
        raise Unreadable(Message("content.convolutions_count", most=MAX_CONVOLUTIONS))
    if len({len(column) for column in columns}) > 1:
        raise Unreadable(Message("content.convolutions_lengths"))
    return checked(
        HubertConfig(
            convolutions=tuple(zip(*columns, strict=True)),
            conv_bias=options.get("conv_bias", False),
            conv_layer_norm=norm == "layer",
            width=options.get("hidden_size", 768),
            layers=options.get("num_hidden_layers", 12),
            heads=options.get("num_attention_heads", 12),
            inner_width=options.get("intermediate_size", 3072),
            position_kernel=options.get("num_conv_pos_embeddings", 128),
            position_groups=options.get("num_conv_pos_embedding_groups", 16),
            norm_first=options.get("do_stable_layer_norm", False),
            projection=options.get("classifier_proj_size", 256),
            wave_eps=TRANSFORMERS_EPS if preprocessor.get("do_normalize", False) is True else 0.0,
        )
    )


def refuse_other(options: Mapping[str, Any], known: Mapping[str, Any]) -> None:
    """Raises Unreadable when an option that is there has another value than the only one that this program computes."""
    for name, value in known.items():
        if options.get(name, value) != value:
            raise Unreadable(Message("content.other_option", name=name, value=value))


def to_text(config: HubertConfig) -> str:
    return json.dumps(asdict(config))


def from_text(text: str) -> HubertConfig:
    """What `to_text` made. Raises Unreadable."""
    try:
        options = parse_json(text)
    except Unreadable as error:
        raise Unreadable(Message("content.configuration_because", reason=message_of(error))) from error
    try:
        options["convolutions"] = tuple(map(tuple, options["convolutions"]))
        return checked(HubertConfig(**options))
    except Unreadable:
        raise
    except (ValueError, TypeError, KeyError) as error:
        raise Unreadable(Message("content.configuration")) from error
