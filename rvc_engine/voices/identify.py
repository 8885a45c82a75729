"""Says what a file of weights is and whether it is whole, whoever made it. Nothing in it is executed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from rvc_engine.common.opening import open_file, require_file
from rvc_engine.content.hubert import read_hubert
from rvc_engine.disk import sha256_of
from rvc_engine.errors import BadInput, reason_of
from rvc_engine.files import weights
from rvc_engine.files.foreign import describe, text_of
from rvc_engine.messages import Message, message_of, verbatim
from rvc_engine.registry import CONTENT_ENCODERS, PITCH_TRACKERS
from rvc_engine.voices.bundle import SUFFIX, is_bundle, read_bundle
from rvc_engine.voices.checkpoint import Checkpoint, checkpoint_of
from rvc_engine.voices.index_file import check_index_file
from rvc_engine.voices.small_model import Voice, voice_of

INDEX_STARTS = (b"IwFl", b"IxF2", b"IxFI", b"IxFl", b"IxMp", b"IwPQ")


@dataclass(frozen=True)
class FileFacts:
    """`kind` in a few words; `facts` by name: messages where they are words. `bytes` and `sha256` of the file itself
    (of a folder: of its weights)."""

    kind: Message
    facts: dict[str, str]
    bytes: int
    sha256: str


def describe_file(path: Path) -> FileFacts:
    """Read it whole, by the reader for what it is. Raises BadInput, in one line, when that reader refuses it or there
    is none."""
    if path.is_dir() and not (path / "config.json").is_file():
        raise BadInput("voices.no_config_in_folder", path=path)
    if not path.is_dir():
        require_file(path, Message("common.no_file", path=path), Message("common.check_path"))
    try:
        kind, facts = _read(path)
        file = _weights_beside(path)
        return FileFacts(kind, facts, file.stat().st_size, sha256_of(file))
    except weights.Unreadable as error:
        raise BadInput("voices.refused", message_of(error), path=path) from error
    except (OSError, MemoryError) as error:
        hint = Message("voices.check_file")
        raise BadInput("common.cannot_be_read", reason_of(error), hint, path=path) from error


def _weights_beside(path: Path) -> Path:
    """The file that holds the weights of a folder, or of its config.json."""
    folder = path if path.is_dir() else path.parent
    if path.is_file() and path.name != "config.json":
        return path
    return next(folder / name for name in ("model.safetensors", "pytorch_model.bin") if (folder / name).is_file())


def _read(path: Path) -> tuple[Message, dict[str, str]]:
    if path.is_dir() or path.name == "config.json":
        return _hubert(path, Message("voices.form_transformers"))
    with open_file(path) as file:
        head = file.read(16)
    if path.suffix == SUFFIX or (head[:2] == b"PK" and is_bundle(path)):
        return _bundle(path)
    if path.suffix == ".index" or head[:4] in INDEX_STARTS:
        return _index(path)
    content = weights.read(path)
    if isinstance(content, dict) and head[:2] != b"PK" and head[8:9] == b"{":
        return _safetensors(path, content)
    return _torch_file(path, content)


def _torch_file(path: Path, content: Any) -> tuple[Message, dict[str, str]]:
    """Raises Unreadable or BadInput."""
    if not isinstance(content, dict):
        raise weights.Unreadable(Message("voices.no_dictionary", content=describe(content)))
    if "weight" in content and "config" in content:
        return _voice(path, content)
    if {"cfg", "args"} & set(content):
        del content
        return _hubert(path, Message("voices.form_fairseq"))
    if {"pair", "rest"} <= set(content):
        return _resume(content)
    model = content.get("model")
    if (found := _tracker(path, model if isinstance(model, dict) else content)) is not None:
        return found
    if isinstance(model, dict):
        return _checkpoint(checkpoint_of(content))
    if content and all(isinstance(key, str) and isinstance(value, Tensor) for key, value in content.items()):
        return _tensors(path, content)
    raise weights.Unreadable(Message("voices.not_known"))


def _safetensors(path: Path, content: Mapping[str, Tensor]) -> tuple[Message, dict[str, str]]:
    if (found := _tracker(path, content)) is not None:
        return found
    metadata = weights.metadata_of(path)
    if _is_hubert({}, metadata):
        return _hubert(path, verbatim("safetensors"))
    return _tensors(path, content)


def _tensors(path: Path, content: Mapping[str, Tensor]) -> tuple[Message, dict[str, str]]:
    """A plain dictionary of tensors; HuBERT's when a config.json beside it says how to read it."""
    if _is_hubert(content, {}):
        if (path.parent / "config.json").is_file():
            return _hubert(path, Message("voices.form_transformers"))
        raise weights.Unreadable(Message("voices.hubert_no_config"))
    weights.check_numbers({key: value for key, value in content.items() if value.is_floating_point()})
    return Message("voices.kind_tensors"), _counted(content)


def _is_hubert(tensors: Mapping[Any, Any], metadata: Mapping[str, str]) -> bool:
    return any(encoder.recognises(tensors, metadata) for encoder in CONTENT_ENCODERS.all())


def _counted(content: Mapping[str, Tensor]) -> dict[str, str]:
    types = sorted({str(value.dtype).removeprefix("torch.") for value in content.values()})
    return {
        "tensors": str(len(content)),
        "values": f"{sum(value.numel() for value in content.values()):,}",
        "types": ", ".join(types),
    }


# --- one reader each -------------------------------------------------------------------------------
def _voice(path: Path, content: dict[str, Any]) -> tuple[Message, dict[str, str]]:
    return Message("voices.kind_voice"), _voice_facts(voice_of(content, path))


def _voice_facts(voice: Voice) -> dict[str, str]:
    config = voice.config
    facts = {
        "version": config.version,
        "rate": f"{config.sample_rate} Hz",
        "pitch": _with(config.pitch),
        "encoder": config.encoder,
        "speakers": str(config.speakers),
        "info": voice.info,
        "program": voice.program or "",
    }
    return {key: value for key, value in facts.items() if value}


def _bundle(path: Path) -> tuple[Message, dict[str, str]]:
    bundle = read_bundle(path)
    facts = {"name": text_of(bundle.model_card.get("name"), 100), "index": _with(bundle.has_index)}
    return Message("voices.kind_bundle"), {**facts, **_voice_facts(bundle.voice)}


def _index(path: Path) -> tuple[Message, dict[str, str]]:
    found = check_index_file(path)
    facts = {
        "rows": str(found.rows),
        "width": str(found.dim),
        "lists": str(found.lists),
        "encoder": found.encoder or Message("voices.not_stated"),
    }
    return Message("voices.kind_index"), facts


def _hubert(path: Path, form: Message) -> tuple[Message, dict[str, str]]:
    config = read_hubert(path).config
    facts = {"form": form, "layers": str(config.layers), "width": str(config.width)}
    if config.projection:
        facts["projection"] = str(config.projection)
    return Message("voices.kind_hubert"), facts


def _tracker(path: Path, content: Mapping[Any, Any]) -> tuple[Message, dict[str, str]] | None:
    """None where these are no weights of a pitch tracker."""
    for tracker in PITCH_TRACKERS.all():
        if (tensors := tracker.tensors_of(path, content)) is not None:
            return verbatim(tracker.kind), _counted(tensors)
    return None


def _checkpoint(found: Checkpoint) -> tuple[Message, dict[str, str]]:
    weights.check_numbers(found.weights)
    facts = {
        "is": found.what,
        "version": found.version,
        "rate": f"{found.sample_rate} Hz" if found.sample_rate else None,
        "pitch": _with(found.pitch) if found.pitch is not None else None,
        "speakers": found.speakers,
        "epoch": found.iteration,
    }
    texts = {key: value if isinstance(value, str) else str(value) for key, value in facts.items() if value is not None}
    return found.kind_of_file, texts


def _resume(content: dict[str, Any]) -> tuple[Message, dict[str, str]]:
    pair, rest = content["pair"], content["rest"]
    if not isinstance(pair, dict) or set(pair) != {"G", "D"} or not isinstance(rest, dict):
        raise weights.Unreadable(Message("voices.not_resume"))
    checkpoints = [checkpoint_of(pair[kind]) for kind in ("G", "D")]
    for checkpoint in checkpoints:
        weights.check_numbers(checkpoint.weights)
    counts = {name: text_of(rest.get(name), 20) for name in ("step", "epoch")}
    return Message("voices.kind_resume"), {"is": checkpoints[0].what, **counts}


def _with(pitch: bool) -> Message:
    return Message("voices.with") if pitch else Message("voices.without")
