"""`mel-256-1`: content features from the spectral envelope alone, without weights or downloads.

What the words are lies in the shape of the short-time spectrum and in its movement; who speaks lies mostly in the pitch, the level and
the long-term mean of that shape. So each 20 ms frame keeps 16 cepstra of the envelope over the harmonics' peaks (pitch removed), its
level relative to the loud parts around it, and how periodic it is (whether voiced, not at which pitch). Means and spreads over the
surrounding seconds are taken out. Nine frames are stacked and rotated to 256 numbers. Clips and long recordings see the same
statistics, because these come from a running window, not from the whole file.
"""

from __future__ import annotations

import numpy as np
from scipy.fft import dct, irfft, rfft
from scipy.ndimage import percentile_filter, uniform_filter1d

RATE = 16000
HOP = 320  # samples between frames
WINDOW = 512
DIM = 256
CEPSTRA = 16
MELS = 40
LIFTER = 28  # quefrencies kept of the envelope: 1.75 ms, below the period of any voice under 500 Hz
PASSES = 6  # of the envelope's rise to the harmonics' peaks
CONTEXT = (1.0, 0.85, 0.7, 0.55, 0.4)  # weight of the frames 0..4 away
STATISTICS_FRAMES = 301  # running window of 6 s
PRIOR_FRAMES = 100.0  # the prior counts as 2 s of speech, so that short clips stay near it
QUIET_DB = -45.0  # a recording whose loudest parts are below this is silence
SPEECH_DB = -30.0  # relative to the loud parts; softer frames count as pauses
SEED = 2561

# Mean and spread of the cepstra in speech frames, over one recording of each of 60 readers.
PRIOR_MEAN = np.array([7.85, 0.45, 1.69, -0.24, -0.08, -0.14, -0.02, 0.05, 0.01, 0.02, -0.03, 0.02, 0.01, -0.03, 0.03, -0.02])
PRIOR_STD = np.array([4.54, 2.1, 1.66, 1.13, 0.87, 0.66, 0.54, 0.46, 0.4, 0.35, 0.3, 0.25, 0.22, 0.19, 0.17, 0.15])
# High cepstra say little of the words and much of the speaker: unweighted, the same sentence of two speakers comes out further apart.
CEPSTRUM_WEIGHTS = 1.5 / np.sqrt(1 + np.arange(CEPSTRA) / 3)


def encode(wave: np.ndarray) -> np.ndarray:
    """(T,) at 16 kHz -> (ceil(T / 320), 256) float32. Frame k describes the samples 320 k .. 320 (k + 1)."""
    frames = _frames(np.asarray(wave, dtype=np.float64))
    spectrum = rfft(frames * np.hanning(WINDOW + 1)[:-1], axis=1)
    power = spectrum.real**2 + spectrum.imag**2
    level = _relative_level(power)
    cepstra = _normalise(_cepstra(power), level) * CEPSTRUM_WEIGHTS
    periodicity = _periodicity(power) * _gate(level)
    rows = np.concatenate([cepstra, level[:, None] / 10.0, 2.0 * periodicity[:, None]], axis=1)
    return (_stack(rows) @ projection()).astype(np.float32)


def projection() -> np.ndarray:
    """(stacked width, 256) with orthonormal rows: distances stay what they are."""
    width = (CEPSTRA + 2) * (2 * len(CONTEXT) - 1)
    q, r = np.linalg.qr(np.random.RandomState(SEED).standard_normal((DIM, DIM)))
    rotation: np.ndarray = (q * np.sign(np.diag(r)))[:width]
    return rotation


def _frames(wave: np.ndarray) -> np.ndarray:
    """(T,) -> (F50, WINDOW), frame k centred at sample 320 k + 160; zeros beyond the ends."""
    count = -(-len(wave) // HOP)
    left = (WINDOW - HOP) // 2
    padded = np.zeros((count - 1) * HOP + WINDOW)
    padded[left : left + len(wave)] = wave[: len(padded) - left]
    return np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP]


def _relative_level(power: np.ndarray) -> np.ndarray:
    """(F50,) dB relative to the loud parts of the surrounding 6 s, from -60 to about 5."""
    level = 10 * np.log10(power.sum(axis=1) / (WINDOW**2 * 0.1875) + 1e-10)
    loud = percentile_filter(level, 95, size=min(STATISTICS_FRAMES, 2 * len(level) + 1), mode="reflect")
    relative: np.ndarray = np.maximum(level - np.maximum(loud, QUIET_DB), -60.0)
    return relative


def _gate(level: np.ndarray) -> np.ndarray:
    """1 in speech, 0 in pauses."""
    return 1 / (1 + np.exp(-(level - SPEECH_DB) / 3.0))


def _cepstra(power: np.ndarray) -> np.ndarray:
    """(F50, bins) -> (F50, CEPSTRA): the mel cepstrum, without its first term, of the envelope through the harmonics' peaks.

    The envelope is found as in the 'true envelope' method: smooth the log spectrum by its low quefrencies, put back the spectrum
    where it stands above, and repeat.
    """
    logs = 0.5 * np.log(power + 1e-9)
    lifter = np.zeros(WINDOW)
    lifter[:LIFTER] = 0.5 + 0.5 * np.cos(np.pi * np.arange(LIFTER) / LIFTER)
    lifter[-LIFTER + 1 :] = lifter[1:LIFTER][::-1]
    smooth = raised = logs
    for _ in range(PASSES):
        # A real and even spectrum: its cepstrum is the real inverse transform.
        smooth = rfft(irfft(raised, n=WINDOW, axis=1) * lifter, axis=1).real
        raised = np.maximum(logs, smooth)
    return dct(smooth @ _mel_weights(), type=2, norm="ortho", axis=1)[:, 1 : CEPSTRA + 1]


def _mel_weights() -> np.ndarray:
    """(bins, MELS) triangles on the mel scale from 60 Hz to 7600 Hz, each summing to 1."""
    edges = 700 * (np.exp(np.linspace(np.log1p(60 / 700), np.log1p(7600 / 700), MELS + 2)) - 1)
    hertz = np.arange(WINDOW // 2 + 1) * RATE / WINDOW
    rising = (hertz[:, None] - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - hertz[:, None]) / (edges[2:] - edges[1:-1])
    weights = np.maximum(np.minimum(rising, falling), 0) + 1e-6
    normal: np.ndarray = weights / weights.sum(axis=0)
    return normal


def _periodicity(power: np.ndarray) -> np.ndarray:
    """(F50,) highest normalised autocorrelation at lags of 2.2 .. 14 ms, 0 .. 1. The window's own taper is divided out."""
    correlation = irfft(power, n=WINDOW, axis=1)
    window = np.hanning(WINDOW + 1)[:-1]
    taper = irfft(np.abs(rfft(window)) ** 2, n=WINDOW)
    lags = slice(35, 224)
    peak = (correlation[:, lags] / (taper[lags] / taper[0])).max(axis=1)
    return np.clip(peak / (correlation[:, 0] + 1e-6), 0.0, 1.0)


def _normalise(cepstra: np.ndarray, level: np.ndarray) -> np.ndarray:
    """Take out mean and spread of the speech frames in the running window, shrunk towards those of speech at large; pauses go to 0."""
    weight = _gate(level)[:, None]
    size = STATISTICS_FRAMES

    def total(values: np.ndarray) -> np.ndarray:
        return uniform_filter1d(values, size, axis=0, mode="constant") * size

    count = total(weight)
    mean = (total(weight * cepstra) + PRIOR_FRAMES * PRIOR_MEAN) / (count + PRIOR_FRAMES)
    square = total(weight * (cepstra - PRIOR_MEAN) ** 2) - count * (total(weight * cepstra) / (count + 1e-9) - PRIOR_MEAN) ** 2
    std = np.sqrt((np.maximum(square, 0) + PRIOR_FRAMES * PRIOR_STD**2) / (count + PRIOR_FRAMES))
    return weight * (cepstra - mean) / std


def _stack(rows: np.ndarray) -> np.ndarray:
    """(F50, C) -> (F50, 9 C): each frame with the four before and after it; the first and last are repeated beyond the ends."""
    reach = len(CONTEXT) - 1
    index = np.arange(len(rows))
    shifted = [CONTEXT[abs(k)] * rows[np.clip(index + k, 0, len(rows) - 1)] for k in range(-reach, reach + 1)]
    return np.concatenate(shifted, axis=1)
