"""What is measured in one recording: against known values, and against real speech that was treated in a known way."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import soxr
from scipy import signal
from scipy.io import wavfile

from rvc_engine.audio.bandwidth import SpectrumMeter
from rvc_engine.audio.clipping import ClipRules, clips_of, why_unusable
from rvc_engine.audio.fingerprint import alike
from rvc_engine.audio.flat_tops import FlatTops
from rvc_engine.audio.io import decode, encode
from rvc_engine.audio.lufs import LoudnessMeter, k_weighting
from rvc_engine.audio.slicing import SilenceRules
from rvc_engine.audio.survey import survey
from rvc_engine.errors import UnusableRecording
from rvc_engine.settings import for_preset
from rvc_engine.work.preprocess import clip_rules
from tests.conftest import SAMPLES

RATE = 48000


@pytest.fixture(scope="module")
def voice() -> np.ndarray:
    """(T,) at 48 kHz: three sentences of a real voice, about 12 s, turned up to the level of usual recordings."""
    paths = [SAMPLES / "target" / f"kathleen_arctic_a{number}.flac" for number in ("0013", "0025", "0108")]
    return 2.5 * np.concatenate([decode(path, RATE) for path in paths]).astype(np.float64)


def write(path: Path, samples: np.ndarray, rate: int = RATE) -> Path:
    wavfile.write(path, rate, np.clip(np.rint(samples * 32768), -32768, 32767).astype(np.int16).T)
    return path


# --- loudness ---------------------------------------------------------------------------------------------------------
def tone(seconds: float, dbfs: float, channels: int = 2, rate: int = RATE, hz: float = 1000) -> np.ndarray:
    wave = 10 ** (dbfs / 20) * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)
    return np.tile(wave, (channels, 1))


def lufs(wave: np.ndarray, rate: int = RATE) -> float | None:
    meter = LoudnessMeter(rate, len(wave))
    for start in range(0, wave.shape[1], 77_777):
        meter.add(wave[:, start : start + 77_777])
    return meter.integrated()


def test_the_filter_is_that_of_the_standard() -> None:
    shelf, high_pass = k_weighting(48000)
    np.testing.assert_allclose(shelf[:3], [1.53512485958697, -2.69169618940638, 1.19839281085285], atol=1e-9)
    np.testing.assert_allclose(shelf[4:], [-1.69065929318241, 0.73248077421585], atol=1e-9)
    np.testing.assert_allclose(high_pass, [1.0, -2.0, 1.0, 1.0, -1.99004745483398, 0.99007225036621], atol=1e-9)


@pytest.mark.parametrize("rate", [16000, 32000, 44100, 48000, 96000])
def test_a_full_scale_tone_in_one_channel_is_minus_three(rate: int) -> None:
    assert lufs(tone(5, 0, 1, rate, hz=997), rate) == pytest.approx(-3.01, abs=0.05)


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([(20, -23)], -23.0),
        ([(20, -33)], -33.0),
        ([(10, -36), (60, -23), (10, -36)], -23.0),
        ([(10, -72), (10, -36), (60, -23), (10, -36), (10, -72)], -23.0),
        ([(20, -26), (20.1, -20), (20, -26)], -23.0),
    ],
)
def test_cases_of_ebu_tech_3341(parts: list[tuple[float, float]], expected: float) -> None:
    assert lufs(np.concatenate([tone(seconds, dbfs) for seconds, dbfs in parts], axis=1)) == pytest.approx(
        expected, abs=0.1
    )


def test_nothing_to_hear_has_no_loudness() -> None:
    assert lufs(np.zeros((1, RATE))) is None
    assert lufs(tone(0.3, -10)) is None


# --- bandwidth --------------------------------------------------------------------------------------------------------
def bandwidth(wave: np.ndarray, rate: int = RATE) -> tuple[float, bool]:
    meter = SpectrumMeter(rate)
    meter.add((np.rint(wave * 32768) / 32768).astype(np.float32))
    found = meter.bandwidth()
    assert found is not None
    return found.hz, found.wall


def test_a_whole_recording_reaches_far(voice: np.ndarray) -> None:
    hz, wall = bandwidth(voice)
    assert hz > 20_000 and not wall
    hz, wall = bandwidth(soxr.resample(voice, RATE, 44100), 44100)
    assert hz > 20_000 and not wall, "the filter that every recording at 44.1 kHz has is no fault"


def test_from_16_khz_and_back(voice: np.ndarray) -> None:
    hz, wall = bandwidth(soxr.resample(soxr.resample(voice, RATE, 16000), 16000, RATE))
    assert 7000 <= hz <= 8200 and wall


@pytest.mark.parametrize("cutoff", [5000, 11000, 16000])
def test_after_a_low_pass(voice: np.ndarray, cutoff: int) -> None:
    hz, wall = bandwidth(signal.sosfiltfilt(signal.butter(16, cutoff, fs=RATE, output="sos"), voice))
    assert abs(hz - cutoff) <= 1000 and wall


def test_a_low_pass_under_noise_and_a_whistle(voice: np.ndarray) -> None:
    """The room's hiss that was added later, and a monitor's 15.7 kHz, are not the voice."""
    low = soxr.resample(soxr.resample(voice, RATE, 16000), 16000, RATE)
    hiss = 10 ** (-60 / 20) * np.random.RandomState(0).randn(len(low))
    hz, _ = bandwidth(low + hiss + tone(len(low) / RATE, -50, 1, hz=15_734)[0][: len(low)])
    assert 6500 <= hz <= 8500


@pytest.mark.parametrize(
    ("kbps", "lowest", "highest"), [(32, 8_000, 9_000), (48, 11_000, 12_000), (64, 16_000, 17_000)]
)
def test_of_an_mp3(tmp_path: Path, voice: np.ndarray, kbps: int, lowest: int, highest: int) -> None:
    path = tmp_path / "a.mp3"
    frame = av.AudioFrame.from_ndarray((voice * 32767).astype(np.int16)[None], format="s16", layout="mono")
    frame.sample_rate, frame.time_base = RATE, Fraction(1, RATE)
    with av.open(str(path), "w", format="mp3") as container:
        stream = container.add_stream("libmp3lame", rate=RATE, layout="mono")
        stream.bit_rate = kbps * 1000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    measured = survey(path)
    assert measured.bandwidth is not None and lowest <= measured.bandwidth.hz <= highest and measured.bandwidth.wall
    assert measured.codec.startswith("mp3")


# --- clipping ---------------------------------------------------------------------------------------------------------
def clipped(samples: list[int] | np.ndarray, step: int = 1 << 20) -> int:
    tops = FlatTops()
    wave = np.asarray(samples, dtype=np.int16)
    for start in range(0, len(wave), step):
        tops.add(wave[start : start + step])
    return tops.clipped


@pytest.mark.parametrize("step", [1, 2, 3, 5, 100])
def test_runs_are_counted_across_blocks(step: int) -> None:
    assert clipped([0, 32767, 32767, 0, 32767, 32767, 32767, 32767, 5, -32768, -32768, -32768, 7, 9, 9, 9], step) == 7


def test_a_voice_is_not_clipped_until_it_is(voice: np.ndarray) -> None:
    whole = (voice / np.abs(voice).max() * 32767).astype(np.int16)
    assert clipped(whole) <= 3
    loud = np.clip(whole.astype(int) * 3, -32768, 32767)
    expected = int((np.abs(loud) >= 32767).sum())
    assert 0.8 * expected <= clipped(loud) <= expected
    assert clipped((loud * 0.7).astype(np.int16)) >= 0.8 * expected, "also when it was turned down later"
    assert clipped((whole * 0.3).astype(np.int16)) == 0


# --- a whole recording ------------------------------------------------------------------------------------------------
def test_numbers_of_a_known_recording(tmp_path: Path, voice: np.ndarray) -> None:
    noise = 10 ** (-58 / 20) * np.random.RandomState(0).randn(2 * RATE)
    pause = np.concatenate([noise, 0.9 * (voice - voice.mean()) / np.abs(voice).max(), noise])
    m = survey(write(tmp_path / "a.wav", pause + 0.02))
    assert (m.sample_rate, m.channels, m.codec, m.channel_kind, m.unusable) == (RATE, 1, "pcm_s16le", "mono", "")
    assert m.seconds == pytest.approx(len(pause) / RATE)
    assert m.dc_offset == pytest.approx(0.02, abs=0.001)
    assert m.noise_dbfs == pytest.approx(-58, abs=1.5) and m.snr_db is not None and 25 < m.snr_db < 50
    assert m.peak_dbfs == pytest.approx(20 * np.log10(0.92), abs=0.3)
    assert m.silence_share > 4 / 16
    assert sum(map(len, m.loudest)) == pytest.approx(m.seconds * 16000, rel=0.001)


def test_what_is_usable_is_what_becomes_clips(tmp_path: Path, voice: np.ndarray) -> None:
    rules = clip_rules(for_preset("v2-48k"))
    assert rules == ClipRules(RATE, SilenceRules()), "the survey measures with the defaults of preprocessing"
    gap = np.zeros(3 * RATE)
    path = write(tmp_path / "a.wav", np.concatenate([gap, voice, gap, voice[:60_000], gap, voice, gap]))
    covered = np.zeros(len(decode(path, RATE)), dtype=bool)
    for clip in clips_of(decode(path, RATE), rules):
        covered[clip.start : clip.start + round(clip.seconds * RATE)] |= not clip.refused
    assert survey(path).usable_seconds == pytest.approx(covered.sum() / RATE, abs=0.05)


@pytest.mark.parametrize(("seconds", "level"), [(0.2, 0.5), (3.0, 0.0), (3.0, 0.001)])
def test_reasons_are_those_of_preprocessing(tmp_path: Path, seconds: float, level: float) -> None:
    path = write(tmp_path / "a.wav", level * tone(seconds, 0, 1, hz=220)[0])
    reason = survey(path).unusable
    assert reason and reason == why_unusable(path, ClipRules(40000, SilenceRules()))


def test_a_broken_file_says_why(tmp_path: Path, voice: np.ndarray) -> None:
    encode(tmp_path / "whole.mp3", (voice * 32767).astype(np.int16), RATE, "mp3")
    (tmp_path / "cut.mp3").write_bytes((tmp_path / "whole.mp3").read_bytes()[:60_000])
    with pytest.raises(UnusableRecording, match="ends early"):
        survey(tmp_path / "cut.mp3")


def test_kinds_of_channels(tmp_path: Path, voice: np.ndarray) -> None:
    other = np.roll(voice, RATE)
    kinds = {
        "same": [voice, voice],
        "different": [voice, other],
        "opposite": [voice, -0.9 * voice],
        "one_sided": [voice, 0 * voice],
    }
    for kind, channels in kinds.items():
        m = survey(write(tmp_path / f"{kind}.wav", np.stack(channels) * 0.9))
        assert (m.channel_kind, m.channels) == (kind, 2)
    mono = survey(write(tmp_path / "mono.wav", voice * 0.9))
    same = survey(tmp_path / "same.wav")
    assert mono.sha256 == same.sha256 and mono.loudness_lufs == pytest.approx(same.loudness_lufs), (
        "the same to training"
    )
    assert survey(write(tmp_path / "three.wav", np.stack([voice] * 3))).channels == 3


@pytest.mark.parametrize("rate", [4000, 11025, 192000])
def test_unusual_rates(tmp_path: Path, voice: np.ndarray, rate: int) -> None:
    m = survey(write(tmp_path / "a.wav", soxr.resample(voice[: 4 * RATE], RATE, rate), rate))
    assert m.sample_rate == rate and m.seconds == pytest.approx(4, abs=0.01) and not m.unusable


# --- the same recording twice -----------------------------------------------------------------------------------------
def test_other_formats_of_a_recording_are_alike_and_other_sentences_are_not(tmp_path: Path, speech: list[Path]) -> None:
    paths = sorted((SAMPLES / "target").glob("*.flac"))[:16]
    for name in ("mp3", "ogg", "m4a"):
        encode(tmp_path / f"a.{name}", (decode(paths[0], RATE) * 20000).astype(np.int16), RATE, name)
        paths.append(tmp_path / f"a.{name}")
    measured = [survey(path) for path in paths]
    pairs = alike([m.fingerprint for m in measured], [m.seconds for m in measured])
    assert {i for pair in pairs for i in pair} == {0, 16, 17, 18}
