"""Which downloaded weights a preset needs, and which of them are here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rvc_engine.presets import PRESETS, ModelConfig
from rvc_engine.registry import CONTENT_ENCODERS

if TYPE_CHECKING:
    from rvc_engine.workspace import Workspace

DEFAULT_PRESET = "v2-40k"


def pretrained_names(preset: str, kind: str, model: ModelConfig) -> tuple[str, ...]:
    """Where a preset's pretrained G or D for `model` may lie below pretrained/, first choice first. Empty for presets
    that have none, and where the model has another content encoder or vocoder than the preset."""
    config = PRESETS[preset]
    if (model.encoder, model.decoder) != (config.encoder, config.decoder):
        return ()
    file = f"{'f0' if model.pitch else ''}{kind}{config.rate_name}.pth"
    if preset.endswith("-tiny"):
        return ()
    if config.version.startswith("starter"):
        return (f"starter/{kind}.safetensors",) if model.pitch else ()
    return (file,) if config.version == "v1" else (f"v2/{file}", f"pretrained_v2/{file}")


def has_own(preset: str) -> bool:
    """Does the preset's base come with the program, or go without? Nobody has to fetch it."""
    return PRESETS[preset].version.startswith("starter")


def missing_weights(workspace: Workspace, preset: str, model: ModelConfig | None = None) -> list[str]:
    """Names of the files that are not here and that training `model`, else the preset as it comes, needs."""
    model = model or PRESETS[preset]
    missing = []
    encoder = CONTENT_ENCODERS.get(model.encoder)
    if encoder.weights and not encoder.is_shipped and encoder.find_weights(workspace) is None:
        missing.append(encoder.weights[0])
    for kind in ("G", "D"):
        names = pretrained_names(preset, kind, model)
        if names and not has_own(preset) and workspace.find_pretrained(*names) is None:
            missing.append(names[0])
    return missing


def preset_here(workspace: Workspace) -> str:
    """The preset of a new experiment when none is asked for: the default where its weights are, else the one that needs
    none."""
    return "starter" if missing_weights(workspace, DEFAULT_PRESET) else DEFAULT_PRESET
