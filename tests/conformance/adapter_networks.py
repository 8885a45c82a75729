"""infer, train, mel and dataset of the conformance kit, through the engine's networks, trainer and loader."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from rvc_engine.audio.spectrogram import MelScale, log_mel, mel_filterbank, spectrogram
from rvc_engine.models.configs import ModelConfig, model_config
from rvc_engine.models.synthesizer import Synthesizer

Arrays = dict[str, Any]


class Replay:
    """The stored draws in their order. The draw of the start phase has no effect and our source does not make it."""

    def __init__(self, normals: list[np.ndarray], uniforms: list[np.ndarray] | None = None) -> None:
        self.normals, self.uniforms = list(normals), list(uniforms or [])

    def normal(self, shape: tuple[int, ...]) -> Tensor:
        return torch.from_numpy(self.normals.pop(0)).reshape(shape)

    def uniform(self, shape: tuple[int, ...]) -> Tensor:
        return torch.from_numpy(self.uniforms.pop(0)).reshape(shape)


def config_of(doc: Arrays) -> ModelConfig:
    return model_config(f"{doc['version']}-{doc['sr']}", pitch=bool(doc["f0"]))


def load(network: nn.Module, weights: dict[str, np.ndarray]) -> None:
    network.load_state_dict({key: torch.from_numpy(value).float() for key, value in weights.items()})


def spread(x: Tensor, text: str) -> np.ndarray:
    """Every n-th channel and sample, as the array's text says ('channels ::4, samples ::10')."""
    index = [slice(None)] * x.ndim
    for word, axis in (("channels", 1), ("samples", 2)):
        if found := re.search(rf"{word} ::(\d+)", text):
            index[axis] = slice(None, None, int(found[1]))
    return x[tuple(index)].detach().numpy()


def infer(doc: Arrays, inputs: Arrays, kit: Any) -> Arrays:
    weights = kit.weights(doc["manifest"])
    network = Synthesizer(config_of(doc), posterior=any(key.startswith("enc_q.") for key in weights))
    load(network, weights)
    network.eval()
    seen: dict[str, Tensor] = {}

    def keep(name: str, module: nn.Module, before: bool = False) -> None:
        if before:
            module.register_forward_pre_hook(lambda _m, args: seen.__setitem__(name, args[0]))
        else:
            module.register_forward_hook(lambda _m, _args, out: seen.__setitem__(name, out))

    for i, layer in enumerate(network.enc_p.encoder.norm_layers_2):
        keep(f"enc_layer_{i}", layer)
    for i in (0, 2, 4, 6):
        keep(f"flow_post_{i}", network.flow.flows[i].post)
    decoder = network.dec
    keep("conv_post", decoder.conv_post)
    keep("pre", decoder.conv_pre)
    keep("cond", decoder.cond)
    blocks = len(decoder.resblocks) // len(decoder.ups)
    for i, up in enumerate(decoder.ups):
        keep(f"ups_{i}", up)
        if doc["f0"]:
            keep(f"noise_conv_{i}", decoder.noise_convs[i])
        for k in range(blocks):
            keep(f"block_{i}_{k}", decoder.resblocks[i * blocks + k])
    if doc["f0"]:
        keep("har_source", decoder.m_source)

    draws = [inputs[name] for name in ("z_noise", "nsf_noise") if name in inputs]
    tensors = {name: torch.from_numpy(value) for name, value in inputs.items()}
    cuts = {name: doc[name] for name in ("skip_head", "return_length", "return_length2") if doc.get(name) is not None}
    with torch.no_grad():
        out = network.infer(
            tensors["phone"], tensors["phone_lengths"], tensors.get("pitch"), tensors.get("pitchf"), tensors["sid"], noise=Replay(draws), **cuts
        )
    seen |= {"y": out.wave, "x_mask": out.mask, "z": out.z, "z_p": out.z_p, "m_p": out.m_p, "logs_p": out.logs_p}
    seen["dec_in"] = seen["pre"] + seen["cond"]
    for i in range(len(decoder.ups)):
        seen[f"stage_{i}"] = torch.stack([seen[f"block_{i}_{k}"] for k in range(blocks)]).mean(0)
    return {k: spread(seen[k], e["text"]) for k, e in doc["arrays"].items() if e["role"] == "output" and k in seen}


def mel(doc: Arrays, inputs: Arrays, kit: Any) -> Arrays:
    scale = MelScale(doc["sampling_rate"], doc["filter_length"], doc["n_mel_channels"], doc["mel_fmin"], doc["mel_fmax"])
    out: Arrays = {"filterbank": mel_filterbank(scale).numpy()}
    for prefix in ("", "quiet_"):
        wave = torch.from_numpy(inputs[f"{prefix}wave"]).unsqueeze(0)
        spec = spectrogram(wave, doc["filter_length"], doc["hop_length"], doc["win_length"])
        out[f"{prefix}spec"], out[f"{prefix}mel"] = spec[0].numpy(), log_mel(spec, scale)[0].numpy()
    return out
