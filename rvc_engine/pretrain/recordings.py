"""What the encoder's training reads of a recording, prepared once: mels of it and of copies in other voices, phones,
and pitch."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from rvc_engine.audio.io import decode
from rvc_engine.common.arrays import save_array
from rvc_engine.content.phonetic import PhoneticConfig, PhoneticEncoder
from rvc_engine.disk import sha256_of, whole_file
from rvc_engine.errors import UnusableRecording, reason_of
from rvc_engine.messages import NOTHING, Message, message_of, verbatim
from rvc_engine.messages.wire import FIELD, with_codes, with_messages
from rvc_engine.pretrain.labels import Labels, NotAligned, label

RATE = 16000
FRAME = 320
PIECE_S = 30.0
"""A recording longer than twice this is taken in pieces of this length, and its transcript, which has no times, is
not used."""
LOUD = 1e-4  # a recording that stays below is silence


@dataclass(frozen=True)
class RecordingTask:
    """`name` inside the dataset; `transcript` None: no labels are wanted."""

    name: str
    path: Path
    transcript: str | None
    versions: int
    seed: int
    folder: Path


@dataclass(frozen=True)
class Prepared:
    """`key` names its files; empty when the recording cannot be used. `note`: why it is not used, or not labelled."""

    name: str
    key: str
    note: Message = NOTHING


@dataclass(frozen=True)
class Files:
    """mels: (versions + 1, mels, N) float16, the recording itself first. labels: phone, state, sure, f0 (0 where
    unvoiced), each (N,)."""

    mels: Path
    labels: Path

    @classmethod
    def of(cls, folder: Path, key: str) -> Files:
        return cls(folder / f"{key}.npy", folder / f"{key}.npz")

    @property
    def there(self) -> bool:
        return self.mels.is_file() and self.labels.is_file()


def prepare(task: RecordingTask) -> Prepared:
    """Write the files of one recording, unless they are there. Same content, transcript and settings: same files."""
    try:
        content = sha256_of(task.path)
    except OSError as error:
        return Prepared(task.name, "", Message("pretrain.not_read", reason=reason_of(error)))
    key = hashlib.sha256(json.dumps([content, task.transcript, task.versions, task.seed]).encode()).hexdigest()[:24]
    files = Files.of(task.folder, key)
    if files.there:
        return Prepared(task.name, key, _read_note(files.labels))
    try:
        wave = decode(task.path, RATE)
    except UnusableRecording as unusable:
        return Prepared(task.name, "", message_of(unusable))
    wave = wave[: len(wave) // FRAME * FRAME]
    if len(wave) < RATE // 2 or float(np.abs(wave).max()) < LOUD:
        return Prepared(task.name, "", Message("pretrain.too_short"))
    pieces = _pieces(wave)
    transcript = task.transcript if len(pieces) == 1 or task.transcript is None else ""
    random = np.random.default_rng([task.seed, int(content[:12], 16)])
    parts = [_piece(piece, transcript, task.versions, random) for piece in pieces]
    labels = Labels.joined([part.labels for part in parts])
    note = next((part.note for part in parts if part.note), NOTHING)
    save_array(files.mels, np.concatenate([part.mels for part in parts], axis=2))
    with whole_file(files.labels, durable=False) as temporary, temporary.open("wb") as file:
        f0 = np.concatenate([part.f0 for part in parts])
        codes = np.array(json.dumps(with_codes({"note": note}).get(FIELD, {})))
        phone, state, sure = labels.phone, labels.state, labels.sure
        np.savez(file, phone=phone, state=state, sure=sure, f0=f0, note=np.array(str(note)), messages=codes)
    return Prepared(task.name, key, note)


def _read_note(labels: Path) -> Message:
    """Of a recording that was prepared before; without its code where an older version did that."""
    with np.load(labels) as held:
        codes = json.loads(str(held[FIELD])) if FIELD in held else {}
        return verbatim(with_messages({"note": str(held["note"]), FIELD: codes})["note"])


@dataclass(frozen=True)
class _Piece:
    mels: NDArray[np.float16]
    labels: Labels
    f0: NDArray[np.float32]
    note: Message


def _pieces(wave: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    size = int(PIECE_S * RATE) // FRAME * FRAME
    if len(wave) <= 2 * size:
        return [wave]
    cuts = list(range(0, len(wave) - size // 2, size))
    return [wave[start:end] for start, end in zip(cuts, [*cuts[1:], len(wave)], strict=True)]


def _piece(wave: NDArray[np.float32], transcript: str | None, versions: int, random: np.random.Generator) -> _Piece:
    from rvc_engine.pretrain.perturb import Perturbation, perturbed, tracked

    copies = perturbed(wave, [Perturbation.drawn(random) for _ in range(versions)])
    network = PhoneticEncoder(PhoneticConfig(width=8, blocks=1))
    with torch.inference_mode():
        mels = network.mels(torch.from_numpy(np.stack([wave, *copies]).astype(np.float32))).numpy().astype(np.float16)
    count = mels.shape[2]
    labels, note = Labels.none(count), NOTHING
    if transcript is not None:
        try:
            labels = label(wave, transcript)
        except NotAligned as error:
            note = Message("pretrain.unlabelled", reason=message_of(error))
    f0 = tracked(wave)[: 2 * count : 2].astype(np.float32)
    return _Piece(mels, labels, np.pad(f0, (0, count - len(f0))), note)
