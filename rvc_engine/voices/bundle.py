"""A bundle: a voice, its index and a model card in one file that holds no pickle.

A zip without compression: card.json, weights.safetensors and, where there is one, voice.index as faiss wrote it. The
model card names size and sha256 of the others; a bundle is used only when all of them agree.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rvc_engine import __version__
from rvc_engine.common.opening import open_file, require_file
from rvc_engine.disk import facts_of, whole_file
from rvc_engine.errors import BadInput
from rvc_engine.files.foreign import MAX_JSON_BYTES, first_line, parse_json
from rvc_engine.files.weights import safetensors_of
from rvc_engine.files.zip_files import open_zip
from rvc_engine.messages import Message
from rvc_engine.voices.small_model import Voice, read_voice, small_model, voice_of

SUFFIX = ".rvcvoice"
FORMAT = "rvc-tui voice 1"
MODEL_CARD, WEIGHTS, INDEX = "card.json", "weights.safetensors", "voice.index"
LIMITS = {MODEL_CARD: MAX_JSON_BYTES, WEIGHTS: 2 << 30, INDEX: 16 << 30}
DATE = (1980, 1, 1, 0, 0, 0)  # equal voices give equal files
BLOCK = 1 << 20
DAMAGED = (OSError, ValueError, KeyError, TypeError, RecursionError, NotImplementedError, zipfile.BadZipFile)


@dataclass(frozen=True)
class Bundle:
    """`model_card` as it was written; `voice` as read_voice gives it."""

    path: Path
    model_card: dict[str, Any]
    voice: Voice
    has_index: bool

    def extract_index(self, target: Path) -> None:
        """Raises BadInput when there is none or it is no longer what the model card says, RvcError when the disk is
        full."""
        if not self.has_index:
            raise BadInput("voices.no_index_in_bundle", path=self.path)
        with (
            _checked(self.path) as archive,
            whole_file(target, durable=False) as temporary,
            temporary.open("wb") as file,
        ):
            for block in _part(archive, INDEX, self.model_card):
                file.write(block)


def is_bundle(path: Path) -> bool:
    """By content: a zip with a model card."""
    try:
        with open_zip(path) as archive:
            return MODEL_CARD in archive.namelist()
    except DAMAGED:
        return False


def write_bundle(path: Path, voice: Voice, name: str, index: Path | None, notes: Mapping[str, str]) -> None:
    """`index`: already checked and of this voice. `notes`: licence and consent. Raises RvcError when the disk is full
    or a weight is not finite in half precision."""
    from safetensors.torch import save

    content = small_model(voice.weights, voice.config, voice.info, voice.ours)
    weights = save(content.pop("weight"))
    members = {WEIGHTS: {"bytes": len(weights), "sha256": hashlib.sha256(weights).hexdigest()}}
    if index is not None:
        members[INDEX] = facts_of(index)
    model_card = {
        "format": FORMAT,
        "name": name,
        "version": voice.config.version,
        "rate_hz": voice.config.sample_rate,
        "pitch": voice.config.pitch,
        "pitch_range_hz": voice.pitch_hz,
        "encoder": voice.config.encoder,
        "epochs": voice.epochs,
        "minutes": voice.minutes,
        "licence": notes.get("licence", ""),
        "consent": notes.get("consent", ""),
        "made_by": f"rvc-tui {__version__}",
        "entries": content,
        "members": members,
    }
    with whole_file(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        archive.writestr(_member(MODEL_CARD), _text_of(model_card))
        archive.writestr(_member(WEIGHTS), weights)
        if index is not None:
            with open_file(index) as source, archive.open(_member(INDEX), "w", force_zip64=True) as goal:
                shutil.copyfileobj(source, goal, BLOCK)


def _text_of(model_card: dict[str, Any]) -> bytes:
    """As it is read by people; in ASCII where a text holds bytes that are none."""
    try:
        return json.dumps(model_card, indent=1, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return json.dumps(model_card, indent=1).encode()


def _member(name: str) -> zipfile.ZipInfo:
    member = zipfile.ZipInfo(name, DATE)
    member.external_attr = 0o644 << 16
    return member


def read_model_card(path: Path) -> dict[str, Any]:
    """The model card alone, nothing else looked at. Raises BadInput."""
    with _checked(path) as archive:
        return _model_card(archive)


def read_bundle(path: Path) -> Bundle:
    """Sizes, checksums and weights are checked; the index is compared with its checksum, not read. Raises BadInput."""
    with _checked(path) as archive:
        model_card = _model_card(archive)
        said = model_card["members"]
        if {MODEL_CARD, *said} != set(archive.namelist()) or WEIGHTS not in said:
            raise ValueError(Message("voices.card_other_parts"))
        weights = safetensors_of(b"".join(_part(archive, WEIGHTS, model_card)))
        if INDEX in said:
            for _ in _part(archive, INDEX, model_card):
                pass
        voice = voice_of({**model_card["entries"], "weight": weights}, path)
    return Bundle(path, model_card, voice, INDEX in said)


def read_any_voice(path: Path) -> Voice:
    """A small model or a bundle, recognised by content. Raises BadInput."""
    return read_bundle(path).voice if is_bundle(path) else read_voice(path)


@contextmanager
def _checked(path: Path) -> Iterator[zipfile.ZipFile]:
    """The opened zip, its members known and small enough. What is wrong inside is raised as BadInput."""
    require_file(path, Message("voices.no_voice", path=path), Message("common.check_path"))
    try:
        with open_zip(path) as archive:
            members = archive.infolist()
            if len({member.filename for member in members}) != len(members) or not {m.filename for m in members} <= set(
                LIMITS
            ):
                raise ValueError(Message("voices.strange_parts"))
            if sum(member.file_size for member in members) > path.stat().st_size:
                raise ValueError(Message("voices.parts_too_large"))
            for member in members:
                stored = member.compress_type == zipfile.ZIP_STORED and member.file_size == member.compress_size
                if not stored or member.file_size > LIMITS[member.filename] or member.flag_bits & 1:
                    raise ValueError(Message("voices.part_not_stored", name=member.filename))
            yield archive
    except DAMAGED as error:
        raise BadInput("voices.not_a_bundle", first_line(error), path=path) from error


def _model_card(archive: zipfile.ZipFile) -> dict[str, Any]:
    model_card = parse_json(archive.read(MODEL_CARD))
    if not isinstance(model_card, dict) or model_card.get("format") != FORMAT:
        raise ValueError(Message("voices.card_form", form=FORMAT))
    members = model_card.get("members")
    if not isinstance(members, dict) or not all(isinstance(value, dict) for value in members.values()):
        raise ValueError(Message("voices.card_no_parts"))
    if not isinstance(model_card.get("entries"), dict) or "config" not in model_card["entries"]:
        raise ValueError(Message("voices.card_no_voice"))
    return model_card


def _part(archive: zipfile.ZipFile, name: str, model_card: Mapping[str, Any]) -> Iterator[bytes]:
    """A part, block by block. Raises ValueError, at the latest after the last block, when it is not what the model card
    says."""
    said, digest = model_card["members"][name], hashlib.sha256()
    if archive.getinfo(name).file_size != said.get("bytes"):
        raise ValueError(Message("voices.part_size", name=name))
    with archive.open(name) as source:
        while block := source.read(BLOCK):
            digest.update(block)
            yield block
    if digest.hexdigest() != said.get("sha256"):
        raise ValueError(Message("voices.part_checksum", name=name))
