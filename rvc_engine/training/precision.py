"""Float32, float16 with a gradient scaler, or bfloat16: where half precision starts and ends in a step."""

from __future__ import annotations

import torch
from torch import Tensor

from rvc_engine.files.half import DTYPES, autocast


class Precision:
    def __init__(self, name: str, device: torch.device) -> None:
        self.name, self.device = name, device
        self.scaler = torch.GradScaler(device.type, enabled=name == "fp16")

    def autocast(self) -> torch.autocast:
        return autocast(self.device, self.name)

    def rounded(self, x: Tensor) -> Tensor:
        """What autocast would make of an input of several convolutions, once for each."""
        return x.to(DTYPES[self.name])

    def descend(self, loss: Tensor, optimizer: torch.optim.Optimizer) -> Tensor:
        """One step of the optimizer down the loss. Returns the norm of all gradients; they are measured, not
        clipped."""
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(self.scaler.scale(loss))
        self.scaler.unscale_(optimizer)
        gradients = [p.grad for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
        norm = torch.nn.utils.get_total_norm(gradients)
        self.scaler.step(optimizer)
        return norm


def adamw(network: torch.nn.Module, learning_rate: float) -> torch.optim.AdamW:
    """RVC's optimizer: weight decay on every parameter, norms and biases included. Parameters are numbered in the
    network's order."""
    device = next(network.parameters()).device
    on_gpu = device.type == "cuda"  # there the rate is a tensor, so that a CUDA graph of a step reads the current one
    optimizer = torch.optim.AdamW(
        network.parameters(),
        learning_rate,
        betas=(0.8, 0.99),
        eps=1e-9,
        weight_decay=0.01,
        fused=True,
        capturable=on_gpu,
    )
    for group in optimizer.param_groups:
        group["initial_lr"] = learning_rate
        if on_gpu:
            group["lr"] = torch.tensor(learning_rate, device=device)
    return optimizer


def set_rate(optimizer: torch.optim.Optimizer, learning_rate: float) -> None:
    for group in optimizer.param_groups:
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(learning_rate)
        else:
            group["lr"] = learning_rate
