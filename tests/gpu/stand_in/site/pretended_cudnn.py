"""cuDNN's operators on a simulated GPU: outputs of the right shape, dtype and device, nothing computed. Arguments on
two devices or of two dtypes fail as they do in cuDNN. `COUNTS` counts the calls; so does the simulated runtime."""

from __future__ import annotations

import collections
import ctypes
import os
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

COUNTS: collections.Counter[str] = collections.Counter()
LIBRARY = torch.library.Library("aten", "IMPL")
RUNTIME = ctypes.CDLL(os.environ["PRETENDED_LIBRARY"])


def counted(name: str, *tensors: Tensor) -> None:
    first = tensors[0]
    for tensor in tensors[1:]:
        if tensor.device != first.device:
            raise RuntimeError(f"{name}: tensors on {first.device} and {tensor.device}")
        if tensor.dtype != first.dtype:
            raise RuntimeError(f"{name}: tensors of {first.dtype} and {tensor.dtype}")
    COUNTS[name] += 1
    RUNTIME.pretended_launch()


def convolution(
    x: Tensor,
    weight: Tensor,
    padding: Sequence[int],
    stride: Sequence[int],
    dilation: Sequence[int],
    groups: int,
    *_: Any,
) -> Tensor:
    counted("convolution", x, weight)
    if x.shape[1] != weight.shape[1] * groups:
        raise RuntimeError(f"a convolution of {weight.shape[1] * groups} channels got {x.shape[1]}")
    sizes = zip(x.shape[2:], weight.shape[2:], padding, stride, dilation, strict=True)
    places = [(n + 2 * p - d * (k - 1) - 1) // s + 1 for n, k, p, s, d in sizes]
    return torch.empty((x.shape[0], weight.shape[0], *places), dtype=x.dtype, device=x.device)


def transposed_convolution(
    x: Tensor,
    weight: Tensor,
    padding: Sequence[int],
    output_padding: Sequence[int],
    stride: Sequence[int],
    dilation: Sequence[int],
    groups: int,
    *_: Any,
) -> Tensor:
    counted("transposed convolution", x, weight)
    sizes = zip(x.shape[2:], weight.shape[2:], padding, output_padding, stride, dilation, strict=True)
    places = [(n - 1) * s - 2 * p + d * (k - 1) + o + 1 for n, k, p, o, s, d in sizes]
    return torch.empty((x.shape[0], weight.shape[1] * groups, *places), dtype=x.dtype, device=x.device)


def convolution_backward(
    gradient: Tensor,
    x: Tensor,
    weight: Tensor,
    bias_sizes: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    transposed: bool,
    output_padding: Any,
    groups: int,
    wanted: Sequence[bool],
) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
    for part, is_wanted in zip(("input", "weight", "bias"), wanted, strict=True):
        if is_wanted:
            counted(f"convolution backward, {part}", gradient, x, weight)
    return (
        torch.empty_like(x) if wanted[0] else None,
        torch.empty_like(weight) if wanted[1] else None,
        gradient.new_empty(bias_sizes) if wanted[2] else None,
    )


def gru(
    x: Tensor,
    hx: Tensor,
    weights: Sequence[Tensor],
    has_biases: bool,
    layers: int,
    dropout: float,
    train: bool,
    bidirectional: bool,
    batch_first: bool,
) -> tuple[Tensor, Tensor]:
    counted("GRU", x, hx, *weights)
    return x.new_empty((*x.shape[:2], hx.shape[2] * (2 if bidirectional else 1))), hx


def flattened_weights(weights: Sequence[Tensor], *_: Any) -> Tensor:
    return weights[0].new_empty(sum(weight.numel() for weight in weights))


def batch_norm(x: Tensor, weight: Tensor, bias: Tensor, mean: Tensor, *_: Any) -> tuple[Tensor, ...]:
    counted("batch norm", x)
    if not x.device == weight.device == mean.device:
        raise RuntimeError("batch norm: tensors on two devices")
    return torch.empty_like(x), x.new_empty(0), x.new_empty(0), x.new_empty(0, dtype=torch.uint8)


def attention(q: Tensor, k: Tensor, v: Tensor, *_: Any, **__: Any) -> tuple[Any, ...]:
    counted("cuDNN attention", q, k, v)
    nothing, number = q.new_empty(0), torch.empty((), dtype=torch.int64)
    return (
        torch.empty_like(q),
        nothing,
        nothing,
        nothing,
        q.shape[2],
        k.shape[2],
        torch.empty(2, dtype=torch.int64),
        number,
        nothing,
    )


REPLACED: dict[str, Callable[..., Any]] = {
    "cudnn_convolution": convolution,
    "cudnn_convolution_transpose": transposed_convolution,
    "convolution_backward": convolution_backward,
    "cudnn_batch_norm": batch_norm,
    "gru.input": gru,
    "_cudnn_rnn_flatten_weight": flattened_weights,
    "_scaled_dot_product_cudnn_attention": attention,
}

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    for operator, function in REPLACED.items():
        LIBRARY.impl(operator, function, "CUDA")

_abs = torch.Tensor.abs


def _abs_of_complex(self: Tensor, *rest: Any, **more: Any) -> Tensor:
    """CUDA compiles this one when it is called, which a simulated driver cannot."""
    if self.is_cuda and self.is_complex():
        return torch.view_as_real(self).square().sum(-1).sqrt()
    return _abs(self, *rest, **more)


torch.Tensor.abs = _abs_of_complex  # type: ignore[assignment,method-assign]
