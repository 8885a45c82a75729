"""Training states in parts that travel: safetensors files of limited size, and a list of them with their checksums.

A folder holds NAME.json for each state (`encoder`, `train`): the plain data with a place for each tensor, and the
parts, from NAME-001.safetensors on, each with its bytes and SHA-256. Tensors that are larger than a part are cut.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from rvc_engine.disk import facts_of, sha256_of, write_whole
from rvc_engine.errors import BadInput
from rvc_engine.files.foreign import MAX_LISTING_BYTES, Unreadable, check_regular, describe, first_line, read_json
from rvc_engine.files.weights import read_tensors, write_safetensors
from rvc_engine.messages import Message

PART_BYTES = 15_000_000  # with its header below 16 MB
FORMAT = 1


def adopt(incoming: Path, place: Path) -> bool:
    """Put a state that was brought here into its place, where no training has started yet."""
    if place.exists() or not incoming.is_file():
        return False
    place.parent.mkdir(parents=True, exist_ok=True)
    os.replace(incoming, place)
    return True


def write_parts(folder: Path, name: str, content: Any, part_bytes: int = PART_BYTES) -> list[Path]:
    """`content`: dictionaries, lists, tuples, numbers, texts and tensors. The list of parts is written last. Raises
    DiskFull."""
    tensors: list[Tensor] = []
    tree = _packed(content, tensors)
    pieces = [
        (f"{number}.{start}", flat[start : start + part_bytes])
        for number, flat in enumerate(
            tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8) for tensor in tensors
        )
        for start in range(0, max(len(flat), 1), part_bytes)
    ]
    groups: list[dict[str, Tensor]] = [{}]
    room = part_bytes
    for key, piece in pieces:
        if groups[-1] and len(piece) > room:
            groups.append({})
            room = part_bytes
        groups[-1][key] = piece
        room -= len(piece)
    (folder / f"{name}.json").unlink(missing_ok=True)
    paths, parts = [], []
    for number, group in enumerate(groups, 1):
        path = folder / f"{name}-{number:03}.safetensors"
        write_safetensors(path, group)
        paths.append(path)
        parts.append({"file": path.name, **facts_of(path)})
    about = [{"dtype": str(t.dtype).removeprefix("torch."), "shape": list(t.shape)} for t in tensors]
    write_whole(
        folder / f"{name}.json",
        json.dumps({"format": FORMAT, "parts": parts, "tensors": about, "content": tree}, indent=1),
    )
    return [*paths, folder / f"{name}.json"]


def read_parts(folder: Path, name: str) -> Any:
    """What `write_parts` was given. Raises BadInput that names a part that is missing or damaged."""
    listing = folder / f"{name}.json"
    try:
        listed = read_json(listing, MAX_LISTING_BYTES)
        if listed["format"] != FORMAT:
            raise ValueError(Message("pretrain.other_version"))
        held: dict[int, dict[int, Tensor]] = {}  # by the tensor's number, then by where in it a piece begins
        for part in listed["parts"]:
            path = folder / os.path.basename(part["file"])
            check_regular(path)
            if sha256_of(path) != part["sha256"]:
                raise Unreadable(Message("pretrain.part_damaged", name=path.name))
            for key, piece in read_tensors(path).items():
                owner, _, start = key.partition(".")
                held.setdefault(int(owner), {})[int(start)] = piece
        tensors = [_joined(held[number], about) for number, about in enumerate(listed["tensors"])]
        return _unpacked(listed["content"], tensors)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError, RuntimeError) as error:
        raise BadInput("pretrain.parts_unusable", first_line(error), path=listing) from error


def _joined(pieces: dict[int, Tensor], about: dict[str, Any]) -> Tensor:
    dtype = getattr(torch, str(about["dtype"])[:40], None)
    if not isinstance(dtype, torch.dtype):
        raise Unreadable(Message("pretrain.unknown_type", type=describe(about["dtype"])))
    flat = torch.cat([pieces[start] for start in sorted(pieces)])
    return flat.clone().view(dtype).reshape(about["shape"])


def _packed(value: Any, tensors: list[Tensor]) -> Any:
    if isinstance(value, Tensor):
        tensors.append(value)
        return {"tensor": len(tensors) - 1}
    if isinstance(value, dict):
        return {"items": [[key, _packed(item, tensors)] for key, item in value.items()]}
    if isinstance(value, list | tuple):
        return {type(value).__name__: [_packed(item, tensors) for item in value]}
    if value is None or isinstance(value, str | int | float | bool):
        return value
    raise TypeError(f"a state cannot hold {type(value).__name__}")


def _unpacked(value: Any, tensors: list[Tensor]) -> Any:
    if not isinstance(value, dict):
        return value
    (kind, inner), *_ = value.items()
    if kind == "tensor":
        return tensors[inner]
    if kind == "items":
        return {key: _unpacked(item, tensors) for key, item in inner}
    items = [_unpacked(item, tensors) for item in inner]
    return tuple(items) if kind == "tuple" else items
