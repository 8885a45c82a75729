"""How near each pitch method is to a pitch that is known: recordings are taken apart and built anew by WORLD, with the
pitch that it found, so that every frame of the new wave has it.

    python benchmarks/pitch_accuracy.py RECORDING... [--noise DB] [--room]

Needs pyworld. Prints, of all frames of 10 ms, for each method: the share of voiced frames that it finds; of unvoiced
frames that it calls voiced; of the frames that both call voiced, those over 50 cents off (Salamon and others, 2014: 1
minus raw pitch accuracy) and those over 20 % off (gross pitch error); the median of what the others are off, in cents;
and seconds for each minute of sound. `--noise`: white noise at so many dB below the speech. `--room`: with an echo.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from rvc_engine.audio.io import decode
from rvc_engine.pitch import available_methods, track

RATE, HOP = 16000, 160
SEMITONES = (0.0, -7.0, 5.0)
EDGE = 2  # frames beside a change between voiced and unvoiced, which nobody can place to 10 ms
Wave = NDArray[np.float64]


def rebuilt(wave: Wave, semitones: float) -> tuple[Wave, Wave]:
    """The wave with a pitch moved by `semitones`, and that pitch, 10 ms apart."""
    import pyworld

    rough, times = pyworld.harvest(wave, RATE, f0_floor=60, f0_ceil=800, frame_period=5)
    hz = pyworld.stonemask(wave, rough, times, RATE)
    envelope, noise = pyworld.cheaptrick(wave, hz, times, RATE), pyworld.d4c(wave, hz, times, RATE)
    moved = np.where(noise.min(axis=1) < 0.999, hz, 0.0) * 2 ** (semitones / 12)  # 1 at all frequencies: no voice
    moved[(moved < 55) | (moved > 1000)] = 0
    new = pyworld.synthesize(moved, envelope, noise, RATE, 5)
    return new * (0.5 / max(np.abs(new).max(), 1e-9)), moved[::2]


def disturbed(wave: Wave, noise_db: float | None, room: bool) -> Wave:
    random = np.random.default_rng(0)
    if room:  # an exponential decay of 0.4 s, at a third of the direct sound
        decay = random.normal(size=int(0.4 * RATE)) * 10 ** (-3 * np.arange(int(0.4 * RATE)) / (0.4 * RATE))
        echo = np.convolve(wave, decay)[: len(wave)]
        wave = wave + echo * np.std(wave) / np.std(echo) / 3
    if noise_db is not None:
        wave = wave + random.normal(size=len(wave)) * np.std(wave) * 10 ** (-noise_db / 20)
    return wave


def certain(truth: Wave) -> NDArray[np.bool_]:
    change = np.flatnonzero(np.diff(truth > 0))
    kept = np.ones(len(truth), dtype=bool)
    for frame in change:
        kept[max(0, frame - EDGE + 1) : frame + EDGE + 1] = False
    return kept


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recordings", nargs="+", type=Path)
    parser.add_argument("--noise", type=float)
    parser.add_argument("--room", action="store_true")
    parser.add_argument("--methods", default="")
    parser.add_argument("--semitones", type=float, nargs="*", default=SEMITONES)
    known = parser.parse_args()
    made = [
        rebuilt(decode(path, RATE).astype(np.float64), semitones)
        for path in known.recordings
        for semitones in known.semitones
    ]
    waves = [(disturbed(wave, known.noise, known.room), truth) for wave, truth in made]
    minutes = sum(len(wave) for wave, _ in waves) / RATE / 60
    print(f"{len(known.recordings)} recordings at {list(known.semitones)} semitones, {minutes:.1f} minutes")
    print("method    found %  false %  >50 ct %  >20 % %  median ct  s/min")
    for method in known.methods.split(",") if known.methods else available_methods():
        track(method, waves[0][0])  # what it loads
        begun = time.perf_counter()
        tracks = [track(method, wave) for wave, _ in waves]
        seconds = (time.perf_counter() - begun) / minutes
        ours, truth = [], []
        for found, (_, known_hz) in zip(tracks, waves, strict=True):
            frames = min(len(found), len(known_hz))
            sure = certain(known_hz[:frames])
            ours.append(found[:frames][sure])
            truth.append(known_hz[:frames][sure])
        hz, true = np.concatenate(ours), np.concatenate(truth)
        both = (hz > 0) & (true > 0)
        cents = np.abs(1200 * np.log2(hz[both] / true[both]))
        gross = np.abs(hz[both] / true[both] - 1) > 0.2
        shares = (hz[true > 0] > 0).mean(), (hz[true == 0] > 0).mean(), (cents > 50).mean(), gross.mean()
        print(
            f"{method:9}",
            *(f"{100 * share:8.2f}" for share in shares),
            f"{np.median(cents[cents <= 50]):10.1f} {seconds:6.2f}",
        )


if __name__ == "__main__":
    main()
