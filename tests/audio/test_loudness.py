"""Loudness: envelopes block by block, mixing, and 16-bit numbers."""

import numpy as np
import pytest

from rvc_engine.audio.loudness import EnvelopeMeter, change_rms, envelope, mix_gain, to_int16
from rvc_engine.conversion.result import Result


def noise(length, seed=0):
    return (0.2 * np.random.RandomState(seed).randn(length)).astype(np.float32)


@pytest.mark.parametrize("length", [0, 1, 7999, 8000, 8001, 40_000])
def test_envelope_is_the_rms_of_centred_seconds(length):
    wave = noise(length)
    padded = np.pad(wave.astype(np.float64), 8000)
    expected = [np.sqrt(np.mean(padded[k * 8000 : k * 8000 + 16000] ** 2)) for k in range(1 + length // 8000)]
    np.testing.assert_allclose(envelope(wave, 16000), expected, rtol=1e-9)
    meter = EnvelopeMeter(16000)
    for start in range(0, length, 999):
        meter.add(wave[start : start + 999])
    np.testing.assert_allclose(meter.envelope(), expected, rtol=1e-9)


def test_mixing():
    source, result = noise(32_000) * 0.1, noise(80_000, 1)
    np.testing.assert_array_equal(change_rms(source, 16000, result, 40000, 1), result)
    taken = change_rms(source, 16000, result, 40000, 0)
    np.testing.assert_allclose(envelope(taken, 40000)[1:-1], envelope(source, 16000)[1:-1], rtol=0.1)
    assert not change_rms(np.zeros(32_000), 16000, result, 40000, 0.25).any()
    assert np.isfinite(change_rms(source, 16000, np.zeros(80_000, np.float32), 40000, 0)).all()


def test_int16():
    assert to_int16(np.array([0.5, -0.50001, 0.99, 3e-5], np.float32), 40000).tolist() == [16384, -16384, 32440, 0]
    assert to_int16(np.array([1.7, -1.7, 0.85], np.float32), 40000).tolist() == [32440, -32440, 16220]
    assert len(to_int16(noise(40_001), 40000, 44100)) == -(-40_001 * 441 // 400)
    assert to_int16(np.zeros(0, np.float32), 40000, 48000).shape == (0,)
    with pytest.raises(ValueError):
        to_int16(np.array([np.nan], np.float32), 40000)


@pytest.mark.parametrize("target", [0, 44100, 16000])
@pytest.mark.parametrize("rate", [1.0, 0.25])
def test_a_result_in_pieces_equals_the_whole(target, rate):
    source, wave = noise(700_000 * 2 // 5) * 0.3, 3 * noise(700_000, 2)
    with Result(40000) as result:
        for start in range(0, len(wave), 123_457):
            result.add(wave[start : start + 123_457])
        pieces = result.finish(envelope(source, 16000), rate, target)
    gain = mix_gain(envelope(source, 16000), envelope(wave, 40000), rate, 0, len(wave), len(wave))
    whole = to_int16(wave * gain if rate != 1 else wave, 40000, target)
    assert len(pieces) == len(whole)
    assert np.abs(pieces.astype(int) - whole).max() <= 1
