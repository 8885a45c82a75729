"""What other RVC programs keep beside a checkpoint: config.json, and Applio's model_info.json. Read without trust."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rvc_engine.errors import BadInput, reason_of
from rvc_engine.files.foreign import Unreadable, read_json
from rvc_engine.messages import message_of
from rvc_engine.voices.layout import refuse_embedder

CONFIG = "config.json"
MODEL_INFO = "model_info.json"


def refuse_other_encoder(checkpoint: Path, said: Any = None) -> None:
    """Raises BadInput with its name when a checkpoint was trained with a content encoder other than RVC's. `said`: what
    the checkpoint itself says of it; else Applio's model_info.json beside it says so. Where nothing does, it is
    RVC's."""
    source = checkpoint if said is not None else checkpoint.with_name(MODEL_INFO)
    if said is None:
        said = _embedder_in(source)
    if said is None:
        return
    try:
        refuse_embedder(said)
    except ValueError as error:
        raise BadInput(
            "voices.trained_otherwise", checkpoint=checkpoint, source=source.name, reason=message_of(error)
        ) from error


def _embedder_in(path: Path) -> str | None:
    """None where the file is missing or holds no such text."""
    if not path.exists():
        return None
    try:
        content = read_json(path)
    except (OSError, Unreadable) as error:
        raise BadInput("voices.encoder_name_unreadable", reason_of(error), path=path) from error
    said = content.get("embedder_model") if isinstance(content, dict) else None
    return said if isinstance(said, str) and said.strip() else None


def rate_beside(checkpoint: Path) -> int | None:
    """The sample rate in Hz that the config.json beside it names, if there is one that does."""
    try:
        content = read_json(checkpoint.with_name(CONFIG))
    except (OSError, Unreadable):
        return None
    return rate_in(content)


def rate_in(content: Any) -> int | None:
    """Of an RVC config.json: `sampling_rate`, or Applio's `sample_rate`."""
    data = content.get("data") if isinstance(content, dict) else None
    rate = data.get("sampling_rate", data.get("sample_rate")) if isinstance(data, dict) else None
    return rate if type(rate) is int and 0 < rate < 1 << 20 else None
