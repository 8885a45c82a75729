"""How high a voice is: the pitch of its recordings, and how far another recording has to be transposed to meet it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rvc_engine.common.arrays import read_array
from rvc_engine.common.opening import open_file
from rvc_engine.errors import BadInput, RvcError, UnusableRecording, reason_of
from rvc_engine.messages import NOTHING, Message

Range = tuple[float, float, float]
"""10th percentile, median and 90th percentile of the voiced frames, Hz."""

LONGEST_S = 300
FEWEST_FRAMES = 20
HIGHEST_HZ = 20_000


def range_of(hz: NDArray[np.floating]) -> Range | None:
    """(F,) Hz, 0 where unvoiced. None with less than 0.2 s of voice."""
    voiced = hz[(hz > 0) & (hz < HIGHEST_HZ)]
    if len(voiced) < FEWEST_FRAMES:
        return None
    low, median, high = (round(float(value), 1) for value in np.percentile(voiced, (10, 50, 90)))
    return low, median, high


def range_of_clips(pitch_folder: Path, voicing_folder: Path, clips: Iterable[str]) -> Range | None:
    """Of the clips of an experiment; frames that were filled are left out where the voicing is known. Files that do not
    read are too."""
    found = []
    for clip in clips:
        try:
            hz = read_array(pitch_folder / f"{clip}.wav.npy", 1, kinds="f")
        except RvcError:
            continue
        with suppress(RvcError):  # a program that keeps no voicing made it
            voiced = read_array(voicing_folder / f"{clip}.wav.npy", 1, kinds="biu")
            hz = hz[: len(voiced)][voiced[: len(hz)].astype(bool)]
        found.append(hz)
    return range_of(np.concatenate(found)) if found else None


def _loaded(path: Path) -> NDArray[Any]:
    with open_file(path) as file:
        return np.asarray(np.load(file))


def range_of_recording(path: Path) -> Range:
    """Of its first five minutes, by Praat. Raises BadInput when it cannot be decoded or nobody speaks in it."""
    from rvc_engine.audio.io import decode
    from rvc_engine.pitch import track

    if not path.is_file():
        raise BadInput("common.no_file", NOTHING, Message("common.check_path"), path=path)
    try:
        wave = decode(path, 16000)[: LONGEST_S * 16000]
    except (UnusableRecording, OSError) as error:
        raise BadInput("voices.recording_unusable", reason_of(error), path=path) from error
    found = range_of(track("praat", wave))
    if found is None:
        raise BadInput("voices.no_pitch_found", path=path)
    return found


def semitones(source: Range, voice: Range) -> int:
    """From one median to the other, in whole semitones."""
    return round(12 * math.log2(voice[1] / source[1]))
