"""Content features of each clip, 50 frames a second, and the clip of silence that keeps silence silent in training."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rvc_engine.audio.io import read_16k, write_wav
from rvc_engine.common.arrays import save_array, why_not_saved
from rvc_engine.common.opening import size_of
from rvc_engine.content.base import LoadedEncoder, check_encoder, load_encoder
from rvc_engine.content.checked import CheckedEncoder
from rvc_engine.disk import remove_temporaries, sha256_of
from rvc_engine.errors import RvcError, UnusableRecording
from rvc_engine.events import Event, ItemSkipped, Progressed, Warned
from rvc_engine.experiment import Experiment
from rvc_engine.files.weights import metadata_of
from rvc_engine.machine.device import (
    choose_device,
    each_on_a_core,
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

BATCH = 8
MUTE_S = 3


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
    # Clips of the same size come together, since those can go through the network together.
    waiting.sort(key=lambda clip: size_of(experiment.wavs_16k / f"{clip}.wav"))
    for start in range(0, len(waiting), BATCH):
        for clip, result in _encode(experiment, encoder, device, waiting[start : start + BATCH]):
            reason = result if isinstance(result, Message) else why_not_saved(folder / f"{clip}.npy", result)
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


def _encode(
    experiment: Experiment, encoder: LoadedEncoder, device: torch.device, clips: list[str]
) -> Iterator[tuple[str, NDArray[np.float32] | Message]]:
    """Each clip with its features, or with the reason why it has none."""
    waves: dict[str, NDArray[np.float32]] = {}
    for clip in clips:
        try:
            waves[clip] = read_16k(experiment.wavs_16k / f"{clip}.wav")
        except UnusableRecording as error:
            yield clip, message_of(error)
    with memory_errors(lambda known: RvcError("work.out_of_memory_in_encoder", known.message)):
        if device.type == "cpu":
            results = each_on_a_core(lambda wave: encoder.encode([wave])[0], list(waves.values()))
        else:
            results = encoder.encode(list(waves.values()))
    for clip, features in zip(waves, results, strict=True):
        yield clip, features if np.isfinite(features).all() else Message("work.features_not_finite")
