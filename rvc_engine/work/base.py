"""The base: G, D and the content encoder in half precision, as voices start from them, and a model card that says how
they were made."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from rvc_engine.content.phonetic import read_phonetic
from rvc_engine.dataset.clip_table import ClipRow, read_rows
from rvc_engine.dataset.contents import known_sources
from rvc_engine.disk import copy_whole, sha256_of, write_whole
from rvc_engine.errors import BadInput, RvcError
from rvc_engine.events import Event, Progressed
from rvc_engine.experiment import Experiment
from rvc_engine.files.weights import Unreadable, write_safetensors
from rvc_engine.messages import message_of
from rvc_engine.settings import ExperimentSettings
from rvc_engine.training.store import CheckpointStore
from rvc_engine.voices.checkpoint import read_checkpoint
from rvc_engine.work.model_card import model_card
from rvc_engine.work.speakers import speakers_of

STAGE = "base"
NEW_VOICE = 0  # the row of the speaker table that voices are trained in
TABLE = "emb_g.weight"


def check_ready(experiment: Experiment, settings: ExperimentSettings, *, fresh: bool = False) -> None:
    """Raises BadInput when a folder takes the row that is kept for new voices."""
    rows = speakers_of(settings, known_sources(experiment, settings))
    taken = [name for name, row in rows.items() if row == NEW_VOICE]
    if taken:
        raise BadInput("work.row_of_new_voices", folder=taken[0])


def run(experiment: Experiment, settings: ExperimentSettings) -> Iterator[Event]:
    """base/G, D and encoder .safetensors and the model card card.md. Raises RvcError when the training left no pair."""
    store = CheckpointStore(experiment)
    steps = store.steps()
    if not steps:
        raise RvcError("work.no_pair", folder=experiment.folder)
    clips = read_rows(experiment.clips_csv, ClipRow)
    rows = speakers_of(settings, (clip.source for clip in clips))
    seconds = sum(clip.seconds for clip in clips)
    facts = {
        "preset": settings.preset,
        "version": settings.model.version,
        "encoder": settings.model.encoder,
        "steps": str(steps[0]),
    }
    facts |= {
        "sample_rate": str(settings.model.sample_rate),
        "pitch": str(int(settings.pitched)),
        "speakers": str(len(rows)),
    }
    facts["seconds"] = f"{seconds:.0f}"
    if experiment.own_encoder.is_file():
        copy_whole(experiment.own_encoder, experiment.base / "encoder.safetensors")
        facts["encoder_sha256"] = sha256_of(experiment.base / "encoder.safetensors")
    for done, (kind, path) in enumerate(zip("GD", store.pair_paths(steps[0]), strict=True)):
        yield Progressed(stage=STAGE, done=done, total=2, unit="files", item=path.name)
        weights = dict(read_checkpoint(path).weights)
        if kind == "G":
            weights[TABLE] = with_mean(weights[TABLE], sorted(set(rows.values())))
        halves = {key: half(value, key) for key, value in weights.items()}
        write_safetensors(experiment.base / f"{kind}.safetensors", halves, {**facts, "kind": kind})
    write_whole(experiment.base / "card.md", model_card(experiment, settings, clips, rows, steps[0]))
    yield Progressed(stage=STAGE, done=2, total=2, unit="files")


def with_mean(table: Tensor, rows: list[int]) -> Tensor:
    """A new voice starts from the mean of all that were trained."""
    table = table.clone()
    table[NEW_VOICE] = table[rows].float().mean(0).to(table.dtype)
    return table


def half(value: Tensor, key: str) -> Tensor:
    """Raises RvcError for a weight that half precision cannot hold."""
    if not value.is_floating_point():
        return value
    small = value.half()
    if not torch.isfinite(small).all():
        raise RvcError("work.weight_not_finite", key=key)
    return small


def artefacts(experiment: Experiment, settings: ExperimentSettings) -> list[Path]:
    """Each file, read again. Raises RvcError when one is missing or damaged."""
    paths: list[Path] = [experiment.base / f"{kind}.safetensors" for kind in "GD"]
    readers: list[Any] = [read_checkpoint, read_checkpoint]
    if experiment.own_encoder.is_file():
        paths.append(experiment.base / "encoder.safetensors")
        readers.append(read_phonetic)
    for path, reader in zip(paths, readers, strict=True):
        try:
            reader(path)
        except (OSError, Unreadable) as error:
            raise RvcError("work.result_unreadable", message_of(error), path=path) from error
    return [*paths, experiment.base / "card.md"]
