"""Features, pitch and conversion on a simulated GPU: they run, in every precision, and features are copied back in one
piece."""

from __future__ import annotations

from pathlib import Path

import pytest

from rvc_engine.workspace import Workspace
from tests.gpu.conftest import OnGpu

FEATURES = """
import json
import numpy as np
from rvc_engine.content.base import load_encoder
from rvc_engine.machine.device import use_device
from tests.gpu import counts
device = use_device("auto")
encoder = load_encoder("hubert-random-768", None, device, None, {precision!r})
waves = [np.ones(length, np.float32) for length in (16000, 16000, 20000)]
encoder.encode(waves)
counts.reset()
made = encoder.encode(waves)
print(json.dumps({{"shapes": [len(one) for one in made], "operations": counts.operations(), **counts.counts()}}))
"""
CONVERT = """
import json
from pathlib import Path
import numpy as np
from rvc_engine.content.base import load_encoder
from rvc_engine.conversion.converter import Converter
from rvc_engine.machine.device import use_device
from rvc_engine.settings import ConvertSettings
from rvc_engine.voices.small_model import read_voice
from tests.gpu import counts
from tests.tiny_voice import save_voice
device = use_device("auto")
voice = read_voice(save_voice(Path({folder!r}) / "voice.pth", {preset!r}, pitch={pitch}))
settings = ConvertSettings(pitch_method="praat", precision={precision!r})
encoder = load_encoder(voice.config.encoder, None, device, None, {precision!r})
converter = Converter(voice, encoder, None, settings, device)
wave = np.sin(np.arange(32000) / 20).astype(np.float32)
converter.convert(wave)
counts.reset()
made = converter.convert(wave)
plan = [converter.plan.pad, converter.plan.center]
print(json.dumps({{"samples": len(made), "rate": converter.sample_rate, "plan": plan, **counts.counts()}}))
"""
PITCH = """
import json
from pathlib import Path
import numpy as np
from rvc_engine.machine.device import use_device
from rvc_engine.pitch import track
from rvc_engine.workspace import Workspace
from tests.gpu import counts
device = use_device("auto")
wave = np.sin(np.arange(32000) / 20).astype(np.float32)
workspace = Workspace(Path({home!r}))
track({method!r}, wave, device=str(device), workspace=workspace)
counts.reset()
hz = track({method!r}, wave, device=str(device), workspace=workspace)
print(json.dumps({{"frames": len(hz), "operations": counts.operations(), **counts.counts()}}))
"""


@pytest.mark.parametrize(
    "precision", ["fp16", *(pytest.param(precision, marks=pytest.mark.soak) for precision in ("fp32", "bf16"))]
)
def test_features(on_gpu: OnGpu, precision: str) -> None:
    found = on_gpu(FEATURES.format(precision=precision))
    print(precision, found)
    assert found["shapes"] == [50, 50, 63]
    assert found["waits"] <= 2 and found["from_gpu"] == 1


@pytest.mark.parametrize(
    ("preset", "pitch", "precision"),
    [
        ("v2-40k-tiny", True, "fp16"),
        *(pytest.param("v2-40k-tiny", True, one, marks=pytest.mark.soak) for one in ("fp32", "bf16")),
        *(pytest.param("starter-tiny", pitch, "fp16", marks=pytest.mark.soak) for pitch in (True, False)),
        pytest.param("v1-48k-tiny", True, "fp32", marks=pytest.mark.soak),
    ],
)
def test_convert(on_gpu: OnGpu, tmp_path: Path, preset: str, pitch: bool, precision: str) -> None:
    found = on_gpu(CONVERT.format(folder=str(tmp_path), preset=preset, pitch=pitch, precision=precision))
    print(preset, pitch, precision, found)
    assert found["samples"] == 2 * found["rate"]
    assert found["plan"] == ([1, 38] if precision == "fp32" else [3, 60])


@pytest.mark.parametrize(
    "method", ["fcpe", *(pytest.param(method, marks=pytest.mark.soak) for method in ("crepe", "rmvpe"))]
)
def test_pitch(on_gpu: OnGpu, rmvpe_home: Workspace, method: str) -> None:
    if method != "rmvpe":
        pytest.importorskip(f"torch{method}")
    found = on_gpu(PITCH.format(home=str(rmvpe_home.home), method=method))
    print(method, found)
    assert found["frames"] == 200
