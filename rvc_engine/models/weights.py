"""Files of weights, from anybody, as data: torch's two formats and safetensors, told apart by content.

Every size is compared with the file before anything of that size is made, and every record with its checksum. Nothing is imported,
called or evaluated because a file asks for it (see pickle_data.py).
"""

from __future__ import annotations

import mmap
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from rvc_engine.disk import whole_file
from rvc_engine.errors import of_environment
from rvc_engine.models.pickle_data import Opaque, Unreadable, load
from rvc_engine.opening import open_file, refuse_other

__all__ = ["Opaque", "Unreadable", "metadata_of", "plain", "read", "read_tensors", "write_safetensors"]

MAX_PICKLE_BYTES = 32 << 20
MAX_RECORDS = 100_000
MAX_NODES = 200_000
MAX_DEPTH = 100
OLD_MAGIC = 0x1950A86A20F9469CFC6C
OLD_START = b"\x80\x02\x8a\x0a" + OLD_MAGIC.to_bytes(10, "little")
OLD_PROTOCOL = 1001


def read(path: Path) -> Any:
    """What a .pt, .pth, .bin or .safetensors file holds: plain data, CPU tensors in their stored dtype, `Opaque` objects.

    Raises Unreadable for what is damaged, hostile or no file of weights; OSError when it cannot be opened.
    """
    with open_file(path) as file:
        about = os.fstat(file.fileno())
        head = file.read(16)
    try:
        if head.startswith(b"PK\x03\x04"):
            return _read_zip(path, about.st_size)
        if head.startswith(OLD_START):
            return _read_old_stream(path)
        if head[8:9] == b"{" and int.from_bytes(head[:8], "little") < about.st_size:
            return _read_safetensors(path)
    except Unreadable:
        raise
    except MemoryError as error:
        raise Unreadable("it needs more memory than there is") from error
    except OSError as error:
        if of_environment(error):
            raise
        raise Unreadable(f"it is damaged: {_first_line(error)}") from error
    except Exception as error:  # zipfile, struct, pickletools and torch each have their own words for damage
        raise Unreadable(f"it is damaged: {_first_line(error)}") from error
    raise Unreadable("it is no file of weights: neither torch's format nor safetensors")


def read_tensors(path: Path) -> dict[str, Tensor]:
    """A file that is one dictionary of tensors. Raises as `read`, and Unreadable when it holds anything else."""
    content = read(path)
    if not isinstance(content, dict) or not content:
        raise Unreadable("it holds no dictionary of tensors")
    other = [key for key, value in content.items() if not isinstance(value, Tensor) or not isinstance(key, str)]
    if other:
        raise Unreadable(f"it holds more than tensors: {str(other[0])[:40]!r}")
    return content


def metadata_of(path: Path) -> dict[str, str]:
    """The texts that a safetensors file carries. Raises as `read`."""
    from safetensors import SafetensorError, safe_open

    try:
        refuse_other(path)
        with safe_open(path, framework="pt") as file:
            return dict(file.metadata() or {})
    except SafetensorError as error:
        raise Unreadable(f"it is damaged: {_first_line(error)}") from error


def write_safetensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None) -> None:
    """Raises DiskFull."""
    from safetensors.torch import save_file

    with whole_file(path) as temporary:
        save_file({key: value.detach().cpu().contiguous().clone() for key, value in tensors.items()}, temporary, dict(metadata or {}))


def plain(value: Any) -> Any:
    """argparse.Namespace and omegaconf objects as dictionaries, lists and scalars. Raises Unreadable for what has no plain form."""
    return _Plain().of(value, 0)


# --- formats ------------------------------------------------------------------------------------------------------------
def _read_zip(path: Path, size: int) -> Any:
    with open_file(path) as file, zipfile.ZipFile(file) as archive:
        records = _records(archive, size)
        found = [name for name in records if name.rpartition("/")[2] == "data.pkl"]
        if len(found) != 1:
            raise Unreadable("it is a zip, but no file of weights" if not found else "it has several pickles")
        prefix = found[0][: -len("data.pkl")]
        if records[found[0]].file_size > MAX_PICKLE_BYTES:
            raise Unreadable("its description is too large")
        order = records.get(f"{prefix}byteorder")
        if order is not None and archive.read(order)[:8] != b"little":
            raise Unreadable("its numbers are big endian")
        held: dict[str, Tensor] = {}

        def storage(key: str, dtype_name: str, count: int) -> Tensor:
            dtype = getattr(torch, dtype_name)
            if key not in held:
                record = records.get(f"{prefix}data/{key}")
                if record is None or record.file_size != count * dtype.itemsize:
                    raise Unreadable("a stored tensor is missing or has another size than it says")
                held[key] = _numbers(archive.read(record), dtype)
            return _same(held[key], dtype, count)

        return load(archive.read(found[0]), storage)


def _records(archive: zipfile.ZipFile, size: int) -> dict[str, zipfile.ZipInfo]:
    """Members by name: all stored as they are, none twice, together no larger than the file."""
    members = archive.infolist()
    records = {member.filename: member for member in members}
    if len(members) > MAX_RECORDS or len(records) != len(members):
        raise Unreadable("it has too many records, or one twice")
    if any(member.compress_type != zipfile.ZIP_STORED or member.file_size != member.compress_size for member in members):
        raise Unreadable("it is compressed, which no file of weights is")
    if sum(member.file_size for member in members) > size:
        raise Unreadable("its records are larger than the file")
    return records


def _read_old_stream(path: Path) -> Any:
    """Five pickles (magic number, protocol, sizes, the object, keys of storages), then for each key an int64 count and its numbers."""
    with open_file(path) as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        magic, protocol, sizes = (load(data, _no_storages) for _ in range(3))
        if magic != OLD_MAGIC or protocol != OLD_PROTOCOL or not isinstance(sizes, dict) or sizes.get("little_endian") is not True:
            raise Unreadable("it is of a version of torch's old format that is not known")
        wanted: dict[str, Tensor] = {}
        promised = 0

        def storage(key: str, dtype_name: str, count: int) -> Tensor:
            nonlocal promised
            dtype = getattr(torch, dtype_name)
            if key not in wanted:
                promised += count * dtype.itemsize
                if promised > data.size():
                    raise Unreadable("its tensors are larger than the file")
                wanted[key] = torch.zeros(count, dtype=dtype)  # filled below: the numbers follow after the object
            return _same(wanted[key], dtype, count)

        content, keys = load(data, storage), load(data, _no_storages)
        if not isinstance(keys, list) or sorted(map(str, keys)) != sorted(wanted):
            raise Unreadable("it lacks some of its stored tensors")
        for key in keys:
            target = wanted[key]
            count, numbers = int.from_bytes(data.read(8), "little", signed=True), data.read(target.nbytes)
            if count != target.numel() or len(numbers) != target.nbytes:
                raise Unreadable("a stored tensor has another size than it says")
            target.copy_(_numbers(numbers, target.dtype))
        return content


def _no_storages(key: str, dtype_name: str, count: int) -> Tensor:
    raise Unreadable("it stores a tensor where there is none")


def _numbers(content: bytes, dtype: torch.dtype) -> Tensor:
    return torch.frombuffer(bytearray(content), dtype=dtype) if content else torch.empty(0, dtype=dtype)


def _same(storage: Tensor, dtype: torch.dtype, count: int) -> Tensor:
    if storage.dtype != dtype or storage.numel() != count:
        raise Unreadable("two tensors disagree about what they share")
    return storage


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    from safetensors import safe_open

    with safe_open(path, framework="pt") as file:
        names = list(file.keys())
        return {name: file.get_tensor(name) for name in names}


# --- plain data ---------------------------------------------------------------------------------------------------------
class _Plain:
    """Follows `_content` and `_val` of omegaconf alone: `_parent` points back up."""

    def __init__(self) -> None:
        self.nodes = 0

    def of(self, value: Any, depth: int) -> Any:
        self.nodes += 1
        if self.nodes > MAX_NODES or depth > MAX_DEPTH:
            raise Unreadable("its configuration is too large or too deep")
        if isinstance(value, Opaque):
            for key in ("_content", "_val"):
                if key in value.state:
                    return self.of(value.state[key], depth + 1)
            if value.kind != "argparse.Namespace":
                raise Unreadable(f"its configuration holds {value.kind}")
            value = value.state
        if isinstance(value, dict):
            return {key: self.of(item, depth + 1) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.of(item, depth + 1) for item in value]
        if value is None or isinstance(value, str | int | float | bytes):
            return value
        raise Unreadable("its configuration holds something that is no plain data")


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
