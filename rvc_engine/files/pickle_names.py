"""The names that a pickle of weights may use, and what each makes: plain data, tensors over stored numbers, and
stand-ins (`Opaque`) for a few classes whose state is plain data."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rvc_engine.files.foreign import MAX_KEY, MAX_RANK, SCALARS, Opaque, Unreadable, describe
from rvc_engine.messages import Message

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Global:
    """A name in a pickle; never looked up."""

    module: str
    name: str

    def __str__(self) -> str:
        return "".join(c if c.isprintable() else "?" for c in f"{self.module}.{self.name}"[:80])


STORAGES = {
    f"{name}Storage": dtype
    for name, dtype in {
        "Float": "float32",
        "Half": "float16",
        "BFloat16": "bfloat16",
        "Double": "float64",
        "Long": "int64",
        "Int": "int32",
        "Short": "int16",
        "Char": "int8",
        "Byte": "uint8",
        "Bool": "bool",
    }.items()
}
UNTYPED = "torch.storage.UntypedStorage"  # bytes; each tensor over them names its own type
UNTYPED_DTYPES = {
    *(
        "float8_e4m3fn",
        "float8_e5m2",
        "float8_e4m3fnuz",
        "float8_e5m2fnuz",
        "float8_e8m0fnu",
        "uint16",
        "uint32",
        "uint64",
    ),
    *STORAGES.values(),
}
QUANTISED = {
    "torch._utils._rebuild_qtensor",
    *(f"torch.{name}Storage" for name in ("QInt8", "QUInt8", "QInt32", "QUInt4x2", "QUInt2x4")),
}
NUMPY_SCALARS = {"f2": "float16", "f4": "float32", "f8": "float64", "i4": "int32", "i8": "int64", "b1": "bool"}
OPAQUE = {
    "argparse.Namespace",
    "fairseq.data.dictionary.Dictionary",
    "omegaconf.dictconfig.DictConfig",
    "omegaconf.listconfig.ListConfig",
    "omegaconf.nodes.AnyNode",
    "omegaconf.base.ContainerMetadata",
    "omegaconf.base.Metadata",
}
TYPES = {
    "typing.Any",
    *(f"{module}.{name}" for module in ("__builtin__", "builtins") for name in ("dict", "list", "long", "int", "str")),
}


# --- what a REDUCE may do --------------------------------------------------------------------------
def _tensor(storage: Tensor, offset: int, size: tuple[int, ...], stride: tuple[int, ...], *_: Any) -> Tensor:
    from torch import Tensor

    numbers = (offset, *size, *stride)
    if not isinstance(storage, Tensor) or any(type(number) is not int or number < 0 for number in numbers):
        raise Unreadable(Message("pickle.tensor_no_numbers"))
    if len(size) != len(stride) or len(size) > MAX_RANK:
        raise Unreadable(Message("pickle.dimensions", dimensions=len(size), strides=len(stride)))
    count = math.prod(size)
    last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
    if count and (count > storage.numel() or last >= storage.numel()):
        raise Unreadable(Message("pickle.tensor_outside", size=list(size), numbers=storage.numel()))
    return storage.as_strided(size, stride, offset) if count else storage.new_empty(size)


def _untyped_tensor(
    storage: Tensor,
    offset: int,
    size: tuple[int, ...],
    stride: tuple[int, ...],
    _grad: Any,
    _hooks: Any,
    dtype: Any,
    *_: Any,
) -> Tensor:
    """Of a type that has no storage class of its own, such as the 8-bit floats."""
    import torch

    known = isinstance(dtype, Global) and dtype.module == "torch" and dtype.name in UNTYPED_DTYPES
    if not known or not isinstance(storage, torch.Tensor):
        raise Unreadable(Message("pickle.tensor_type"))
    return _tensor(storage.view(getattr(torch, dtype.name)), offset, size, stride)


def _parameter(tensor: Tensor, *_: Any) -> Tensor:
    from torch import Tensor

    if not isinstance(tensor, Tensor):
        raise Unreadable(Message("pickle.no_tensor"))
    return tensor


def _ordered_dict(pairs: Any = ()) -> dict[Any, Any]:
    made: dict[Any, Any] = {}
    for pair in _sequence(pairs):
        put_entry(made, *_sequence(pair))
    return made


def _sequence(value: Any) -> list[Any] | tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise Unreadable(Message("pickle.no_sequence"))
    return value


def _encoded(text: str, encoding: str) -> bytes:
    if encoding != "latin1":
        raise Unreadable(Message("pickle.bytes_encoded", encoding=describe(encoding, 20)))
    return text.encode("latin1")


def _dtype(name: str, *_: Any) -> Opaque:
    return Opaque("numpy.dtype", {"name": name})


def _numpy_scalar(dtype: Opaque, content: bytes) -> Any:
    import numpy as np

    name = NUMPY_SCALARS.get(dtype.state["name"])
    if dtype.kind != "numpy.dtype" or name is None or not isinstance(content, bytes):
        raise Unreadable(Message("pickle.numpy_number"))
    return np.frombuffer(content, np.dtype(name).newbyteorder("<"), 1)[0].item()


def put_entry(target: Any, key: Any, value: Any) -> None:
    if type(target) is not dict:
        raise Unreadable(Message("pickle.no_dictionary"))
    if not isinstance(key, SCALARS):  # hashing nested tuples may take for ever
        raise Unreadable(Message("pickle.key_kind"))
    if isinstance(key, int) and abs(key) >= MAX_KEY:
        raise Unreadable(Message("pickle.key_large"))
    target[key] = value


CALLS: dict[str, Callable[..., Any]] = {
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_tensor_v3": _untyped_tensor,
    "torch._utils._rebuild_parameter": _parameter,
    "collections.OrderedDict": _ordered_dict,
    "collections.defaultdict": lambda kind=None: {},
    "torch.Size": lambda numbers=(): tuple(_sequence(numbers)),
    "_codecs.encode": _encoded,
    "numpy.dtype": _dtype,
    "numpy.core.multiarray.scalar": _numpy_scalar,
    "numpy._core.multiarray.scalar": _numpy_scalar,
}
WITHOUT_TENSORS = {name: (lambda *_: None) if "._rebuild_" in name else call for name, call in CALLS.items()}
