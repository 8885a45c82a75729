"""Files of weights, from anybody, as data: torch's two formats and safetensors, recognised by content.

Every size is compared with the file before anything of that size is made, and every record with its checksum. Nothing
is imported, called or evaluated because a file asks for it (see pickle_data.py).
"""

from __future__ import annotations

import mmap
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rvc_engine.common.opening import open_file
from rvc_engine.disk import whole_file
from rvc_engine.errors import of_environment
from rvc_engine.files.foreign import (
    MAX_DEPTH,
    MAX_HEADER_BYTES,
    MAX_PICKLE_BYTES,
    MAX_SHARING,
    MAX_TENSORS,
    MAX_VALUES,
    Opaque,
    Unreadable,
    check_regular,
    describe,
    first_line,
)
from rvc_engine.files.pickle_data import load
from rvc_engine.files.zip_files import open_zip
from rvc_engine.messages import Message

__all__ = [
    "Opaque",
    "Unreadable",
    "check_numbers",
    "check_types",
    "metadata_of",
    "plain",
    "read",
    "read_shapes",
    "read_tensors",
    "safetensors_of",
    "write_safetensors",
]

BLOCK = 4 << 20
SPARE_BYTES = 1 << 20  # small files of plain data may describe this much
FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
COUNTERS = "num_batches_tracked"  # of batch norms: whole numbers that are no weights
OLD_MAGIC = 0x1950A86A20F9469CFC6C
OLD_START = b"\x80\x02\x8a\x0a" + OLD_MAGIC.to_bytes(10, "little")
OLD_PROTOCOL = 1001


def read(path: Path) -> Any:
    """What a .pt, .pth, .bin or .safetensors file holds: plain data, CPU tensors in their stored dtype, `Opaque`
    objects.

    Raises Unreadable for what is damaged, hostile or no file of weights; OSError when it cannot be opened.
    """
    return _read(path, shapes=False)


def read_shapes(path: Path) -> Any:
    """As `read`, with tensors of torch's device "meta": shapes and types, in milliseconds. No number is read and no
    checksum compared."""
    return _read(path, shapes=True)


def _read(path: Path, *, shapes: bool) -> Any:
    size = check_regular(path)
    with open_file(path) as file:
        head = file.read(16)
    try:
        if head.startswith(b"PK\x03\x04"):
            return _read_zip(path, size, shapes)
        if head.startswith(OLD_START):
            return _read_old_stream(path, shapes)
        if head[8:9] == b"{" and int.from_bytes(head[:8], "little") < size:
            return _read_safetensors(path, shapes)
    except Unreadable:
        raise
    except MemoryError as error:
        raise Unreadable(Message("files.needs_memory")) from error
    except OSError as error:
        if of_environment(error):
            raise
        raise Unreadable(Message("files.damaged", reason=first_line(error))) from error
    except Exception as error:  # zipfile, struct, pickletools and torch each have their own words for damage
        raise Unreadable(Message("files.damaged", reason=first_line(error))) from error
    raise Unreadable(Message("files.no_weights"))


def read_tensors(path: Path) -> dict[str, Tensor]:
    """A file that is one dictionary of tensors. Raises as `read`, and Unreadable when it holds anything else."""
    content = read(path)
    if not isinstance(content, dict) or not content:
        raise Unreadable(Message("files.no_tensors"))
    other = [key for key, value in content.items() if not isinstance(value, Tensor) or not isinstance(key, str)]
    if other:
        raise Unreadable(Message("files.more_than_tensors", other=describe(other[0], 40)))
    return content


def metadata_of(path: Path) -> dict[str, str]:
    """The texts that a safetensors file carries. Raises as `read`."""
    from safetensors import SafetensorError

    try:
        with _open_safetensors(path) as file:
            return dict(file.metadata() or {})
    except SafetensorError as error:
        raise Unreadable(Message("files.damaged", reason=first_line(error))) from error


def safetensors_of(content: bytes) -> dict[str, Tensor]:
    """The tensors of a safetensors file in memory. Raises Unreadable."""
    from safetensors import SafetensorError
    from safetensors.torch import load as load_safetensors

    _check_header(content[:8])
    try:
        return dict(load_safetensors(content))
    except (SafetensorError, KeyError, ValueError, RuntimeError) as error:
        raise Unreadable(Message("files.damaged", reason=first_line(error))) from error


def check_types(weights: Mapping[Any, Any]) -> None:
    """Raises Unreadable, in words, for weights that are no float16, bfloat16, float32 or float64: 8-bit floats,
    integers and the like mean nothing without what the program that made them knows."""
    for name, value in weights.items():
        if not isinstance(value, Tensor):
            raise Unreadable(Message("files.no_tensor", name=describe(name, 120)))
        if value.dtype not in FLOATS and not (isinstance(name, str) and name.endswith(COUNTERS)):
            raise Unreadable(Message("files.other_type", type=words_for(value.dtype), name=describe(name, 120)))


def check_numbers(weights: Mapping[Any, Any]) -> None:
    """As `check_types`; raises Unreadable for weights that are not finite, too."""
    check_types(weights)
    for name, value in weights.items():
        if value.dtype in FLOATS and not value.isfinite().all():
            raise Unreadable(Message("files.not_finite", name=describe(name, 120)))


def words_for(dtype: torch.dtype) -> Message:
    """What numbers of a type are, for people."""
    name = str(dtype).removeprefix("torch.")
    if dtype.is_floating_point:
        fp8 = name.startswith("float8")
        return Message("files.type_fp8", type=name) if fp8 else Message("files.type_float", type=name)
    if dtype == torch.bool:
        return Message("files.type_bool")
    return Message("files.type_complex", type=name) if dtype.is_complex else Message("files.type_integer", type=name)


def write_safetensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None) -> None:
    """Raises DiskFull."""
    from safetensors.torch import save_file

    with whole_file(path) as temporary:
        save_file(
            {key: value.detach().cpu().contiguous().clone() for key, value in tensors.items()},
            temporary,
            dict(metadata or {}),
        )


def plain(value: Any) -> Any:
    """argparse.Namespace and omegaconf objects as dictionaries, lists and scalars. Raises Unreadable for what has no
    plain form."""
    return _Plain().of(value, 0)


# --- formats ---------------------------------------------------------------------------------------
def _read_zip(path: Path, size: int, shapes: bool) -> Any:
    with open_zip(path) as archive:
        records = _records(archive, size)
        found = [name for name in records if name.rpartition("/")[2] == "data.pkl"]
        if len(found) != 1:
            raise Unreadable(Message("files.several_pickles") if found else Message("files.zip_no_weights"))
        prefix = found[0][: -len("data.pkl")]
        if records[found[0]].file_size > MAX_PICKLE_BYTES:
            raise Unreadable(Message("pickle.too_large", mib=MAX_PICKLE_BYTES >> 20))
        order = records.get(f"{prefix}byteorder")
        if order is not None and archive.read(order)[:8] != b"little":
            raise Unreadable(Message("files.big_endian"))
        held: dict[str, Tensor] = {}

        def storage(key: str, dtype_name: str, count: int) -> Tensor:
            dtype = getattr(torch, dtype_name)
            if key not in held:
                record = records.get(f"{prefix}data/{key}")
                if record is None or record.file_size != count * dtype.itemsize:
                    raise Unreadable(Message("files.tensor_missing"))
                held[key] = (
                    torch.empty(count, dtype=dtype, device="meta") if shapes else _stored(archive, record, dtype)
                )
            return _same(held[key], dtype, count)

        return load(archive.read(found[0]), storage, MAX_SHARING * size + SPARE_BYTES)


def _stored(archive: zipfile.ZipFile, record: zipfile.ZipInfo, dtype: torch.dtype) -> Tensor:
    """The numbers of a record, which is compared with its checksum on the way; never held twice."""
    flat = torch.empty(record.file_size, dtype=torch.uint8)
    room, at = flat.numpy(), 0
    with archive.open(record) as source:
        while block := source.read(BLOCK):
            room[at : at + len(block)] = np.frombuffer(block, dtype=np.uint8)
            at += len(block)
    if at != record.file_size:
        raise Unreadable(Message("files.tensor_cut_short"))
    return flat.view(dtype)


def _records(archive: zipfile.ZipFile, size: int) -> dict[str, zipfile.ZipInfo]:
    """Members by name: all stored as they are, none twice, together no larger than the file."""
    members = archive.infolist()
    records = {member.filename: member for member in members}
    if len(records) != len(members):
        raise Unreadable(Message("files.record_twice"))
    if any(
        member.compress_type != zipfile.ZIP_STORED or member.file_size != member.compress_size for member in members
    ):
        raise Unreadable(Message("files.compressed"))
    if sum(member.file_size for member in members) > size:
        raise Unreadable(Message("files.records_too_large"))
    return records


def _read_old_stream(path: Path, shapes: bool) -> Any:
    """Five pickles (magic number, protocol, sizes, the object, keys of storages), then for each key an int64 count and
    its numbers."""
    with open_file(path) as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        magic, protocol, sizes = (load(data, _no_storages) for _ in range(3))
        if (
            magic != OLD_MAGIC
            or protocol != OLD_PROTOCOL
            or not isinstance(sizes, dict)
            or sizes.get("little_endian") is not True
        ):
            raise Unreadable(Message("files.old_format"))
        wanted: dict[str, Tensor] = {}
        promised = 0

        def storage(key: str, dtype_name: str, count: int) -> Tensor:
            nonlocal promised
            dtype = getattr(torch, dtype_name)
            if key not in wanted:
                promised += count * dtype.itemsize
                if promised > data.size():
                    raise Unreadable(Message("files.tensors_too_large"))
                # the numbers follow after the object
                wanted[key] = torch.zeros(count, dtype=dtype, device="meta" if shapes else "cpu")
            return _same(wanted[key], dtype, count)

        content, keys = load(data, storage, MAX_SHARING * data.size() + SPARE_BYTES), load(data, _no_storages)
        if (
            not isinstance(keys, list)
            or not all(isinstance(key, str) for key in keys)
            or sorted(keys) != sorted(wanted)
        ):
            raise Unreadable(Message("files.tensors_missing"))
        for key in () if shapes else keys:
            target = wanted[key]
            count, numbers = int.from_bytes(data.read(8), "little", signed=True), data.read(target.nbytes)
            if count != target.numel() or len(numbers) != target.nbytes:
                raise Unreadable(Message("files.tensor_size"))
            target.copy_(_numbers(numbers, target.dtype))
        return content


def _no_storages(key: str, dtype_name: str, count: int) -> Tensor:
    raise Unreadable(Message("files.tensor_misplaced"))


def _numbers(content: bytes, dtype: torch.dtype) -> Tensor:
    return torch.frombuffer(bytearray(content), dtype=dtype) if content else torch.empty(0, dtype=dtype)


def _same(storage: Tensor, dtype: torch.dtype, count: int) -> Tensor:
    if storage.dtype != dtype or storage.numel() != count:
        raise Unreadable(Message("files.tensors_disagree"))
    return storage


def _check_header(start: bytes) -> None:
    if int.from_bytes(start, "little") > MAX_HEADER_BYTES:
        raise Unreadable(Message("files.large_header", mib=MAX_HEADER_BYTES >> 20))


@contextmanager
def _open_safetensors(path: Path) -> Iterator[Any]:
    """safetensors compares every size and shape with the file; how much of it there may be is bounded here."""
    from safetensors import safe_open

    check_regular(path)
    with open_file(path) as start:
        _check_header(start.read(8))
    with safe_open(path, framework="pt") as file:
        yield file


def _read_safetensors(path: Path, shapes: bool) -> dict[str, Tensor]:
    with _open_safetensors(path) as file:
        names = list(file.keys())
        if len(names) > MAX_TENSORS:
            raise Unreadable(Message("pickle.many_tensors", most=MAX_TENSORS))
        found = {name: _shape_of(file.get_slice(name)) for name in names}
        return found if shapes else {name: file.get_tensor(name) for name in names}


SAFETENSORS_DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E5M2": torch.float8_e5m2,
    "U16": torch.uint16,
    "U32": torch.uint32,
    "U64": torch.uint64,
    "C64": torch.complex64,
}


def _shape_of(part: Any) -> Tensor:
    dtype = SAFETENSORS_DTYPES.get(part.get_dtype())
    if dtype is None:
        raise Unreadable(Message("files.unknown_type", type=describe(part.get_dtype())))
    return torch.empty(part.get_shape(), dtype=dtype, device="meta")


# --- plain data ------------------------------------------------------------------------------------
class _Plain:
    """Follows `_content` and `_val` of omegaconf alone: `_parent` points back up."""

    def __init__(self) -> None:
        self.nodes = 0

    def of(self, value: Any, depth: int) -> Any:
        self.nodes += 1
        if self.nodes > MAX_VALUES or depth > MAX_DEPTH:
            raise Unreadable(Message("files.configuration_too_large"))
        if isinstance(value, Opaque):
            for key in ("_content", "_val"):
                if key in value.state:
                    return self.of(value.state[key], depth + 1)
            if value.kind != "argparse.Namespace":
                raise Unreadable(Message("files.configuration_holds", kind=value.kind))
            value = value.state
        if isinstance(value, dict):
            return {key: self.of(item, depth + 1) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.of(item, depth + 1) for item in value]
        if value is None or isinstance(value, str | int | float | bytes):
            return value
        raise Unreadable(Message("files.configuration_not_plain"))
