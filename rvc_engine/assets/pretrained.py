"""Which downloaded weights a preset needs, and which of them are here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rvc_engine.presets import PRESETS
from rvc_engine.registry import CONTENT_ENCODERS

if TYPE_CHECKING:
    from rvc_engine.experiment import Workspace

DEFAULT_PRESET = "v2-40k"


def pretrained_names(
    preset: str, kind: str, *, pitched: bool = True, encoder: str = "", vocoder: str = ""
) -> tuple[str, ...]:
    """Where a preset's pretrained G or D may lie below pretrained/, first choice first. Empty for presets that have
    none, and for features of another `encoder`, or a `vocoder`, than the preset's."""
    config = PRESETS[preset]
    if encoder not in ("", config.encoder) or vocoder not in ("", config.decoder):
        return ()
    file = f"{'f0' if pitched else ''}{kind}{config.rate_name}.pth"
    if preset.endswith("-tiny"):
        return ()
    if config.version.startswith("starter"):
        return (f"starter/{kind}.safetensors",) if pitched else ()
    return (file,) if config.version == "v1" else (f"v2/{file}", f"pretrained_v2/{file}")


def has_own(preset: str) -> bool:
    """Does the preset's base come with the program, or go without? Nobody has to fetch it."""
    return PRESETS[preset].version.startswith("starter")


def missing_weights(
    workspace: Workspace, preset: str, *, pitched: bool = True, encoder: str = "", vocoder: str = ""
) -> list[str]:
    """Names of the files that are not here and that a preset's defaults need, with features of its own or another
    `encoder` and with its own or another `vocoder`."""
    config = PRESETS[preset]
    missing = []
    used = CONTENT_ENCODERS.get(encoder or config.encoder)
    if used.weights and not used.is_shipped and used.find_weights(workspace) is None:
        missing.append(used.weights[0])
    for kind in ("G", "D"):
        names = pretrained_names(preset, kind, pitched=pitched, encoder=encoder, vocoder=vocoder)
        if names and not has_own(preset) and workspace.find_pretrained(*names) is None:
            missing.append(names[0])
    return missing


def preset_here(workspace: Workspace) -> str:
    """The preset of a new experiment when none is asked for: the default where its weights are, else the one that needs
    none."""
    return "starter" if missing_weights(workspace, DEFAULT_PRESET) else DEFAULT_PRESET
