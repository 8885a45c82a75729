"""The weights that a step computes with, made from a network's parameters by few operations: the weight norms of one
shape together, and all that is computed in half precision rounded together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from rvc_engine.files.half import DTYPES, ROUNDED
from rvc_engine.models.float32 import InFloat32
from rvc_engine.models.weight_norm import WeightNormed

GROUP_BYTES = 48 << 20
"""Of weights that are computed together. Larger blocks of memory fit less well into what a step has freed: without this
bound one of v2-40k in bf16 reserved 3.5 GB instead of 3.1 (batch size 4; tests/gpu/test_steps.py prints it)."""
Place = tuple[nn.Module, str]
"""Of a parameter: its module, and its name there."""


class Rounded(torch.autograd.Function):
    """Tensors in another type, and their gradients in the tensors' own, by one operation each way."""

    @staticmethod
    def forward(ctx: Any, dtype: torch.dtype, *tensors: Tensor) -> tuple[Tensor, ...]:
        ctx.set_materialize_grads(False)
        return tuple(_as_type(list(tensors), dtype))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> Any:
        given = [gradient for gradient in gradients if gradient is not None]
        found = iter(_as_type(given, torch.float32))
        return None, *(None if gradient is None else next(found) for gradient in gradients)


class Normed(torch.autograd.Function):
    """Weight norm of one or more tensors of one shape, with all their norms in one: (rows, *), (rows, 1, ...) each ->
    (sum of rows, *). What is put together is not kept for the way back, where it is put together again."""

    @staticmethod
    def forward(ctx: Any, g: Tensor, *v: Tensor) -> Tensor:
        weight, norms = torch._weight_norm_interface(_together(v), g, 0)
        ctx.save_for_backward(g, norms, *v)
        return weight

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        g, norms, *v = ctx.saved_tensors
        of_v, of_g = torch.ops.aten._weight_norm_interface_backward(gradient.contiguous(), _together(v), g, norms, 0)
        return of_g, *of_v.split(len(v[0]))


def _together(tensors: Sequence[Tensor]) -> Tensor:
    return tensors[0] if len(tensors) == 1 else torch.cat(list(tensors))


def _as_type(tensors: list[Tensor], dtype: torch.dtype) -> list[Tensor]:
    copies = [torch.empty_like(tensor, dtype=dtype, memory_format=torch.contiguous_format) for tensor in tensors]
    torch._foreach_copy_(copies, [tensor.contiguous() for tensor in tensors])  # others would be copied one by one
    return copies


class StepWeights:
    """`precision`: fp32, bf16 or fp16. `together`: False prepares constants alone. Each gradient then arrives on its
    own: several processes add them up while the rest is computed, and gradient checkpointing wants few at a time."""

    def __init__(self, network: nn.Module, precision: str, *, together: bool = True) -> None:
        self.together, self.dtype = together, DTYPES[precision]
        self._groups = list(groups(network))
        self._places = list(places(network))
        self._inside = False

    @contextmanager
    def prepared(self, *, constant: bool = False) -> Iterator[None]:
        """Inside, the network computes with them; the gradients' way back is in here too. `constant`: they take no
        gradient. Inside of itself it does nothing."""
        if self._inside or not (self.together or constant):
            yield
            return
        with torch.set_grad_enabled(torch.is_grad_enabled() and not constant):
            normed, plain = self._made()
        before = [module._parameters[name] for module, name in self._places]
        self._inside = True
        try:
            for convolution, weight in normed:
                convolution.folded = weight
            for (module, name), value in zip(self._places, plain, strict=True):
                module._parameters[name] = value  # type: ignore[assignment]
            yield
        finally:
            self._inside = False
            for (module, name), parameter in zip(self._places, before, strict=True):
                module._parameters[name] = parameter
            for convolution, _ in normed:
                convolution.unfold()

    def _made(self) -> tuple[list[tuple[WeightNormed, Tensor]], list[Tensor]]:
        """Of each normed convolution its weight; and what stands in each of the places."""
        stacks = self._stacks()
        plain = [getattr(module, name) for module, name in self._places]
        if self.dtype != torch.float32:
            rounded = Rounded.apply(self.dtype, *stacks, *plain)
            stacks, plain = list(rounded[: len(stacks)]), list(rounded[len(stacks) :])
        elif not torch.is_grad_enabled():
            plain = [value.detach() for value in plain]
        pairs = zip(self._taken_together(), stacks, strict=True)
        return [
            (module, weight)
            for group, stack in pairs
            for module, weight in zip(group, [stack] if len(group) == 1 else stack.unbind(), strict=True)
        ], plain

    def _taken_together(self) -> list[list[WeightNormed]]:
        return self._groups if self.together else [[module] for group in self._groups for module in group]

    def _stacks(self) -> list[Tensor]:
        """The weights (N, *shape) of the normed convolutions of each shape."""
        groups = self._taken_together()
        if not groups:
            return []
        norms = torch.cat([module.weight_g.flatten() for group in groups for module in group])
        sizes = [len(group) * len(group[0].weight_g) for group in groups]
        stacks = []
        for group, g in zip(groups, norms.split(sizes), strict=True):  # type: ignore[no-untyped-call]
            shape = group[0].weight_v.shape
            weight: Tensor = Normed.apply(g.view(-1, *[1] * (len(shape) - 1)), *(module.weight_v for module in group))
            stacks.append(weight if len(group) == 1 else weight.view(len(group), *shape))
        return stacks


def groups(network: nn.Module) -> Iterator[list[WeightNormed]]:
    """The normed convolutions of one shape, as many as make GROUP_BYTES."""
    shapes: dict[tuple[int, ...], list[WeightNormed]] = {}
    for module in network.modules():
        if isinstance(module, WeightNormed):
            shapes.setdefault(tuple(module.weight_v.shape), []).append(module)
    for same in shapes.values():
        count = max(1, GROUP_BYTES // same[0].weight_v.nbytes)
        yield from (same[first : first + count] for first in range(0, len(same), count))


def places(network: nn.Module) -> Iterator[Place]:
    """Of the parameters that half precision rounds, beside the weights of normed convolutions."""
    if isinstance(network, InFloat32):
        return
    names: tuple[str, ...] = ()
    if isinstance(network, WeightNormed):
        names = ("bias",)
    elif isinstance(network, ROUNDED):
        names = ("weight", "bias")
    for name in names:
        if network._parameters.get(name) is not None:
            yield network, name
    for child in network.children():
        yield from places(child)
