"""Networks whose weights come from a file are built without any: on torch's device "meta", and not initialised. For
some functions torch would import its compiler there, which takes more than a second."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.overrides import TorchFunctionMode


class _NotInitialised(TorchFunctionMode):
    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if getattr(func, "__module__", "") == "torch.nn.init":
            return args[0] if args else kwargs["tensor"]
        return func(*args, **kwargs)


@contextmanager
def without_weights() -> Iterator[None]:
    """Inside, networks get parameters of their shapes that hold no numbers."""
    with torch.device("meta"), _NotInitialised():
        yield
