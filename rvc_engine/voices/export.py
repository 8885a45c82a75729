"""A voice for other people: the .pth and .index that RVC programs want, in a folder or a zip, or a bundle."""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

from rvc_engine.common.names import fitted, index_name, room_in
from rvc_engine.common.opening import open_file
from rvc_engine.disk import copy_whole, whole_file
from rvc_engine.errors import BadInput
from rvc_engine.voices.bundle import write_bundle
from rvc_engine.voices.small_model import Voice, save_small_model, small_model

FORMATS = ("rvc", "zip", "bundle")
DATE = (1980, 1, 1, 0, 0, 0)


def refuse_starter(voice: Voice) -> None:
    """Raises BadInput for a voice that RVC programs cannot load."""
    if voice.config.version not in ("v1", "v2"):
        about = {"version": voice.config.version, "encoder": voice.config.encoder}
        raise BadInput("voices.not_for_rvc", path=voice.path, **about)


def planned(voice: Voice, name: str, output: Path, form: str, lists: int) -> list[Path]:
    """What `export` will write; `lists` is 0 without an index."""
    if form != "rvc":
        return [output]
    return [
        output / fitted(name, ".pth", room_in(output)),
        *([output / index_name(name, lists, voice.config.version, output)] if lists else []),
    ]


def export(
    voice: Voice, name: str, output: Path, form: str, index: tuple[Path, int] | None, notes: Mapping[str, str]
) -> list[Path]:
    """Write `voice` and its index (file, number of lists; already checked). `form`: one of FORMATS. Returns what was
    written.

    Raises BadInput for a voice that RVC programs cannot load, RvcError when the disk is full.
    """
    if form == "bundle":
        write_bundle(output, voice, name, index[0] if index else None, notes)
        return [output]
    refuse_starter(voice)
    content = small_model(voice.weights, voice.config, voice.info, voice.ours)
    if form == "rvc":
        written = planned(voice, name, output, form, index[1] if index else 0)
        save_small_model(written[0], content)
        if index:
            copy_whole(index[0], written[1])
        return written
    with tempfile.TemporaryDirectory(prefix="rvc-") as folder, whole_file(output) as temporary:
        model = Path(folder) / "voice.pth"
        save_small_model(model, content)
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED, allowZip64=True) as archive:
            _add(archive, model, f"{name}.pth")
            if index:
                _add(archive, index[0], index_name(name, index[1], voice.config.version, output.parent))
    return [output]


def _add(archive: zipfile.ZipFile, path: Path, name: str) -> None:
    member = zipfile.ZipInfo(name, DATE)
    member.compress_type, member.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
    with open_file(path) as source, archive.open(member, "w", force_zip64=True) as goal:
        shutil.copyfileobj(source, goal, 1 << 20)
