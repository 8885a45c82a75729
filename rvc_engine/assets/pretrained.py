"""Which downloaded weights a preset needs, and which of them are here."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from rvc_engine.presets import PRESETS

if TYPE_CHECKING:
    from rvc_engine.experiment import Workspace

DEFAULT_PRESET = "v2-40k"
HUBERT_NAMES = (
    "hubert_base.pt",
    "hubert_base.safetensors",
    "hubert_base/config.json",  # a folder of transformers
    "contentvec/config.json",
    "hubert/config.json",
)


class HasPretrained(Protocol):
    def find_pretrained(self, *relative: str) -> Path | None: ...


def find_hubert(workspace: HasPretrained) -> Path | None:
    """Where HuBERT's weights are, in any form that models/hubert.py reads: a file, or the config.json of a folder."""
    return workspace.find_pretrained(*HUBERT_NAMES)


def pretrained_names(preset: str, kind: str, *, pitched: bool = True) -> tuple[str, ...]:
    """Where a preset's pretrained G or D may lie below pretrained/, first choice first. Empty for presets that have
    none."""
    config = PRESETS[preset]
    file = f"{'f0' if pitched else ''}{kind}{config.rate_name}.pth"
    if preset.endswith("-tiny"):
        return ()
    if config.version.startswith("starter"):
        return (f"starter/{kind}.safetensors",) if pitched else ()
    return (file,) if config.version == "v1" else (f"v2/{file}", f"pretrained_v2/{file}")


def has_own(preset: str) -> bool:
    """Does the preset's base come with the program, or go without? Nobody has to fetch it."""
    return PRESETS[preset].version.startswith("starter")


def missing_weights(workspace: Workspace, preset: str, *, pitched: bool = True) -> list[str]:
    """Names of the files that a preset's defaults need and that are not here."""
    config = PRESETS[preset]
    missing = []
    if config.encoder in ("hubert-256", "hubert-768") and find_hubert(workspace) is None:
        missing.append(HUBERT_NAMES[0])
    for kind in ("G", "D"):
        names = pretrained_names(preset, kind, pitched=pitched)
        if names and not has_own(preset) and workspace.find_pretrained(*names) is None:
            missing.append(names[0])
    return missing


def preset_here(workspace: Workspace) -> str:
    """The preset of a new experiment when none is asked for: the default where its weights are, else the one that needs
    none."""
    return "starter" if missing_weights(workspace, DEFAULT_PRESET) else DEFAULT_PRESET
