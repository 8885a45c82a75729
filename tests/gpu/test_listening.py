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
STAGE = """
import json
import shutil
from pathlib import Path
import numpy as np
from rvc_engine.audio.io import write_wav
from rvc_engine.events import ItemSkipped
from rvc_engine.settings import for_preset
from rvc_engine.work import features
from rvc_engine.workspace import Workspace
from tests.gpu import counts
experiment, settings = Workspace(Path({home!r})).experiment("voice"), for_preset({preset!r})
for i in range(16):
    for folder in (experiment.wavs_16k, experiment.ground_truth):
        write_wav(folder / f"0_{{i}}.wav", 0.1 * np.random.RandomState(i).randn(48000), 16000)
settings.features.precision = {precision!r}
folder = experiment.features(settings.model.feature_dim)
list(features.run(experiment, settings))
shutil.rmtree(folder)
features.write_mute = lambda *given: counts.reset()  # it is there, and the encoder has been loaded
skipped = sum(isinstance(event, ItemSkipped) for event in features.run(experiment, settings))
made = len(list(folder.iterdir()))
print(json.dumps({{"made": made, "skipped": skipped, "operations": counts.operations(), **counts.counts()}}))
"""
LITTLE_MEMORY = """
import json
from functools import partial
import numpy as np
import torch
from rvc_engine.content.base import load_encoder
from rvc_engine.content.checked import CheckedEncoder
from rvc_engine.machine.device import use_device
device = use_device("auto")
encoder = CheckedEncoder(partial(load_encoder, "hubert-random-768", None, device, None), "fp32", device)
made = encoder.encode([np.ones(960000, np.float32)] * 16)
again = encoder.encode([np.ones(960000, np.float32)] * 16)
shapes = sorted({{one.shape for one in made + again}})
ran_out = torch.cuda.memory_stats()["num_ooms"]
print(json.dumps({{"shapes": shapes, "together": encoder._together, "ran_out": ran_out}}))
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
from contextlib import suppress
from pathlib import Path
import numpy as np
import torch
from rvc_engine.machine.device import use_device
from rvc_engine.pitch import track
from rvc_engine.pitch.checked import CheckedTracker
from rvc_engine.workspace import Workspace
from tests.gpu import counts
device = use_device("auto")
wave = np.sin(np.arange(32000) / 20).astype(np.float32)
workspace = Workspace(Path({home!r}))
track({method!r}, wave, device=str(device), workspace=workspace)
counts.reset()
hz = track({method!r}, wave, device=str(device), workspace=workspace)
found = {{"frames": len(hz), "operations": counts.operations(), **counts.counts()}}
torch.cuda.empty_cache()
held = [torch.empty(torch.cuda.mem_get_info()[0], dtype=torch.uint8, device=device)]
for size in (1 << 20, 1 << 14):
    with suppress(torch.OutOfMemoryError):
        while True:
            held.append(torch.empty(size, dtype=torch.uint8, device=device))
tracker = CheckedTracker({method!r}, str(device), workspace)
found["full"] = [len(tracker.track([wave[:16000]])[0]), *(note.code for note in tracker.notes())]
print(json.dumps(found))
"""

OVERLAP = """
import json
import threading
from collections import defaultdict
from pathlib import Path
import numpy as np
from rvc_engine.conversion.converter import Converter, Spoken
from rvc_engine.errors import RvcError
from rvc_engine.events import Converted, ItemSkipped
from rvc_engine.settings import ConvertSettings
from rvc_engine.work import convert
from rvc_engine.workspace import Workspace
from tests.tiny_voice import save_voice, save_wave
home = Path({home!r})
waves = [save_wave(home / "in" / f"{{name}}.wav", seconds) for name, seconds in (("b", 0.5), ("c", 0.6), ("d", 0.7))]
(home / "in" / "a.wav").write_bytes(b"RIFF")
name_of = {{round(seconds * 10): name for name, seconds in (("b", 0.5), ("c", 0.6), ("d", 0.7))}}
done, threads, seen = defaultdict(threading.Event), defaultdict(set), []

def noted(what, work, length):
    def watched(*given):
        made = work(*given)
        threads[what].add(threading.current_thread().name.partition("_")[0])
        done[what, name_of[round(length(*given) * 10)]].set()
        return made
    return watched

def speak(self, source, *rest, work=Converter._speak):
    name = name_of[round(len(source) / 1600)]
    for what, other in {{"b": [("read", "c")], "c": [("read", "d"), ("written", "b")], "d": [("written", "c")]}}[name]:
        assert done[what, other].wait(60), (name, what, other)
    seen.append([name, sorted(other for what, other in done if what == "read" and done[what, other].is_set())])
    threads["gpu"].add(threading.current_thread().name.partition("_")[0])
    return work(self, source, *rest)

Converter._track = noted("read", Converter._track, lambda self, source: len(source) / 16000)
Spoken.samples = noted("levelled", Spoken.samples, lambda self: self.seconds)
convert.encode = noted("written", convert.encode, lambda path, samples, rate, format: len(samples) / rate)
Converter._speak = speak
settings, events = ConvertSettings(pitch_method="praat"), []
voice = save_voice(home / "voice.pth", "v2-40k-tiny")
try:
    for event in convert.convert_files(voice, [home / "in"], home / "out", settings, None, Workspace(home)):
        if isinstance(event, Converted | ItemSkipped):
            events.append([type(event).__name__, Path(getattr(event, "source", "") or event.item).stem])
except RvcError as error:
    events.append(str(error.title))
threads = {{what: sorted(names) for what, names in threads.items()}}
print(json.dumps({{"events": events, "seen": seen, "threads": threads}}))
"""


@pytest.mark.parametrize(
    "precision", ["fp16", *(pytest.param(precision, marks=pytest.mark.soak) for precision in ("fp32", "bf16"))]
)
def test_features(on_gpu: OnGpu, precision: str) -> None:
    found = on_gpu(FEATURES.format(precision=precision))
    print(precision, found)
    assert found["shapes"] == [50, 50, 63]
    assert found["waits"] == found["to_gpu"] - 1 == found["from_gpu"] == 1  # the mask of padding is copied too


@pytest.mark.parametrize(
    ("preset", "precision", "operations"),
    [
        ("v2-40k-tiny", "fp16", 80),  # 69 with torch 2.11; 160 in two batches of 8 before
        pytest.param("v2-40k-tiny", "fp32", 70, marks=pytest.mark.soak),
        pytest.param("starter", "fp16", 140, marks=pytest.mark.soak),  # 122; 1952 one by one before
    ],
)
def test_clips_of_one_length_go_together(
    on_gpu: OnGpu, tmp_path: Path, preset: str, precision: str, operations: int
) -> None:
    """Sixteen clips: as many operations, copies and waits as one has."""
    found = on_gpu(STAGE.format(home=str(tmp_path), preset=preset, precision=precision))
    print(preset, precision, found)
    assert found["made"] == 16 and not found["skipped"]
    assert found["operations"] <= operations
    assert found["waits"] == found["to_gpu"] == found["from_gpu"] == 1 and not found["from_pageable"]


@pytest.mark.soak
def test_memory_that_runs_out_halves_the_batch(on_gpu: OnGpu) -> None:
    found = on_gpu(LITTLE_MEMORY.format(), gigabytes=0.3)
    print(found)
    assert found["shapes"] == [[3000, 768]] and found["together"] in (1, 2, 4, 8)
    assert 1 <= found["ran_out"] <= 5


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
    assert found["waits"] <= 2 and not found["from_pageable"]  # for the content, and for the samples; 8 before
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
    # others hold nearly all of the memory by then; CREPE does with what it has itself
    assert found["full"] == [100, *([] if method == "crepe" else ["pitch.on_cpu"])]


@pytest.mark.soak
def test_files_are_read_and_written_while_the_gpu_converts(on_gpu: OnGpu, tmp_path: Path) -> None:
    """The GPU's work on each waits here for the next one's pitch, which a CPU tracks, and for the last one's file."""
    found = on_gpu(OVERLAP.format(home=str(tmp_path)))
    converted = [["Converted", name] for name in "bcd"]
    assert found["events"] == [["ItemSkipped", "a"], *converted, "1 of 4 recordings could not be converted"]
    assert found["seen"] == [["b", ["b", "c"]], ["c", ["b", "c", "d"]], ["d", ["b", "c", "d"]]], "one ahead, no more"
    assert found["threads"] == {
        "read": ["reader"],
        "gpu": ["MainThread"],
        "levelled": ["writer"],
        "written": ["writer"],
    }
