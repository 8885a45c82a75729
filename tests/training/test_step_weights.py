"""The weights and losses of a step are those of the formulas, however few operations make them."""

from __future__ import annotations

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rvc_engine.models.discriminators import Discriminators
from rvc_engine.models.noise import Noise
from rvc_engine.models.synthesizer import Synthesizer
from rvc_engine.models.wavenet import Gated
from rvc_engine.models.weight_norm import WeightNormed
from rvc_engine.presets import PRESETS
from rvc_engine.training.losses import fake_losses, feature_loss, joined, real_losses
from rvc_engine.training.measure import random_batch
from rvc_engine.training.step_weights import StepWeights

CONFIG = PRESETS["v2-40k-tiny"]


def generator() -> Synthesizer:
    torch.manual_seed(0)
    return Synthesizer(CONFIG).train()


def gradients(network: Synthesizer) -> dict[str, Tensor]:
    batch = random_batch(CONFIG, 2, frames=80)
    made = network(batch.phone, batch.lengths, batch.pitch, batch.pitch_hz, batch.spec, batch.speaker, Noise(seed=1))
    (made.wave.square().mean() + made.z_p.square().mean() + made.m_p.square().mean()).backward()
    return {name: p.grad for name, p in network.named_parameters() if p.grad is not None}


def test_gradients_reach_the_same_parameters_as_without() -> None:
    network = generator()
    expected = gradients(copy.deepcopy(network))
    with StepWeights(network, "fp32").prepared():
        found = gradients(network)
    assert found.keys() == expected.keys() and len(found) > 100
    for name, gradient in expected.items():
        assert torch.allclose(found[name], gradient, rtol=1e-4, atol=1e-7), name


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_half_precision_rounds_what_autocast_would_and_gives_whole_gradients(precision: str) -> None:
    network, dtype = generator(), getattr(torch, {"bf16": "bfloat16", "fp16": "float16"}[precision])
    parameters = {name: (p, p.detach().clone()) for name, p in network.named_parameters()}
    normed = next(module for module in network.modules() if isinstance(module, WeightNormed))
    with StepWeights(network, precision).prepared():
        assert normed.weight.dtype == normed.bias.dtype == network.enc_q.pre.weight.dtype == dtype
        assert torch.equal(network.enc_q.pre.weight, parameters["enc_q.pre.weight"][1].to(dtype))
        assert network.dec.m_source.l_linear.weight.dtype == network.emb_g.weight.dtype == torch.float32
        (normed.weight.float().sum() + normed.bias.float().sum() + network.enc_q.pre.weight.float().sum()).backward()
    after = dict(network.named_parameters())
    assert all(after[name] is p and torch.equal(p, before) for name, (p, before) in parameters.items())
    assert normed.folded is None and normed.weight_v.grad is not None
    assert network.enc_q.pre.weight.grad is not None and network.enc_q.pre.weight.grad.dtype == torch.float32


def test_constant_weights_take_no_gradient_and_an_error_inside_gives_the_parameters_back() -> None:
    network = Discriminators(CONFIG.discriminator).train()
    weights, wave = StepWeights(network, "fp32"), torch.randn(2, 1, 1600, requires_grad=True)
    expected = [score.detach() for score, _ in network(wave)]
    with pytest.raises(KeyError), weights.prepared(constant=True), weights.prepared():
        scores = [score for score, _ in network(wave)]
        torch.cat(scores, dim=1).sum().backward()
        raise KeyError
    assert all(torch.allclose(one, other, atol=1e-6) for one, other in zip(scores, expected, strict=True))
    assert wave.grad is not None
    assert all(isinstance(p, nn.Parameter) and p.grad is None for p in network.parameters())


def test_several_processes_get_each_gradient_on_its_own() -> None:
    network = Discriminators(CONFIG.discriminator).train()
    with StepWeights(network, "bf16", together=False).prepared():
        assert all(isinstance(p, nn.Parameter) for p in network.parameters())


def test_losses_are_those_of_the_formulas() -> None:
    scores = [torch.randn(3, 7, requires_grad=True), torch.randn(3, 4, requires_grad=True)]
    real, fake = real_losses(*joined(scores)), fake_losses(*joined(scores))
    assert all(torch.allclose(loss, (1 - x).square().mean()) for loss, x in zip(real, scores, strict=True))
    assert all(torch.allclose(loss, x.square().mean()) for loss, x in zip(fake, scores, strict=True))
    maps = [[torch.randn(2, 3, 5), torch.randn(2, 1, 9)], [torch.randn(2, 4, 3)]]
    made = [[torch.randn_like(x, requires_grad=True) for x in some] for some in maps]
    loss = feature_loss(maps, made)
    pairs = [(f, r) for fs, rs in zip(made, maps, strict=True) for f, r in zip(fs, rs, strict=True)]
    expected = 2 * sum(F.l1_loss(f, r) for f, r in pairs)
    assert torch.allclose(loss, torch.as_tensor(expected))
    loss.backward()
    for f, r in pairs:
        assert f.grad is not None and torch.allclose(f.grad, 2 * torch.sign(f - r).detach() / f.numel())


@pytest.mark.parametrize("scale", [1.0, 65536.0])
def test_the_distance_of_large_maps_has_a_gradient_in_fp16(scale: float) -> None:
    real = torch.randn(4, 64, 4000).half()
    fake = (real + torch.randn(4, 64, 4000).half()).requires_grad_()
    (scale * feature_loss([[real]], [[fake]])).backward()
    assert fake.grad is not None and fake.grad.dtype == torch.float16
    expected = scale * 2 / real.numel()
    assert torch.allclose(fake.grad.abs().max().float(), torch.tensor(expected), rtol=0.05, atol=1e-7)


def test_the_gate_has_the_gradient_of_its_formula() -> None:
    x = torch.randn(2, 6, 5, dtype=torch.float64, requires_grad=True)
    signal, gate = x.chunk(2, dim=1)
    assert torch.equal(Gated.apply(x), torch.tanh(signal) * torch.sigmoid(gate))
    assert torch.autograd.gradcheck(Gated.apply, (x,))
