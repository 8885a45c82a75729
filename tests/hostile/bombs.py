"""Small files that ask for much: more memory, text, depth or time than any file of weights needs. Each maker writes
one."""

from __future__ import annotations

import json
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from rvc_engine.files.weights import OLD_START

PROTOCOL = b"\x80\x02"
MEGABYTE = 1 << 20


def as_pth(pickle: bytes, path: Path, *records: tuple[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickle)
        archive.writestr("archive/version", "3\n")
        for name, content in records:
            archive.writestr(f"archive/data/{name}", content)


def shared(levels: int = 15) -> list[Any]:
    """Nine times itself on each level: 9 ** 15 texts in some hundred bytes."""
    value: list[Any] = ["a" * 10]
    for _ in range(levels):
        value = [value] * 9
    return value


def text(content: str) -> bytes:
    data = content.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def voice_entry(name: str) -> Callable[[Path], None]:
    """A small model with the shared lists in one of its entries."""

    def make(path: Path) -> None:
        config = [1025, 32, 192, 192, 768, 2, 6, 3, 0, "1", [3], [[1]], [10], 512, [16], 109, 256, 40000]
        content: dict[str, Any] = {
            "weight": {"emb_g.weight": torch.zeros(1, 2)},
            "config": config,
            "info": "",
            "sr": "40k",
            "f0": 1,
        }
        if name == "config[9]":
            config[9] = shared()
        elif name == "weight":
            content["weight"]["a"] = shared()
        else:
            content[name] = shared()
        torch.save(content, path)

    return make


def checkpoint_entry(name: str) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        content: dict[str, Any] = {
            "model": {"emb_g.weight": torch.zeros(1, 2)},
            "iteration": 1,
            "optimizer": {},
            "learning_rate": 1.0,
        }
        torch.save({**content, name: shared()}, path)

    return make


def pickled(*parts: bytes) -> Callable[[Path], None]:
    return lambda path: as_pth(PROTOCOL + b"".join(parts), path)


def holds_itself(path: Path) -> None:
    value: list[Any] = []
    value.append({"a": value})
    torch.save({"weight": {}, "config": value}, path)


def deep(path: Path) -> None:
    as_pth(PROTOCOL + b"]" * 70_000 + b"a" * 69_999 + b".", path)


def rather_deep(path: Path) -> None:
    """Each level once, below what Python itself would refuse."""
    as_pth(PROTOCOL + b"}" + text("config") + b"]" * 400 + b"a" * 399 + b"s.", path)


def million_keys(path: Path) -> None:
    keys = b"".join(b"J" + struct.pack("<i", number) + b"N" for number in range(1_000_000))
    as_pth(PROTOCOL + b"}(" + keys + b"u.", path)


def equal_hashes(path: Path) -> None:
    """Whole numbers whose hash is 0: a dictionary of them takes the square of their number."""
    numbers = ((i + 1) * ((1 << 61) - 1) for i in range(60_000))
    keys = b"".join(b"\x8a\x0a" + number.to_bytes(10, "little") + b"N" for number in numbers)
    as_pth(PROTOCOL + b"}(" + keys + b"u.", path)


def long_text(path: Path) -> None:
    as_pth(PROTOCOL + text("a" * (2 * MEGABYTE)) + b".", path)


def many_long_texts(path: Path) -> None:
    as_pth(PROTOCOL + b"](" + text("a" * 500_000) * 20 + b"e.", path)


def shared_text(path: Path) -> None:
    as_pth(PROTOCOL + b"](" + text("a" * 500_000) + b"q\x01" + b"h\x01" * 100_000 + b"e.", path)


def copied_dictionaries(path: Path) -> None:
    pairs = b"](" + b"".join(b"J" + struct.pack("<i", number) + b"N\x86" for number in range(30_000)) + b"e"
    again = b"h\x03h\x02R"
    kind = b"ccollections\nOrderedDict\nq\x03"
    as_pth(PROTOCOL + b"](" + kind + pairs + b"\x85q\x02" + again * 100_000 + b"e.", path)


def copied_texts(path: Path) -> None:
    start = b"](c_codecs\nencode\nq\x03" + text("a" * 900_000) + text("latin1") + b"\x86q\x02"
    as_pth(PROTOCOL + start + b"h\x03h\x02R" * 100_000 + b"e.", path)


def copied_states(path: Path) -> None:
    state = b"}(" + b"".join(text(str(number)) + b"N" for number in range(50_000)) + b"uq\x02"
    one = b"h\x03)\x81h\x02b"
    as_pth(PROTOCOL + b"](cargparse\nNamespace\nq\x03" + state + one * 60_000 + b"e.", path)


def tensor(size: bytes, stride: bytes, count: int = 1) -> bytes:
    storage = (
        b"("
        + text("storage")
        + b"ctorch\nFloatStorage\n"
        + text("0")
        + text("cpu")
        + b"J"
        + struct.pack("<i", count)
        + b"tQ"
    )
    return b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + b"K\x00" + size + stride + b"\x89NtR"


LARGE = b"\x8a\x06" + (10**12).to_bytes(6, "little")


def stretched(path: Path) -> None:
    """A million million elements over one, by a stride of 0."""
    as_pth(PROTOCOL + tensor(LARGE + b"\x85", b"K\x00\x85") + b".", path, ("0", bytes(4)))


def many_views(path: Path) -> None:
    """2,000 names for one tensor of 4 MB."""
    one = torch.zeros(MEGABYTE)
    torch.save({"model": {f"a{i}": one[:] for i in range(2000)}, "iteration": 1, "optimizer": {}}, path)


def many_tensors(path: Path) -> None:
    one = torch.zeros(1)
    torch.save([one[:] for _ in range(30_000)], path)


def overlong_name(path: Path) -> None:
    torch.save({"weight": {"a" * 900_000: torch.zeros(1)}, "config": [0] * 18}, path)


def records(count: int) -> Callable[[Path], None]:
    """A zip whose list names `count` records, all the same."""

    def make(path: Path) -> None:
        entry = struct.pack("<4s6H3L5H2L", b"PK\x01\x02", 20, 20, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0) + b"a"
        size = len(entry) * count
        local = struct.pack("<4s5H3L2H", b"PK\x03\x04", 20, 0, 0, 0, 0, 0, 0, 0, 1, 0) + b"a"
        end64 = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, size, len(local))
        locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, len(local) + size, 1)
        end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
        path.write_bytes(local + entry * count + end64 + locator + end)

    return make


def old_stream(path: Path) -> None:
    """The format before 1.6, with a text of 256 MB that is a hole in the file."""
    head = OLD_START + b".\x80\x02M\xe9\x03.\x80\x02}" + text("little_endian") + b"\x88s."
    with path.open("wb") as file:
        file.write(head + PROTOCOL + b"X" + struct.pack("<I", 1 << 28))
        file.truncate(len(head) + (1 << 28) + 100)


def old_stream_keys(path: Path) -> None:
    """The shared lists where the names of storages belong."""
    head = OLD_START + b".\x80\x02M\xe9\x03.\x80\x02}" + text("little_endian") + b"\x88s."
    levels = b"](" + b"]q\x00" + text("a" * 10) + b"a"
    for level in range(15):
        levels += b"](" + (b"h" + bytes([level])) * 9 + b"eq" + bytes([level + 1])
    path.write_bytes(head + PROTOCOL + b"}." + PROTOCOL + levels + b"e.")


def safetensors(header: bytes, path: Path) -> None:
    path.write_bytes(struct.pack("<Q", len(header)) + header)


def large_header(path: Path) -> None:
    safetensors(b'{"__metadata__":{"a":"' + b"a" * (50 * MEGABYTE) + b'"}}', path)


def million_tensors(path: Path) -> None:
    entries = ",".join(f'"{i}":{{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}' for i in range(1_000_000))
    safetensors(f"{{{entries}}}".encode(), path)


def many_names(path: Path) -> None:
    entries = ",".join(f'"{i}":{{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}' for i in range(100_000))
    safetensors(f"{{{entries}}}".encode(), path)


def deep_header(path: Path) -> None:
    safetensors(b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", path)


def bundle(model_card: bytes) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("card.json", model_card)
            archive.writestr("weights.safetensors", b"")

    return make


def folder(config: bytes) -> Callable[[Path], None]:
    """config.json of a content encoder."""

    def make(path: Path) -> None:
        path.mkdir()
        (path / "config.json").write_bytes(config)
        torch.save({}, path / "pytorch_model.bin")

    return make


NESTED = b"[" * 100_000 + b"]" * 100_000
DIGITS = b'{"format": 1' + b"0" * 900_000 + b"}"
WIDE = json.dumps({"format": [[]] * 250_000}).encode()

ENTRIES = [
    "config",
    "config[9]",
    "weight",
    "info",
    "sr",
    "f0",
    "version",
    "encoder",
    "vocoder",
    "embedder_model",
    "epoch",
    "author",
]

# Name of the file, what makes it, and what its refusal says.
BOMBS: dict[str, tuple[Callable[[Path], None], str]] = {
    **{f"voice_{name}.pth": (voice_entry(name), "more than 500,000 values") for name in ENTRIES},
    **{
        f"checkpoint_{name}.pth": (checkpoint_entry(name), "more than 500,000 values")
        for name in ("iteration", "optimizer", "model")
    },
    "holds_itself.pth": (holds_itself, "holds itself"),
    "deep.pth": (deep, "too deep"),
    "rather_deep.pth": (rather_deep, "too deep"),
    "million_keys.pth": (million_keys, "more than 150,000 opcodes"),
    "equal_hashes.pth": (equal_hashes, "too large a number"),
    "long_text.pth": (long_text, "a text of 2,097,152 bytes"),
    "many_long_texts.pth": (many_long_texts, "larger than 8 MiB"),
    "shared_text.pth": (shared_text, "characters of text"),
    "copied_dictionaries.pth": (copied_dictionaries, "copies more than"),
    "copied_texts.pth": (copied_texts, "copies more than"),
    "copied_states.pth": (copied_states, "copies more than"),
    "stretched.pth": (stretched, "lies outside"),
    "many_views.pth": (many_views, "overlap"),
    "many_tensors.pth": (many_tensors, "more than"),
    "overlong_name.pth": (overlong_name, ""),
    "million_records.pth": (records(1_000_000), "list of records is larger than 4 MiB"),
    "million_records.rvcvoice": (records(1_000_000), "list of records is larger than 4 MiB"),
    "many_records.pth": (records(30_000), "more than 20,000 records"),
    "old_stream.pth": (old_stream, "a text of 268,435,456 bytes"),
    "old_stream_keys.pth": (old_stream_keys, "more than 500,000 values"),
    "large_header.safetensors": (large_header, "header is larger than 8 MiB"),
    "million_tensors.safetensors": (million_tensors, "header is larger than 8 MiB"),
    "many_names.safetensors": (many_names, "more than 20,000 tensors"),
    "deep_header.safetensors": (deep_header, "damaged"),
    "deep_description.rvcvoice": (bundle(NESTED), "nested too deep"),
    "digits_description.rvcvoice": (bundle(DIGITS), "more than 640 digits"),
    "wide_description.rvcvoice": (bundle(WIDE), ""),
    "deep_config": (folder(NESTED), "nested too deep"),
    "digits_config": (folder(DIGITS), "more than 640 digits"),
    "large_config": (folder(b" " * (2 * MEGABYTE)), "too large"),
}
