"""Pitch by Praat's autocorrelation (parselmouth), with the parameters that RVC gives it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rvc_engine.pitch.base import Hz, OneByOne, Wave
from rvc_engine.pitch.coarse import CEILING_HZ, FLOOR_HZ


def praat_frames(wave_16k: NDArray[np.floating]) -> NDArray[np.float64]:
    """Praat's own frames, 10 ms apart, 0 = unvoiced: fewer than T // 160, none where the wave is shorter than three
    periods."""
    import parselmouth

    sound = parselmouth.Sound(np.asarray(wave_16k, dtype=np.float64), sampling_frequency=16000)
    try:
        pitch = sound.to_pitch_ac(time_step=0.01, voicing_threshold=0.6, pitch_floor=FLOOR_HZ, pitch_ceiling=CEILING_HZ)
    except parselmouth.PraatError:  # its only complaint here is that the wave is too short
        return np.zeros(0)
    return np.asarray(pitch.selected_array["frequency"], dtype=np.float64)


class Praat(OneByOne):
    package = "parselmouth"
    install = "praat-parselmouth"

    def preference(self, preset: str) -> int:
        return 30 if preset.startswith("starter") else 10

    def track_one(self, wave: Wave, frames: int, device: str) -> Hz:
        """Frames that Praat lacks are added on both sides, one more on the left when they are odd."""
        f0 = praat_frames(wave)[:frames]
        missing = frames - len(f0)
        left = (missing + 1) // 2
        return np.pad(f0, (left, missing - left))
