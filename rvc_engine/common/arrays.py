"""Arrays of numbers in .npy files. They appear whole; whatever lies under such a name is read as one, or named with
what is wrong with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from rvc_engine.common.opening import open_file
from rvc_engine.disk import whole_file
from rvc_engine.errors import RvcError

AGAIN = "remove that clip's files, or run the stages before again with --fresh"
Array = np.ndarray[Any, Any]
Number = TypeVar("Number", bound=np.generic)


def save_array(path: Path, values: NDArray[np.generic], *, durable: bool = False) -> None:
    """Not forced to the disk unless `durable`: most can be made again. Raises DiskFull, OSError."""
    with whole_file(path, durable=durable) as temporary, temporary.open("wb") as file:
        np.save(file, values)


def why_not_saved(path: Path, values: NDArray[np.generic]) -> str:
    """Saves them. Returns "", or why they cannot be there, when something else has that name."""
    try:
        save_array(path, values)
    except IsADirectoryError:
        return f"{path} is a folder: move it away"
    return ""


def read_array(path: Path, axes: int, *, mmap: bool = False, width: int = 0, kinds: str = "fiu") -> Array:
    """Numbers (of numpy's `kinds`) along so many axes, the last of them `width` wide where it is given. Nothing in the
    file is unpickled, and its sizes are compared with the file's before memory is taken. `mmap`: mapped, not read.

    Raises RvcError naming the file and what is wrong with it.
    """
    if not path.is_file():
        what = "it is a folder" if path.is_dir() else "it is no file" if path.exists() else "it is not there"
        raise RvcError(f"{path} cannot be read", what, AGAIN)
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception as error:  # numpy parses the header as Python, and raises what that raises
        raise RvcError(f"{path} cannot be read", _reason(path, error), AGAIN) from error
    if not isinstance(array, np.ndarray):  # an .npz, which numpy knows by its content
        array.close()
        raise RvcError(f"{path} does not fit", "it is an archive of arrays (.npz), not one array (.npy)", AGAIN)
    if array.dtype.kind not in kinds:
        raise RvcError(f"{path} does not fit", f"it holds {array.dtype.name}, not real numbers", AGAIN)
    if array.ndim != axes:
        raise RvcError(
            f"{path} does not fit", f"expected numbers along {axes} axes, found the shape {array.shape}", AGAIN
        )
    if width and array.shape[-1] != width:
        raise RvcError(f"{path} does not fit", f"it is {array.shape[-1]} wide, not {width}", AGAIN)
    if mmap:
        return array
    # as torch takes them
    return np.array(array, dtype=np.float64 if array.dtype.itemsize > 8 else array.dtype.newbyteorder("="))


def _reason(path: Path, error: Exception) -> str:
    if isinstance(error, OSError):
        return error.strerror or str(error)
    try:
        with open_file(path) as file:
            start = file.read(6)
    except OSError as unreadable:
        return unreadable.strerror or str(unreadable)
    if not start:
        return "it is empty"
    return "it is damaged, or holds objects instead of numbers" if start == b"\x93NUMPY" else "it is no .npy file"


def read_floats(path: Path, axes: int, *, width: int = 0) -> NDArray[np.float32]:
    """As `read_array`. Raises RvcError also where a number is not finite, as float32."""
    with np.errstate(over="ignore"):
        return finite(read_array(path, axes, width=width).astype(np.float32), path)


def finite(array: NDArray[Number], path: Path) -> NDArray[Number]:
    """The array. Raises RvcError where a number in it is not finite."""
    if not np.isfinite(array).all():
        raise RvcError(f"{path} is damaged", "it holds numbers that are not finite", AGAIN)
    return array
