"""Read first by every Python process on a pretended GPU: replaces cuDNN's operators as soon as torch is there."""

from __future__ import annotations

import importlib.abc
import importlib.util
import os
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any


class AfterTorch(importlib.abc.MetaPathFinder):
    def find_spec(self, name: str, path: Any, target: Any = None) -> ModuleSpec | None:
        if name != "torch":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        assert spec is not None and spec.loader is not None
        run = spec.loader.exec_module

        def exec_module(module: ModuleType) -> None:
            run(module)
            import pretended_cudnn  # noqa: F401 - beside this file

        spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


if "PRETENDED_LIBRARY" in os.environ:
    sys.meta_path.insert(0, AfterTorch())
