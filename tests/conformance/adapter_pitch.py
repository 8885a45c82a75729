"""rmvpe_decode and rmvpe_network of the conformance kit. Names and shapes only; the engine computes."""

from __future__ import annotations

import re
from typing import Any

import torch
from torch import Tensor, nn

from rvc_engine.pitch import rmvpe_frames as rmvpe
from rvc_engine.pitch.rmvpe_network import Rmvpe

Arrays = dict[str, Any]


def rmvpe_decode(doc: Arrays, inputs: Arrays, kit: Any) -> Arrays:
    out: Arrays = {"cents": rmvpe.cents_of(inputs["salience"], doc["threshold"])}
    for key in doc["arrays"]:
        if match := re.fullmatch(r"f0(?:_threshold_([\d.]+))?", key):
            out[key] = rmvpe.hz_of(rmvpe.cents_of(inputs["salience"], float(match[1] or doc["threshold"])))
    return out


def rmvpe_network(doc: Arrays, inputs: Arrays, kit: Any) -> Arrays:
    network = Rmvpe().eval()
    network.load_state_dict({key: torch.from_numpy(value) for key, value in kit.weights(doc["manifest"]).items()})
    seen: dict[str, Tensor] = {}

    def keep(name: str, module: nn.Module, before: bool = False) -> None:
        if before:
            module.register_forward_pre_hook(lambda _m, args: seen.__setitem__(name, args[0]))
        else:
            module.register_forward_hook(lambda _m, _args, out: seen.__setitem__(name, out))

    unet = network.unet
    for i, after in enumerate([*unet.encoder.layers[1:], unet.intermediate]):
        keep(f"encoder_{i}", after, before=True)
    keep("intermediate", unet.intermediate)
    for i, level in enumerate(unet.decoder.layers):
        keep(f"decoder_{i}", level)
    for name, module in (("cnn", network.cnn), ("gru", network.fc[0]), ("salience", network.fc)):
        keep(name, module)

    frames = doc["frames"]
    padded = rmvpe.padded_frames(len(inputs["wave"]))
    cents = rmvpe.cents_of_waves(network, [inputs["wave"]], padded, "cpu")
    out: Arrays = {"mel": rmvpe.log_mel(rmvpe.mirrored(inputs["wave"])), "mel_filterbank": rmvpe.mel_filterbank()}
    out |= {name: tensor[0] for name, tensor in seen.items()}
    out["salience"] = out["salience"][:frames]
    for name, entry in doc["arrays"].items():
        if stride := re.search(r"flat\[::(\d+)\]", entry["text"]):
            out[name] = out[name].flatten()[:: int(stride[1])]
    return {name: tensor.numpy() for name, tensor in out.items()} | {"f0": rmvpe.hz_of(cents[0])[:frames]}
