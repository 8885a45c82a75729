"""Parts of the networks that half precision leaves in float32. They take little of the time, and a training step's
gradients depend on them most (docs/gpu.md)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from rvc_engine.models.conv import Conv1d


class InFloat32(nn.Module):
    """Computes in float32, also inside autocast; nobody rounds its weights. The first argument is a tensor."""

    def __call__(self, x: Tensor, *more: Any) -> Any:
        with torch.autocast(x.device.type, enabled=False):
            return super().__call__(x.float(), *more)


class Float32Conv1d(InFloat32, Conv1d):
    """conv.Conv1d."""


class Float32Linear(InFloat32, nn.Linear):
    """torch's Linear."""
