"""A voice as it is handed around: a .pth, a zip of a .pth and an .index, or a bundle, brought to a .pth and an .index
in a folder of ours.

Members of a zip are read by their content only: no name in it becomes a path, links are not followed, sizes are counted
while unpacking.
"""

from __future__ import annotations

import stat
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from rvc_engine.common.opening import require_file
from rvc_engine.disk import free_bytes
from rvc_engine.errors import BadInput
from rvc_engine.files.foreign import describe, describe_some, first_line
from rvc_engine.files.zip_files import open_zip
from rvc_engine.messages import Message
from rvc_engine.voices.bundle import INDEX, SUFFIX, is_bundle, read_bundle
from rvc_engine.voices.small_model import Voice, read_voice, save_small_model, small_model

MAX_EXPANSION = 100  # weights can hardly be compressed
SMALL_BYTES = 64 << 20
MAX_BYTES = {".pth": 2 << 30, ".index": 16 << 30}
BLOCK = 1 << 20
BROKEN = (OSError, ValueError, EOFError, RuntimeError, NotImplementedError, zipfile.BadZipFile, zlib.error)


@dataclass(frozen=True)
class Unpacked:
    """`name`: what the file calls the voice. `model` holds `voice`; `index` is not checked yet, but in a bundle it is
    of this voice."""

    name: str
    voice: Voice
    model: Path
    index: Path | None
    from_bundle: bool = False


def unpack(path: Path, folder: Path) -> Unpacked:
    """`folder`: for what has to be unpacked; a .pth stays where it is. Raises BadInput that names the file and what is
    wrong."""
    require_file(path, Message("common.no_file", path=path), Message("common.check_path"))
    if is_bundle(path):
        return _unpack_bundle(path, folder)
    if _is_shared_zip(path):
        return _unpack_zip(path, folder)
    if path.suffix.lower() == SUFFIX:
        read_bundle(path)  # says what is wrong with it
    return Unpacked(path.stem, read_voice(path), path, None)


def _unpack_bundle(path: Path, folder: Path) -> Unpacked:
    bundle = read_bundle(path)
    voice, model, index = bundle.voice, folder / "voice.pth", folder / INDEX
    save_small_model(model, small_model(voice.weights, voice.config, voice.info, voice.ours))
    if bundle.has_index:
        bundle.extract_index(index)
    name = bundle.model_card.get("name")
    return Unpacked(
        name if isinstance(name, str) else path.stem, voice, model, index if bundle.has_index else None, True
    )


def _is_shared_zip(path: Path) -> bool:
    """A zip that is no file of torch's, which is a zip as well."""
    try:
        with open_zip(path) as archive:
            names = archive.namelist()
    except BROKEN:
        return False
    return not any(PurePosixPath(name).name == "data.pkl" for name in names)


def _unpack_zip(path: Path, folder: Path) -> Unpacked:
    try:
        with open_zip(path) as archive:
            model = _one(archive, path, ".pth")
            if model is None:
                raise BadInput("voices.zip_no_voice", path=path)
            name = PurePosixPath(model.filename.replace("\\", "/")).stem
            index = _one(archive, path, ".index")
            _write(archive, model, folder / "voice.pth")
            if index is not None:
                _write(archive, index, folder / INDEX)
    except BROKEN as error:
        raise BadInput("voices.not_unpacked", first_line(error), path=path) from error
    try:
        voice = read_voice(folder / "voice.pth")
    except BadInput as error:
        name = describe(model.filename, 100)
        raise BadInput("voices.zip_voice_unusable", path=path, name=name, reason=error.message) from error
    return Unpacked(name, voice, folder / "voice.pth", folder / INDEX if index is not None else None)


def _one(archive: zipfile.ZipFile, path: Path, suffix: str) -> zipfile.ZipInfo | None:
    """The one member of this kind. Checkpoints (G_, D_) beside a voice, and trained_ beside an added_ index, do not
    count."""
    members = archive.infolist()
    names = {
        member: PurePosixPath(member.filename.replace("\\", "/")).name for member in members if not member.is_dir()
    }
    found = [
        m
        for m, name in names.items()
        if name.lower().endswith(suffix) and not name.startswith(".") and "__MACOSX" not in m.filename
    ]
    if len(found) > 1:
        extra = ("G_", "D_") if suffix == ".pth" else ("trained_",)
        found = [member for member in found if not names[member].startswith(extra)] or found
    if len(found) > 1:
        listed = describe_some(names[member] for member in found)
        raise BadInput("voices.several_voices", path=path, names=listed, suffix=suffix)
    return found[0] if found else None


def _write(archive: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path) -> None:
    """Raises ValueError for a link, a locked member, or one that is too large for the disk or for what it says."""
    if stat.S_ISLNK(member.external_attr >> 16):
        raise ValueError(Message("voices.member_link", name=describe(member.filename, 100)))
    if member.flag_bits & 1:
        raise ValueError(Message("voices.member_locked"))
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(Message("voices.member_compressed"))
    if member.file_size > max(SMALL_BYTES, MAX_EXPANSION * member.compress_size):
        raise ValueError(
            Message(
                "voices.member_expands",
                name=describe(member.filename, 100),
                mib=member.file_size >> 20,
                times=MAX_EXPANSION,
                packed=member.compress_size,
            )
        )
    limit = MAX_BYTES[target.suffix]
    if member.file_size > min(limit, free_bytes(target.parent)):
        raise ValueError(
            Message("voices.member_too_large", name=describe(member.filename, 100), mib=member.file_size >> 20)
        )
    written = 0
    with archive.open(member) as source, target.open("wb") as goal:
        while block := source.read(BLOCK):
            written += len(block)
            if written > member.file_size:
                raise ValueError(Message("voices.member_longer", name=describe(member.filename, 100)))
            goal.write(block)
