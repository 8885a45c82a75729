"""One clip of the set, spoken by the voice as it is at a checkpoint: a sound file, and a picture beside the
recording."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.io import wavfile
from torch import Tensor

from rvc_engine.audio.spectrogram import MelScale, log_mel, spectrogram
from rvc_engine.disk import whole_file, write_whole
from rvc_engine.events import Audition
from rvc_engine.machine.device import out_of_memory
from rvc_engine.models.noise import Noise
from rvc_engine.training.dataset import Clip, ClipDataset, collate
from rvc_engine.training.snapshot import Savable
from rvc_engine.training.state import TrainingState

ROWS, COLUMNS = 64, 160  # of the picture
RANGE_DB = 70.0


class Spoken(NamedTuple):
    """`wave`: (T,) float32 on the CPU."""

    clip: Clip
    wave: Tensor


class Auditions:
    """The longest clip, always with the same draws: what differs between two of them is what was learned."""

    def __init__(self, dataset: ClipDataset, frames: list[int], folder: Path) -> None:
        self.dataset, self.folder = dataset, folder
        self.index = max(range(len(frames)), key=lambda i: (frames[i], -i))

    def paths(self, state: Savable) -> tuple[Path, Path]:
        stem = f"e{state.epoch}_s{state.step}"
        return self.folder / f"{stem}.wav", self.folder / f"{stem}.json"

    def made(self, state: Savable) -> bool:
        return all(path.is_file() for path in self.paths(state))

    def speak(self, state: TrainingState) -> Spoken | None:
        """With the networks as they are now. None when memory does not suffice."""
        clip = self.dataset.clip(self.index)
        try:
            return Spoken(clip, speak(state, clip))
        except (RuntimeError, MemoryError) as error:
            if out_of_memory(error) is None:
                raise
            return None

    def write(self, state: Savable, spoken: Spoken) -> list[Audition]:
        """The WAV and the picture, and the recording's own WAV once. `state`: by which it was spoken. Raises
        DiskFull."""
        (clip, wave), config = spoken, self.dataset.config
        scale = MelScale(config.sample_rate, config.filter_length, config.n_mels, config.mel_fmin, config.mel_fmax)
        made = spectrogram(wave.unsqueeze(0), config.filter_length, config.hop_samples, config.filter_length)
        pictures = {"target": log_mel(clip.spec.unsqueeze(0), scale)[0], "generated": log_mel(made, scale)[0]}
        top = float(pictures["target"].max())
        sound, picture = self.paths(state)
        target = self.folder / "target.wav"
        if not target.is_file():
            write_sound(target, clip.wave, config.sample_rate)
        write_sound(sound, wave, config.sample_rate)
        picture_data: dict[str, Any] = {
            "rows": ROWS,
            "columns": COLUMNS,
            "seconds": clip.frames / 100,
            "range_db": RANGE_DB,
        }
        picture_data |= {name: shades(mel, top).tobytes().hex() for name, mel in pictures.items()}
        write_whole(picture, json.dumps(picture_data), durable=False)
        name = self.dataset.rows[self.index].name
        return [
            Audition(
                epoch=state.epoch, step=state.step, clip=name, path=str(sound), target=str(target), picture=str(picture)
            )
        ]


@torch.no_grad()
def speak(state: TrainingState, clip: Clip) -> Tensor:
    """(T,) float32 on the CPU. Draws nothing from the training's own random numbers."""
    device = state.noise.device
    batch = collate([clip]).to(device)
    noise = Noise(device, seed=0)
    with state.precision.autocast():
        made = state.generator.infer(
            batch.phone, batch.lengths, batch.pitch, batch.pitch_hz, batch.speaker, noise=noise
        )
    return made.wave[0, 0].float().cpu()


def shades(mel: Tensor, top: float) -> NDArray[np.uint8]:
    """(n_mels, F) natural-log mel -> (ROWS, COLUMNS), lowest band first: 255 is `top`, 0 is RANGE_DB below it or
    less."""
    resized = torch.nn.functional.interpolate(mel[None, None], (ROWS, COLUMNS), mode="area")[0, 0]
    decibels = (resized - top) * (20 / np.log(10))
    return np.asarray((255 * (1 + decibels / RANGE_DB).clamp(0, 1)).round(), dtype=np.uint8)


def write_sound(path: Path, wave: Tensor, sample_rate: int) -> None:
    """(T,) floats as 16-bit WAV."""
    samples = (wave.nan_to_num().clamp(-1, 1) * 32767).round().to(torch.int16).numpy()
    with whole_file(path, durable=False) as temporary:
        wavfile.write(temporary, sample_rate, samples)
