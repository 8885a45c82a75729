"""Names, shapes and order of every tensor are RVC's, for each version, rate and pitch. The numbers' own truths are in
tests/conformance.

manifests.json holds, for each network, the sha256 over [[name, shape, dtype], ...] in the reference's order.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import torch

from rvc_engine.models.discriminators import Discriminators
from rvc_engine.models.synthesizer import Synthesizer
from rvc_engine.presets import PRESETS, model_config

MANIFESTS: dict[str, Any] = json.loads((Path(__file__).parent / "manifests.json").read_text())


def digest(weights: dict[str, torch.Tensor], dtype: str) -> str:
    rows = [[key, list(tensor.shape), dtype] for key, tensor in weights.items()]
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


@pytest.mark.parametrize("name", [name for name in MANIFESTS if name.startswith("synth_")])
def test_generators(name: str) -> None:
    _, version, rate, pitch, size = name.split("_")
    with torch.device("meta"):
        network = Synthesizer(model_config(f"{version}-{rate}", pitch=pitch == "f0"), posterior=size == "full")
    assert digest(network.state_dict(), "float32" if size == "full" else "float16") == MANIFESTS[name]["sha256"]
    assert list(network.state_dict()) == [key for key, _ in network.named_parameters()]


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_discriminators(version: str) -> None:
    with torch.device("meta"):
        network = Discriminators(PRESETS[f"{version}-40k"].discriminator)
    assert digest(network.state_dict(), "float32") == MANIFESTS[f"discriminator_{version}"]["sha256"]


def test_the_starter_is_small() -> None:
    with torch.device("meta"):
        networks = Synthesizer(PRESETS["starter"]), Discriminators(PRESETS["starter"].discriminator)
    assert sum(p.numel() for network in networks for p in network.parameters()) < 4_000_000
