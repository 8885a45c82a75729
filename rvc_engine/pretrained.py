"""Which downloaded weights a preset needs, and which of them are here."""

from __future__ import annotations

from rvc_engine.experiment import Workspace
from rvc_engine.models.configs import PRESETS

HUBERT_NAMES = ("hubert_base.safetensors",)


def pretrained_names(preset: str, kind: str, *, pitched: bool = True) -> tuple[str, ...]:
    """Where a preset's pretrained G or D may lie below pretrained/, first choice first. Empty for presets that have none."""
    config = PRESETS[preset]
    file = f"{'f0' if pitched else ''}{kind}{config.rate_name}.pth"
    if preset.endswith("-tiny") or config.version.startswith("starter"):
        return ()
    return (file,) if config.version == "v1" else (f"v2/{file}", f"pretrained_v2/{file}")


def missing_weights(workspace: Workspace, preset: str, *, pitched: bool = True) -> list[str]:
    """Names of the files that a preset's defaults need and that are not here."""
    config = PRESETS[preset]
    missing = []
    if config.encoder in ("hubert-256", "hubert-768") and workspace.find_pretrained(*HUBERT_NAMES) is None:
        missing.append(HUBERT_NAMES[-1])
    for kind in ("G", "D"):
        names = pretrained_names(preset, kind, pitched=pitched)
        if names and workspace.find_pretrained(*names) is None:
            missing.append(names[0])
    return missing
