"""fairseq itself against our network, in an environment of its own that RVC_FAIRSEQ_PYTHON names. fairseq is not needed
for anything else.

    python3.10 -m venv FOLDER && FOLDER/bin/pip install "pip<24.1" && FOLDER/bin/pip install -r
    tests/parity/fairseq/requirements.txt RVC_FAIRSEQ_PYTHON=FOLDER/bin/python pytest tests/parity/fairseq

RVC_FAIRSEQ_CHECKPOINTS may name further checkpoints, such as a downloaded hubert_base.pt, with colons between them.
"""

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch

from rvc_engine.content.hubert import frame_mask, read_hubert
from tests.models.hubert.files import HALF, OLD

PYTHON = os.environ.get("RVC_FAIRSEQ_PYTHON", "")
MORE = [Path(name) for name in os.environ.get("RVC_FAIRSEQ_CHECKPOINTS", "").split(os.pathsep) if name]
pytestmark = pytest.mark.skipif(not PYTHON, reason="RVC_FAIRSEQ_PYTHON names no Python that has fairseq")
CONVOLUTIONS = "[(24,10,5)] + [(24,3,2)] * 4 + [(24,2,2)] * 2"
SIZES = {
    "encoder_layers": 3,
    "encoder_embed_dim": 48,
    "encoder_ffn_embed_dim": 96,
    "encoder_attention_heads": 4,
    "final_dim": 16,
    "conv_pos": 16,
    "conv_pos_groups": 4,
    "conv_feature_layers": CONVOLUTIONS,
}
KINDS = {
    "small": {},
    "large": {"extractor_mode": "layer_norm", "layer_norm_first": True, "conv_bias": True, "untie_final_proj": True},
    "unprojected": {"conv_feature_layers": CONVOLUTIONS.replace("24", "48"), "final_dim": 0},
    "odd": {"conv_pos": 15, "target_glu": True},
    "full": {},
}


FULL = {"final_dim": 256, "untie_final_proj": True}  # RVC's own size: everything else is fairseq's default


def reference(*words):
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    environment.pop("PYTHONPATH", None)
    command = [PYTHON, str(Path(__file__).with_name("reference.py")), *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]


def compare(checkpoint, folder):
    generator = np.random.default_rng(5)
    source = 0.2 * generator.standard_normal((2, 20800)).astype(np.float32)
    mask = np.arange(20800) >= np.array([20800, 11200])[:, None]
    source[mask] = 0
    np.savez(folder / "waves.npz", source=source, padding_mask=mask)
    reference("features", checkpoint, folder / "waves.npz", folder / "features.npz")
    network = read_hubert(checkpoint)
    with torch.inference_mode():
        layers = network.extract(torch.from_numpy(source), torch.from_numpy(mask))
        projected = network.final_proj(layers[-1])
    whole = ~frame_mask(torch.from_numpy(mask), layers[0].shape[1]).numpy()
    with np.load(folder / "features.npz") as wanted:
        far = np.abs(torch.stack(layers).numpy() - wanted["layers"])[:, whole].max(axis=(1, 2))
        assert far.max() < 1e-4, far
        assert np.abs(projected.numpy() - wanted["projected"])[whole].max() < 1e-4
    print(f"{checkpoint}: at most {far.max():.1e} away from fairseq")


@pytest.mark.parametrize("checkpoint", [HALF, OLD, *MORE], ids=lambda path: path.name)
def test_checkpoints(checkpoint, tmp_path):
    compare(checkpoint, tmp_path)


@pytest.mark.parametrize("kind", KINDS)
def test_networks_of_other_kinds(kind, tmp_path):
    options = {"model": FULL if kind == "full" else {**SIZES, **KINDS[kind]}, "task": {"normalize": kind == "large"}}
    (tmp_path / "options.json").write_text(json.dumps(options))
    reference("make", tmp_path / "options.json", tmp_path / "made.pt")
    compare(tmp_path / "made.pt", tmp_path)
    assert bool(read_hubert(tmp_path / "made.pt").config.wave_eps) is (kind == "large")
