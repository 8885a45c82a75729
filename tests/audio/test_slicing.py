"""Filtering and cutting: silences, clips, levels; long recordings like short ones."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from rvc_engine.audio.clipping import ClipRules, StoredWave, clips_of, decode_for_clips, why_no_clip, why_unusable
from rvc_engine.audio.filters import high_pass, high_pass_part
from rvc_engine.audio.io import encode
from rvc_engine.audio.slicing import SilenceRules, cut_clips, frame_rms, level, slice_recording
from tests.conftest import rvc_environment

RULES = ClipRules(sample_rate=16000, silence=SilenceRules())


def bursts(seconds: float, rate: int, seed: int = 0) -> NDArray[np.int16]:
    """Noise under a slow random envelope with pauses, over faint hiss."""
    rng = np.random.default_rng(seed)
    n = int(seconds * rate)
    gates = (
        np.repeat(rng.random(int(seconds) + 1) > 0.3, rate)[:n]
        * np.repeat(rng.uniform(0.3, 1, int(seconds) + 1), rate)[:n]
    )
    wave = rng.normal(size=n) * (0.08 * gates + 0.0005) + 0.05 * np.sin(2 * np.pi * 20 * np.arange(n) / rate)
    return (np.clip(wave, -1, 1) * 32767).astype(np.int16)


@pytest.mark.parametrize("mode", ["zero_phase", "causal", "off"])
def test_the_high_pass_removes_rumble_only(mode: str) -> None:
    t = np.arange(16000) / 16000
    voice, rumble = np.sin(2 * np.pi * 300 * t), np.sin(2 * np.pi * 15 * t)
    left = high_pass((voice + rumble).astype(np.float32), 16000, mode)  # type: ignore[arg-type]
    assert left.dtype == np.float64 and left.shape == t.shape
    error = np.abs(left - voice)[4000:-4000].max()
    assert error > 0.9 if mode == "off" else error < (0.01 if mode == "zero_phase" else 0.6)


def test_zero_phase_shifts_nothing_and_is_the_default() -> None:
    wave = np.sin(2 * np.pi * 100 * np.arange(16000) / 16000)
    assert np.abs(high_pass(wave, 16000) - wave)[4000:-4000].max() < 0.01
    assert np.array_equal(high_pass(wave, 16000), high_pass(wave, 16000, "zero_phase"))
    for samples in range(30):
        assert high_pass(np.ones(samples), 16000).shape == (samples,)


@pytest.mark.parametrize("mode", ["zero_phase", "causal", "off"])
def test_a_part_is_filtered_like_the_whole(mode: str) -> None:
    wave = bursts(40, 8000)
    whole = high_pass(wave / 32768, 8000, mode)  # type: ignore[arg-type]
    for start, end in ((0, 5000), (100000, 160000), (310000, 320000)):
        assert np.abs(high_pass_part(wave, start, end, 8000, mode) - whole[start:end]).max() < 1e-9  # type: ignore[arg-type]


def test_rms_of_blocks_is_rms_of_the_whole() -> None:
    wave = np.random.default_rng(0).normal(size=5003)
    for hop, window in ((100, 400), (100, 50), (7, 28), (240, 960)):
        whole = frame_rms([wave], hop, window)
        assert len(whole) == 1 + (len(wave) + 2 * (window // 2) - window) // hop
        for size in (1, 99, 1024):
            if size > 1 or hop == 100:
                blocks = [wave[first : first + size] for first in range(0, len(wave), size)]
                assert np.array_equal(frame_rms(blocks, hop, window), whole)
        assert whole[3] == pytest.approx(
            np.sqrt(np.mean(np.pad(wave, window)[window + 3 * hop - window // 2 :][:window] ** 2))
        )


def test_slices_are_in_order_and_hold_all_sound() -> None:
    wave = high_pass(bursts(30, 16000) / 32768, 16000)
    spans = slice_recording(wave, 16000, SilenceRules())
    assert len(spans) > 3
    assert all(a < b for a, b in spans) and all(b[0] >= a[1] for a, b in pairwise(spans))
    outside = np.ones(len(wave), bool)
    for start, end in spans:
        outside[start:end] = False
    assert np.sqrt(np.mean(wave[outside] ** 2)) < 10 ** (-42 / 20)


def test_silence_gives_no_slice() -> None:
    assert slice_recording(np.zeros(48000), 16000, SilenceRules()) == []
    assert slice_recording(np.zeros(0), 16000, SilenceRules()) == []


def test_clips_of_one_length_and_a_rest_that_stays_whole() -> None:
    assert cut_clips((0, 172000), 40000, 4.0, 0.3) == [(0, 172000)]
    assert cut_clips((0, 172001), 40000, 4.0, 0.3) == [(0, 160000), (148000, 172001)]
    spans = cut_clips((500, 500 + 40 * 40000), 40000, 4.0, 0.3)
    assert spans[0][0] == 500 and spans[-1][1] == 500 + 40 * 40000
    assert all(after[0] == before[1] - 12000 for before, after in pairwise(spans))
    assert all(end - start <= 172000 for start, end in spans)


def test_level() -> None:
    clip = np.array([0.1, -0.2, 0.05])
    assert level(clip) == pytest.approx(clip / 0.2 * 0.675 + 0.25 * clip)
    assert np.array_equal(level(np.zeros(3)), np.zeros(3))


def test_refused_clips_have_a_reason() -> None:
    loud = np.concatenate([3 * np.sin(np.arange(32000) / 5), np.zeros(16000), 0.3 * np.sin(np.arange(32000) / 5)])
    clips = list(clips_of(loud, RULES))
    assert "too loud" in clips[0].refused and any(not clip.refused for clip in clips)
    short = list(clips_of(0.3 * np.sin(np.arange(3200) / 5), RULES))
    assert [clip.refused for clip in short] == ["too short: 0.20 s, a clip needs 0.45 s"]
    assert "silent" in why_no_clip([], RULES)
    broken = np.full(16000, np.nan)
    assert all(clip.refused for clip in clips_of(broken, replace(RULES, high_pass="off")))


@pytest.mark.parametrize("mode", ["zero_phase", "causal"])
def test_a_long_recording_is_cut_like_a_short_one(tmp_path: Path, mode: str) -> None:
    encode(tmp_path / "a", bursts(150, 16000), 16000, "flac")
    rules = replace(RULES, high_pass=mode, long_s=200.0)
    whole = decode_for_clips(tmp_path / "a", rules, tmp_path / "scratch")
    assert isinstance(whole, np.ndarray)
    streamed_rules = replace(rules, long_s=10.0)
    stored = decode_for_clips(tmp_path / "a", streamed_rules, tmp_path / "scratch")
    assert isinstance(stored, StoredWave) and np.array_equal(stored[:], whole)
    one, other = list(clips_of(whole, rules)), list(clips_of(stored, streamed_rules))
    assert len(one) > 30 and [clip.start for clip in one] == [clip.start for clip in other]
    for a, b in zip(one, other, strict=True):
        assert a.refused == b.refused and len(a.samples) == len(b.samples)
        assert np.abs(a.samples - b.samples).max(initial=0) < 1e-7


def test_readiness_of_one_recording(tmp_path: Path) -> None:
    encode(tmp_path / "good", bursts(30, 16000), 16000, "flac")
    encode(tmp_path / "late", np.concatenate([np.zeros(16000 * 25, np.int16), bursts(5, 16000)]), 16000, "flac")
    encode(tmp_path / "silent", np.zeros(16000 * 30, np.int16), 16000, "flac")
    assert why_unusable(tmp_path / "good", RULES) == ""
    assert why_unusable(tmp_path / "late", RULES) == ""
    assert why_unusable(tmp_path / "late", replace(RULES, long_s=10.0)) == ""
    assert "silent" in why_unusable(tmp_path / "silent", RULES)
    assert "silent" in why_unusable(tmp_path / "silent", replace(RULES, long_s=10.0))


@pytest.mark.soak
def test_three_hours_in_bounded_memory(tmp_path: Path) -> None:
    rate, minute = 48000, bursts(60, 48000)
    encode(tmp_path / "a.flac", np.tile(minute, 180), rate, "flac")
    code = f"""
from pathlib import Path
from rvc_engine.audio.clipping import *
from rvc_engine.audio.io import resample
folder = Path({str(tmp_path)!r})
rules = ClipRules({rate}, SilenceRules())
assert why_unusable(folder / "a.flac", rules) == ""
stored = decode_for_clips(folder / "a.flac", rules, folder / "scratch")
count = sum(len(resample(clip.samples, {rate}, 16000)) > 0 for clip in clips_of(stored, rules))
status = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines())
print(count, int(status["VmHWM"].split()[0]) // 1024)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=rvc_environment(), check=True
    )
    clips, megabytes = map(int, done.stdout.split())
    assert clips > 1000 and megabytes < 450, done.stdout
