"""Arrays of numbers in .npy files. They appear whole; whatever lies under such a name is read as one, or named with
what is wrong with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from rvc_engine.common.opening import open_file
from rvc_engine.disk import whole_file
from rvc_engine.errors import RvcError, reason_of
from rvc_engine.messages import NOTHING, Message

AGAIN = Message("common.redo_clip")
Array = np.ndarray[Any, Any]
Number = TypeVar("Number", bound=np.generic)


def save_array(path: Path, values: NDArray[np.generic], *, durable: bool = False) -> None:
    """Not forced to the disk unless `durable`: most can be made again. Raises DiskFull, OSError."""
    with whole_file(path, durable=durable) as temporary, temporary.open("wb") as file:
        np.save(file, values)


def why_not_saved(path: Path, values: NDArray[np.generic]) -> Message:
    """Saves them. Returns NOTHING, or why they cannot be there, when something else has that name."""
    try:
        save_array(path, values)
    except IsADirectoryError:
        return Message("work.folder_in_place", path=path)
    return NOTHING


def read_array(path: Path, axes: int, *, mmap: bool = False, width: int = 0, kinds: str = "fiu") -> Array:
    """Numbers (of numpy's `kinds`) along so many axes, the last of them `width` wide where it is given. Nothing in the
    file is unpickled, and its sizes are compared with the file's before memory is taken. `mmap`: mapped, not read.

    Raises RvcError naming the file and what is wrong with it.
    """
    if not path.is_file():
        raise RvcError("common.cannot_be_read", _what_else(path), AGAIN, path=path)
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception as error:  # numpy parses the header as Python, and raises what that raises
        raise RvcError("common.cannot_be_read", _reason(path, error), AGAIN, path=path) from error
    if not isinstance(array, np.ndarray):  # an .npz, which numpy knows by its content
        array.close()
        raise RvcError("common.array_archive", NOTHING, AGAIN, path=path)
    if array.dtype.kind not in kinds:
        raise RvcError("common.array_not_numbers", NOTHING, AGAIN, path=path, kind=array.dtype.name)
    if array.ndim != axes:
        raise RvcError("common.array_axes", NOTHING, AGAIN, path=path, axes=axes, shape=str(array.shape))
    if width and array.shape[-1] != width:
        raise RvcError("common.array_width", NOTHING, AGAIN, path=path, width=array.shape[-1], expected=width)
    if mmap:
        return array
    # as torch takes them
    return np.array(array, dtype=np.float64 if array.dtype.itemsize > 8 else array.dtype.newbyteorder("="))


def _what_else(path: Path) -> Message:
    if path.is_dir():
        return Message("common.is_folder")
    return Message("common.is_no_file") if path.exists() else Message("common.is_not_there")


def _reason(path: Path, error: Exception) -> Message:
    if isinstance(error, OSError):
        return reason_of(error)
    try:
        with open_file(path) as file:
            start = file.read(6)
    except OSError as unreadable:
        return reason_of(unreadable)
    if not start:
        return Message("common.is_empty")
    return Message("common.array_damaged") if start == b"\x93NUMPY" else Message("common.is_no_npy")


def read_floats(path: Path, axes: int, *, width: int = 0) -> NDArray[np.float32]:
    """As `read_array`. Raises RvcError also where a number is not finite, as float32."""
    with np.errstate(over="ignore"):
        return finite(read_array(path, axes, width=width).astype(np.float32), path)


def finite(array: NDArray[Number], path: Path) -> NDArray[Number]:
    """The array. Raises RvcError where a number in it is not finite."""
    if not np.isfinite(array).all():
        raise RvcError("common.array_not_finite", NOTHING, AGAIN, path=path)
    return array
