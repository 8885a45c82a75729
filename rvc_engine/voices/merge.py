"""One voice out of two: each weight is the mean of both, as RVC merges."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from torch import Tensor

from rvc_engine import __version__
from rvc_engine.errors import BadInput
from rvc_engine.messages import NOTHING, Message
from rvc_engine.voices.small_model import MERGED, Voice, save_small_model, small_model


def differences(a: Voice, b: Voice) -> list[str]:
    """Why two voices cannot be merged, in words; empty when they can. The number of speakers may differ."""
    one, other = a.config, b.config
    facts = {
        "version": (one.version, other.version),
        "rate": (f"{one.sample_rate} Hz", f"{other.sample_rate} Hz"),
        "pitch": tuple("with" if config.pitch else "without" for config in (one, other)),
        "encoder": (one.encoder, other.encoder),
    }
    found = [f"{name} {first} and {second}" for name, (first, second) in facts.items() if first != second]
    shapes = [
        key
        for key in a.weights
        if key != "emb_g.weight" and getattr(b.weights.get(key), "shape", None) != a.weights[key].shape
    ]
    if not found and (shapes or a.weights.keys() != b.weights.keys() or one.gin_channels != other.gin_channels):
        found.append(Message("voices.shapes_example", shapes=(shapes or ["emb_g.weight"])[0]))
    return found


def merge(a: Voice, b: Voice, share: float, output: Path, info: str = "") -> None:
    """`share` of `a` and 1 - `share` of `b`, in float32, written in half precision; of speaker tables of two sizes the
    rows that both have. What only one of them says of its recordings is left out. Raises BadInput naming what does not
    fit."""
    if not 0 <= share <= 1:
        raise BadInput("voices.weight_not_possible", share=share)
    wrong = differences(a, b)
    if wrong:
        hint = Message("voices.merge_voices_one_version_rate")
        raise BadInput("voices.cannot_be_merged", NOTHING, hint, path=a.path, path_2=b.path, wrong=", ".join(wrong))
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
