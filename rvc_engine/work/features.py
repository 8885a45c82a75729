"""Content features of each clip, 50 frames a second, and the clip of silence that keeps silence silent in training."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rvc_engine.audio.io import read_16k, write_wav
from rvc_engine.common.arrays import save_array, why_not_saved
from rvc_engine.common.opening import size_of
from rvc_engine.common.overlap import WriteBehind, read_ahead
from rvc_engine.content.base import TOGETHER, LoadedEncoder, check_encoder, load_encoder
from rvc_engine.content.checked import CheckedEncoder
from rvc_engine.disk import remove_temporaries, sha256_of
from rvc_engine.errors import RvcError, UnusableRecording
from rvc_engine.events import Event, ItemSkipped, Progressed, Warned
from rvc_engine.experiment import Experiment
from rvc_engine.files.weights import metadata_of
from rvc_engine.machine.device import (
    choose_device,
    each_on_a_core,
    free_bytes,
    listening_precision,
    memory_errors,
    use_device,
)
from rvc_engine.messages import NOTHING, Message, message_of
from rvc_engine.messages.message import cause_of, fix_of
from rvc_engine.registry import CONTENT_ENCODERS
from rvc_engine.settings import ExperimentSettings

if TYPE_CHECKING:
    import torch

ON_CPU = 8
"""Clips between two looks at whether the run is to stop, on a CPU."""
BYTES_PER_BYTE = 260
"""Of a GPU's memory, for a byte of a clip's file. HuBERT base takes 258 in fp16, 206 in float32 (32 clips of 3 s)."""
MUTE_S = 3

Made = dict[str, NDArray[np.float32] | Message]
"""Of each clip its samples or its features, or why it has none."""


def check_ready(experiment: Experiment, settings: ExperimentSettings, *, fresh: bool = False) -> None:
    """Raises BadInput when the encoder's weights are not there, before anything is written."""
    if not is_own(settings):  # of a base, which its own stage makes
        check_encoder(settings.model.encoder, experiment.workspace)
    listening_precision(settings.features.precision, choose_device(settings.features.device))


def is_own(settings: ExperimentSettings) -> bool:
    """Does this experiment train or take the content encoder itself?"""
    return settings.base and settings.model.own_encoder


def other_encoder(experiment: Experiment, settings: ExperimentSettings, base: Path) -> Message:
    """That a base's G or D, which says what it was trained with, does not fit this experiment's features; empty where
    it does."""
    if base.suffix != ".safetensors" or not settings.model.own_encoder:
        return NOTHING
    made_by = metadata_of(base).get("encoder_sha256", "")
    used = experiment.own_encoder if is_own(settings) else _of_preset(experiment, settings)
    if not made_by or used is None or not used.is_file() or sha256_of(used) == made_by:
        return NOTHING
    return Message("work.other_encoder", path=base, used=used)


def _of_preset(experiment: Experiment, settings: ExperimentSettings) -> Path | None:
    return CONTENT_ENCODERS.get(settings.model.encoder).find_weights(experiment.workspace)


def run(experiment: Experiment, settings: ExperimentSettings) -> Iterator[Event]:
    """1_16k_wavs/{clip}.wav -> 3_featureD/{clip}.npy, (ceil(T / 320), D) float32. Clips that have theirs are left as
    they are.

    Raises RvcError when no clip gives features.
    """
    folder = experiment.features(settings.model.feature_dim)
    folder.mkdir(parents=True, exist_ok=True)
    remove_temporaries(folder)
    clips = experiment.clips()
    waiting = [clip for clip in clips if not (folder / f"{clip}.npy").is_file()]
    done = len(clips) - len(waiting)
    yield Progressed(stage="features", done=done, total=len(clips), unit="clips")
    own = experiment.own_encoder if is_own(settings) and experiment.own_encoder.is_file() else None
    device = use_device(settings.features.device)
    precision = listening_precision(settings.features.precision, device)
    load = partial(load_encoder, settings.model.encoder, experiment.workspace, device, own)
    encoder = CheckedEncoder(load, precision, device)
    write_mute(experiment, settings, encoder)
    failed = 0
    for clip, reason in _work(experiment, folder, encoder, device, waiting):
        if reason:
            failed += 1
            yield ItemSkipped(stage="features", item=clip, reason=reason)
        done += 1
        yield Progressed(stage="features", done=done, total=len(clips), unit="clips", item=clip)
        for note in encoder.notes():
            yield Warned(title=note, message=cause_of(note), hint=fix_of(note), stage="features")
    if failed == len(clips):
        raise RvcError("work.no_features", Message("work.clips_tried", count=failed))


def artefacts(experiment: Experiment, settings: ExperimentSettings) -> list[Path]:
    return []


def write_mute(experiment: Experiment, settings: ExperimentSettings, encoder: LoadedEncoder) -> None:
    """Three seconds of silence in the experiment's own layout, unless it is there."""
    model = settings.model
    last = experiment.mute / f"3_feature{model.feature_dim}" / "mute.npy"
    if last.is_file():
        return
    silence = np.zeros(MUTE_S * 16000, dtype=np.float32)
    write_wav(
        experiment.mute / "0_gt_wavs" / "mute.wav",
        np.zeros(MUTE_S * model.sample_rate, dtype=np.float32),
        model.sample_rate,
    )
    write_wav(experiment.mute / "1_16k_wavs" / "mute.wav", silence, 16000)
    if model.pitch:
        save_array(experiment.mute / "2a_f0" / "mute.wav.npy", np.ones(MUTE_S * 100, dtype=np.int64))
        save_array(experiment.mute / "2b-f0nsf" / "mute.wav.npy", np.zeros(MUTE_S * 100))
    save_array(last, encoder.encode([silence])[0])


# --- clips ------------------------------------------------------------------------------------------------------------
def batches(sizes: dict[str, int], most: int, bytes_together: int = 0) -> list[list[str]]:
    """Clips, by the sizes of their files, that go through the network together: `most` of one size, and what is left
    over with others of about its size. `bytes_together`: more than one clip only up to so many; 0: any."""

    def limit(size: int) -> int:
        return max(1, min(most, bytes_together // size)) if bytes_together and size else most

    parts: list[list[str]] = []
    rest: list[str] = []
    for size, same in groupby(sorted(sizes, key=sizes.__getitem__), key=sizes.__getitem__):
        some, together = list(same), limit(size)
        whole = len(some) // together * together
        parts += [some[first : first + together] for first in range(0, whole, together)]
        rest += some[whole:]
    mixed: list[str] = []
    for clip in rest:
        if len(mixed) >= limit(sizes[clip]):
            parts.append(mixed)
            mixed = []
        mixed.append(clip)
    return [*parts, mixed] if mixed else parts


def _work(
    experiment: Experiment, folder: Path, encoder: LoadedEncoder, device: torch.device, clips: list[str]
) -> Iterator[tuple[str, Message]]:
    """Each clip when its file is there, or with the reason why it cannot be. On a GPU files are read and written
    meanwhile."""
    sizes = {clip: size_of(experiment.wavs_16k / f"{clip}.wav") for clip in clips}
    on_gpu = device.type != "cpu"
    parts = batches(sizes, TOGETHER, free_bytes(device) // 2 // BYTES_PER_BYTE) if on_gpu else batches(sizes, ON_CPU)
    read = partial(_read, experiment.wavs_16k)
    with (
        WriteBehind[tuple[str, Message]](threaded=on_gpu) as written,
        closing(read_ahead(read, parts, threaded=on_gpu)) as reading,
    ):
        for take in reading:
            made = _encode(encoder, device, take())
            yield from written.put(partial(_save, folder, made))
        yield from written.rest()


def _read(wavs: Path, clips: list[str]) -> Made:
    waves: Made = {}
    for clip in clips:
        try:
            waves[clip] = read_16k(wavs / f"{clip}.wav")
        except UnusableRecording as error:
            waves[clip] = message_of(error)
    return waves


def _encode(encoder: LoadedEncoder, device: torch.device, clips: Made) -> Made:
    waves = {clip: wave for clip, wave in clips.items() if not isinstance(wave, Message)}
    with memory_errors(lambda known: RvcError("work.out_of_memory_in_encoder", known.message)):
        results = _features(encoder, device, list(waves.values()))
    return {**clips, **dict(zip(waves, results, strict=True))}


def _features(
    encoder: LoadedEncoder, device: torch.device, waves: list[NDArray[np.float32]]
) -> Iterable[NDArray[np.float32] | Message]:
    """Of each wave; an encoder that refuses a few together gets each alone, to know which it refuses."""

    def alone(wave: NDArray[np.float32]) -> NDArray[np.float32] | Message:
        try:
            return encoder.encode([wave])[0]
        except ValueError as error:
            return message_of(error)

    if device.type == "cpu":
        return each_on_a_core(alone, waves)
    try:
        return encoder.encode(waves)
    except ValueError:
        return [alone(wave) for wave in waves]


def _save(folder: Path, made: Made) -> Iterator[tuple[str, Message]]:
    for clip, features in made.items():
        if isinstance(features, Message):
            reason = features
        elif not np.isfinite(features).all():
            reason = Message("work.features_not_finite")
        else:
            reason = why_not_saved(folder / f"{clip}.npy", features)
        yield clip, reason
