"""One voice out of two: each weight is the mean of both, as RVC merges."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from torch import Tensor

from rvc_engine import __version__
from rvc_engine.errors import BadInput
from rvc_engine.messages import Message
from rvc_engine.voices.small_model import MERGED, Voice, save_small_model, small_model


def differences(a: Voice, b: Voice) -> list[Message]:
    """Why two voices cannot be merged, in words; empty when they can. The number of speakers may differ."""
    one, other = a.config, b.config
    found = []
    if one.version != other.version:
        found.append(Message("voices.differ_version", first=one.version, second=other.version))
    if one.sample_rate != other.sample_rate:
        found.append(Message("voices.differ_rate", first=one.sample_rate, second=other.sample_rate))
    if one.pitch != other.pitch:
        found.append(Message("voices.differ_pitch") if one.pitch else Message("voices.differ_no_pitch"))
    if one.encoder != other.encoder:
        found.append(Message("voices.differ_encoder", first=one.encoder, second=other.encoder))
    shapes = [
        key
        for key in a.weights
        if key != "emb_g.weight" and getattr(b.weights.get(key), "shape", None) != a.weights[key].shape
    ]
    if not found and (shapes or a.weights.keys() != b.weights.keys() or one.gin_channels != other.gin_channels):
        found.append(Message("voices.differ_shapes", name=(shapes or ["emb_g.weight"])[0]))
    return found


def merge(a: Voice, b: Voice, share: float, output: Path, info: str = "") -> None:
    """`share` of `a` and 1 - `share` of `b`, in float32, written in half precision; of speaker tables of two sizes the
    rows that both have. What only one of them says of its recordings is left out. Raises BadInput naming what does not
    fit."""
    if not 0 <= share <= 1:
        raise BadInput("voices.bad_share", share=share)
    if wrong := differences(a, b):
        raise BadInput("voices.not_merged", first=a.path, second=b.path, differences=wrong)
    weights = {key: _mean(a.weights[key], b.weights[key], share) for key in a.weights}
    heavier = a if share >= 0.5 else b
    config = replace(a.config, speakers=len(weights["emb_g.weight"]))
    ours = {
        "encoder": config.encoder,
        "unvoiced": heavier.unvoiced,
        "epoch": None,
        "step": None,
        "program": f"rvc-tui {__version__}",
    }
    text = info or f"{share:g} {a.path.stem} + {1 - share:g} {b.path.stem}"
    save_small_model(output, small_model(weights, config, text, ours, MERGED))


def _mean(a: Tensor, b: Tensor, share: float) -> Tensor:
    rows = min(len(a), len(b))
    return share * a[:rows].half().float() + (1 - share) * b[:rows].half().float()
