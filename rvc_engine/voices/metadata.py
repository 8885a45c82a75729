"""What the file of a voice says of itself, in milliseconds: no torch, no weights, and nothing is checked
(small_model.py does that)."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rvc_engine.common.opening import open_file
from rvc_engine.common.printable import printable
from rvc_engine.errors import BadInput
from rvc_engine.files.foreign import MAX_JSON_BYTES, MAX_PICKLE_BYTES, Unreadable, first_line, parse_json
from rvc_engine.files.pickle_data import load_plain
from rvc_engine.files.zip_files import open_zip
from rvc_engine.messages import Message, message_of
from rvc_engine.presets import PRESETS

SUFFIX = ".rvcvoice"
MAX_TEXT = 200
UNKNOWN: dict[str, Any] = {
    "what": "unreadable",
    "version": None,
    "sample_rate": None,
    "pitch": None,
    "encoder": None,
    "epochs": None,
    "minutes": None,
    "pitch_hz": None,
    "info": None,
    "has_index": False,
    "problem": "",
}


def peek_metadata(path: Path) -> dict[str, Any]:
    """Keys of UNKNOWN. `what`: voice, bundle, or unreadable, then `problem` says why; None for what the file does not
    say."""
    try:
        if path.suffix == SUFFIX:
            return {**UNKNOWN, "what": "bundle", **_of_model_card(_record(path, "card.json", MAX_JSON_BYTES))}
        content = _entries(path)
        if not isinstance(content, dict) or not isinstance(content.get("config"), list | tuple):
            raise Unreadable(Message("voices.is_no_voice"))
        return {**UNKNOWN, "what": "voice", **_of_entries(content)}
    except Unreadable as error:
        return {**UNKNOWN, "problem": message_of(error)}
    except Exception as error:  # a damaged zip, pickle or JSON: each has its own words for it
        return {**UNKNOWN, "problem": Message("voices.cannot_be_read_because", reason=first_line(error))}


def no_voice(path: Path, why: Message) -> BadInput:
    """The error for a file that is neither a voice nor anything that one is made of."""
    return BadInput("voices.not_voice_file", why, path=path)


def refuse_pickle(path: Path) -> None:
    """Raises BadInput for a file whose pickle asks for what no reader gives it. For commands to ask before they load
    torch, which takes longer than the refusal; of anything else, the reader of what it is says what is wrong."""
    try:
        record = _record(path, "data.pkl", MAX_PICKLE_BYTES)
    except (OSError, ValueError, zipfile.BadZipFile):  # not torch's zip form
        return
    try:
        load_plain(record)
    except Unreadable as error:
        raise no_voice(path, message_of(error)) from error
    except (ValueError, EOFError):
        return


def _entries(path: Path) -> Any:
    """The pickle of a .pth, of torch's zip form or the one before it, without its tensors."""
    with open_file(path) as file:
        if file.read(4) == b"PK\x03\x04":
            return load_plain(_record(path, "data.pkl", MAX_PICKLE_BYTES))
        file.seek(0)
        for _ in range(3):  # magic number, protocol, sizes
            load_plain(file)
        return load_plain(file)


def _record(path: Path, name: str, limit: int) -> bytes:
    with open_zip(path) as archive:
        found = [member for member in archive.infolist() if member.filename.rpartition("/")[2] == name]
        if len(found) != 1 or max(found[0].file_size, found[0].compress_size) > limit:
            raise Unreadable(Message("voices.is_no_voice"))
        return archive.read(found[0])


def _usual_encoder(version: str) -> str | None:
    """Of voices of this version that do not say."""
    return next((config.encoder for config in PRESETS.values() if config.version == version), None)


def _of_entries(content: Mapping[str, Any]) -> dict[str, Any]:
    version, info = _text(content.get("version")) or "v1", _text(content.get("info")) or ""
    encoder = _text(content.get("encoder")) or _usual_encoder(version)
    counted = re.match(r"(\d{1,7})epoch", info)
    epochs = _number(content.get("epoch"))
    return {
        "version": version,
        "sample_rate": _number(content["config"][-1]),
        "pitch": content.get("f0") not in (0, "0", False),
        "encoder": encoder,
        "epochs": int(counted[1]) if epochs is None and counted else epochs,
        "info": info,
        "minutes": _number(content.get("minutes")),
        "pitch_hz": _range(content.get("pitch_hz")),
    }


def _of_model_card(text: bytes) -> dict[str, Any]:
    model_card = parse_json(text)
    return {
        "version": _text(model_card.get("version")),
        "sample_rate": _number(model_card.get("rate_hz")),
        "pitch": bool(model_card.get("pitch")),
        "encoder": _text(model_card.get("encoder")),
        "epochs": _number(model_card.get("epochs")),
        "info": _text(model_card.get("licence")),
        "minutes": _number(model_card.get("minutes")),
        "pitch_hz": _range(model_card.get("pitch_range_hz")),
        "has_index": "voice.index" in (model_card.get("members") or {}),
    }


def _text(value: Any) -> str | None:
    """A stranger's text, without what a terminal would obey."""
    return printable(value[:MAX_TEXT]) if isinstance(value, str) else None


def _number(value: Any) -> int | float | None:
    return value if type(value) in (int, float) and 0 <= value < 1 << 53 else None


def _range(value: Any) -> list[float] | None:
    """(low, middle, high) in Hz."""
    return list(value) if isinstance(value, list | tuple) and len(value) == 3 and all(map(_number, value)) else None
