"""infer, train, mel and dataset of the conformance kit, through the engine's networks, trainer and loader."""

from __future__ import annotations

import re
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.io import wavfile
from torch import Tensor, nn

from rvc_engine.audio.spectrogram import MelScale, log_mel, mel_filterbank, spectrogram
from rvc_engine.models.discriminators import Discriminators
from rvc_engine.models.synthesizer import Synthesizer
from rvc_engine.presets import PRESETS, ModelConfig, model_config
from rvc_engine.training.adversary import Adversary
from rvc_engine.training.dataset import Batch, ClipDataset, Row
from rvc_engine.training.precision import Precision, adamw
from rvc_engine.training.train_config import TrainConfig
from rvc_engine.training.trainer import Trainer

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
            tensors["phone"],
            tensors["phone_lengths"],
            tensors.get("pitch"),
            tensors.get("pitchf"),
            tensors["sid"],
            noise=Replay(draws),
            **cuts,
        )
    seen |= {"y": out.wave, "x_mask": out.mask, "z": out.z, "z_p": out.z_p, "m_p": out.m_p, "logs_p": out.logs_p}
    seen["dec_in"] = seen["pre"] + seen["cond"]
    for i in range(len(decoder.ups)):
        seen[f"stage_{i}"] = torch.stack([seen[f"block_{i}_{k}"] for k in range(blocks)]).mean(0)
    return {k: spread(seen[k], e["text"]) for k, e in doc["arrays"].items() if e["role"] == "output" and k in seen}


def mel(doc: Arrays, inputs: Arrays, kit: Any) -> Arrays:
    scale = MelScale(
        doc["sampling_rate"], doc["filter_length"], doc["n_mel_channels"], doc["mel_fmin"], doc["mel_fmax"]
    )
    out: Arrays = {"filterbank": mel_filterbank(scale).numpy()}
    for prefix in ("", "quiet_"):
        wave = torch.from_numpy(inputs[f"{prefix}wave"]).unsqueeze(0)
        spec = spectrogram(wave, doc["filter_length"], doc["hop_length"], doc["win_length"])
        out[f"{prefix}spec"], out[f"{prefix}mel"] = spec[0].numpy(), log_mel(spec, scale)[0].numpy()
    return out


def train(doc: Arrays, inputs: Arrays, kit: Any) -> Arrays:
    train_config = TrainConfig(epochs=1, learning_rate=doc["config"]["train"]["learning_rate"])
    precision = Precision("fp32", torch.device("cpu"))
    generator = Synthesizer(config_of(doc))
    load(generator, kit.weights(doc["manifest"]))
    critics = Discriminators(generator.config.discriminator)
    load(critics, kit.weights(doc["discriminator_manifest"]))
    adversary = Adversary(critics, train_config.learning_rate, precision)
    optimizer = adamw(generator, train_config.learning_rate)
    before = {
        f"{side}:{k}": p.detach().clone()
        for side, net in (("g", generator), ("d", critics))
        for k, p in net.named_parameters()
    }

    judged: dict[
        int, list[tuple[Tensor, list[Tensor]]]
    ] = {}  # each discriminator's calls: learn, then losses_of_fake; real rows before fake
    for i, discriminator in enumerate(critics.discriminators):
        discriminator.register_forward_hook(lambda _m, _args, out, i=i: judged.setdefault(i, []).append(out))
    seen: dict[str, Any] = {}
    generator.register_forward_hook(lambda _m, _args, out: seen.__setitem__("made", out))
    trainer = Trainer(generator, optimizer, adversary, precision, train_config)
    mels = trainer.mels
    trainer.mels = lambda *args: seen.setdefault("mels", mels(*args))

    t = {name: torch.from_numpy(value) for name, value in inputs.items()}
    batch = Batch(t["phone"], t["lengths"], t.get("pitch"), t.get("pitchf"), t["spec"], t["wave"], t["sid"])
    replay = Replay([inputs[n] for n in ("z_noise", "nsf_noise") if n in inputs], [inputs["slice_uniform"]])
    generator.train()
    numbers = trainer.step(batch, replay).numbers()

    made = seen["made"]
    out: Arrays = {
        "ids_slice": made.start_frames,
        "y_hat": made.wave,
        "y_mel": seen["mels"][0],
        "y_hat_mel": seen["mels"][1],
    }
    out |= {name: getattr(made, name) for name in ("z", "z_p", "m_p", "logs_p", "m_q", "logs_q")}
    out = {name: spread(value, doc["arrays"][name]["text"]) for name, value in out.items()}
    out |= _discriminator_outputs(judged, len(inputs["phone"]))
    n = range(len(judged))
    out |= {
        "loss_disc": numbers["loss/d/total"],
        "loss_fm": numbers["loss/g/fm"],
        "loss_mel": numbers["loss/g/mel"],
        "loss_kl": numbers["loss/g/kl"],
    }
    out |= {
        "loss_gen_all": numbers["loss/g/total"],
        "grad_norm_d": numbers["grad_norm_d"],
        "grad_norm_g": numbers["grad_norm_g"],
    }
    for name, key in (("losses_disc_r", "loss/d_r"), ("losses_disc_g", "loss/d_g"), ("losses_gen", "loss/g")):
        out[name] = [numbers[f"{key}/{i}"] for i in n]
    out["loss_gen"] = sum(out["losses_gen"])
    return out | _updates(doc, before, {"g": (generator, optimizer), "d": (critics, adversary.optimizer)})


def _discriminator_outputs(judged: dict[int, list[tuple[Tensor, list[Tensor]]]], size: int) -> Arrays:
    out: Arrays = {}
    means: dict[str, list[float]] = {}
    for i, calls in judged.items():
        scores = torch.cat([score for score, _ in calls])
        maps = [torch.cat(layer) for layer in zip(*(maps for _, maps in calls), strict=True)]
        for row, name in enumerate(("before_real", "before_fake", "after_real", "after_fake")):
            part = slice(row * size, (row + 1) * size)
            out[f"d_{name}_{i}"] = scores[part].detach().numpy()
            means.setdefault(name, []).extend(float(layer[part].detach().abs().mean()) for layer in maps)
    return out | {f"fmap_mean_abs_{name}": np.array(values) for name, values in means.items()}


def _updates(
    doc: Arrays, before: dict[str, Tensor], sides: dict[str, tuple[nn.Module, torch.optim.Optimizer]]
) -> Arrays:
    out: Arrays = {}
    for side, (network, optimizer) in sides.items():
        modules = doc[f"grad_norm_modules_{side}"]
        squares, moved = dict.fromkeys(modules, 0.0), dict.fromkeys(modules, 0.0)
        for key, parameter in network.named_parameters():
            name = f"{side}:{key}"
            change = parameter.detach() - before[name]
            module = next(m for m in modules if key.startswith(f"{m}."))
            squares[module] += float(parameter.grad.double().square().sum())
            moved[module] += float(change.double().abs().sum()) if not key.endswith("conv_k.bias") else 0.0
            every = slice(None, None, doc["parameters"].get(name, {}).get("stride", 1))
            state = optimizer.state[parameter]
            values = {
                "grad": parameter.grad,
                "delta": change,
                "exp_avg": state["exp_avg"],
                "exp_avg_sq": state["exp_avg_sq"],
            }
            out |= {
                f"{kind}:{name}": x.flatten()[every].numpy()
                for kind, x in values.items()
                if f"{kind}:{name}" in doc["arrays"]
            }
        out[f"grad_norms_{side}"] = [np.sqrt(v) for v in squares.values()]
        out[f"moved_{side}"] = list(moved.values())
    return out


def dataset(doc: Arrays, inputs: Arrays, kit: Any) -> Arrays:
    """Items become files and are read by the engine's own loader; the reference lists a batch longest first."""
    recipe = kit.recipe
    out: Arrays = {}
    with tempfile.TemporaryDirectory() as folder:
        for pitched, prefix in ((True, ""), (False, "nof0_")):
            config = replace(PRESETS[f"v2-{doc['loader']['sr']}"], feature_dim=16, pitch=pitched)
            rows = []
            for name, item in doc["loader"]["items"].items():
                path, stem = Path(folder), f"public/loader/{name}"
                wavfile.write(
                    path / f"{name}.wav",
                    config.sample_rate,
                    recipe.seeded_normal(f"{stem}/wave", (item["samples"],), 0.1),
                )
                np.save(path / f"{name}.npy", recipe.seeded_normal(f"{stem}/phone", (item["phone_frames_50hz"], 16)))
                f0 = np.abs(recipe.seeded_normal(f"{stem}/f0", (item["pitch_frames"],), 100)).astype(np.float64) + 60
                np.save(path / f"{name}.hz.npy", f0)
                np.save(
                    path / f"{name}.pitch.npy", recipe.rng_of(f"{stem}/pitch").integers(1, 256, item["pitch_frames"])
                )
                pitch = (path / f"{name}.pitch.npy", path / f"{name}.hz.npy") if pitched else (None, None)
                rows.append(Row(path / f"{name}.wav", path / f"{name}.npy", *pitch, item["speaker"]))
            loader = ClipDataset(rows, config)
            b = loader.batch(sorted(range(len(rows)), key=lambda i: -loader.clip(i).frames))
            values = {
                "phone": b.phone,
                "pitch": b.pitch,
                "pitchf": b.pitch_hz,
                "spec": b.spec[:, ::16],
                "wave": b.wave[:, :, ::13],
            }
            values |= {
                "phone_lengths": b.lengths,
                "spec_lengths": b.lengths,
                "wave_lengths": b.lengths * config.hop_samples,
                "sid": b.speaker,
            }
            out |= {f"{prefix}batch_{key}": value.numpy() for key, value in values.items() if value is not None}
    return out
