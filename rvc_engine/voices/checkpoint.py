"""Checkpoints of a training: G_ and D_ files and pretrained G and D, of any RVC program. What they are is read off
their tensors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from rvc_engine.files import weights as weight_files
from rvc_engine.files.weights import Unreadable
from rvc_engine.messages import Message, verbatim
from rvc_engine.models.discriminators import Discriminators
from rvc_engine.models.synthesizer import Synthesizer
from rvc_engine.models.without_weights import without_weights
from rvc_engine.presets import PRESETS, ModelConfig
from rvc_engine.registry import VOCODERS
from rvc_engine.voices.layout import FEATURE_WIDTHS, rvc_names

Shapes = dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class Checkpoint:
    """`kind` is G or D. `version`, `sample_rate`, `pitch` and `speakers` are None where the tensors do not show: of a D
    all but the version. `presets`: whose generator or discriminators have exactly these shapes; two rates may share
    theirs."""

    kind: str
    version: str | None
    sample_rate: int | None
    pitch: bool | None
    speakers: int | None
    iteration: int | None
    weights: dict[str, Tensor]
    has_optimizer: bool
    presets: tuple[str, ...] = ()
    embedder: Any = None
    """The content encoder that the file names, as Applio does; None where it names none."""

    @property
    def config(self) -> ModelConfig | None:
        """Of a generator that one preset alone fits."""
        if self.kind != "G" or len(self.presets) != 1 or self.pitch is None or self.speakers is None:
            return None
        return replace(PRESETS[self.presets[0]], pitch=self.pitch, speakers=self.speakers)

    def differs_from(self, other: Checkpoint) -> bool:
        """In kind, version, rate or pitch, as far as both are known."""
        pairs = [(getattr(self, name), getattr(other, name)) for name in ("kind", "version", "sample_rate", "pitch")]
        return any(None not in pair and pair[0] != pair[1] for pair in pairs)

    @property
    def what(self) -> Message:
        """In words: "a v2 40k generator with pitch"."""
        return describe(self.kind, self.version, self.sample_rate, self.pitch)

    @property
    def kind_of_file(self) -> Message:
        """In words: "training checkpoint G", or "pretrained G"."""
        if self.has_optimizer:
            return Message("voices.kind_checkpoint", letter=self.kind)
        return Message("voices.kind_pretrained", letter=self.kind)


def describe(kind: str, version: str | None, sample_rate: int | None, pitch: bool | None) -> Message:
    model = _model(version, sample_rate)
    if kind == "D":
        return Message("voices.discriminators", model=model)
    if pitch is None:
        return Message("voices.generator", model=model)
    if pitch:
        return Message("voices.generator_with_pitch", model=model)
    return Message("voices.generator_without_pitch", model=model)


def _model(version: str | None, sample_rate: int | None) -> Message:
    """Version and rate: "v2 40k"."""
    rate = f"{sample_rate // 1000}k" if sample_rate is not None else ""
    if version is not None:
        return verbatim(f"{version} {rate}".rstrip())
    return Message("voices.strange_rate", rate=rate) if rate else Message("voices.strange")


def read_checkpoint(path: Path, *, shapes: bool = False) -> Checkpoint:
    """`shapes`: without numbers, in milliseconds. Raises Unreadable saying what the file is instead, OSError when it
    cannot be opened."""
    content = weight_files.read_shapes(path) if shapes else weight_files.read(path)
    if isinstance(content, dict) and content and all(isinstance(value, Tensor) for value in content.values()):
        content = {"model": content}  # safetensors hold the weights alone
    return checkpoint_of(content)


def checkpoint_of(content: Any) -> Checkpoint:
    """As read_checkpoint, of what was read."""
    if not isinstance(content, dict) or not isinstance(content.get("model"), dict):
        if isinstance(content, dict) and "weight" in content and "config" in content:
            raise Unreadable(Message("voices.lacks_training"))
        raise Unreadable(Message("voices.no_model"))
    weights = rvc_names(content["model"])
    if not weights or not all(isinstance(value, Tensor) for value in weights.values()):
        raise Unreadable(Message("voices.model_more_than_tensors"))
    iteration, optimizer, embedder = (content.get(name) for name in ("iteration", "optimizer", "embedder_model"))
    epoch = iteration if type(iteration) is int and 0 <= iteration < 1 << 40 else None
    moments = isinstance(optimizer, dict) and bool(optimizer.get("state"))
    shapes = {key: tuple(value.shape) for key, value in weights.items()}
    if any(key.startswith("discriminators.") for key in weights):
        presets = _discriminators_like(shapes)
        versions = {PRESETS[name].version for name in presets}
        return Checkpoint(
            "D",
            versions.pop() if len(versions) == 1 else None,
            None,
            None,
            None,
            epoch,
            weights,
            moments,
            presets,
            embedder,
        )
    if any(len(shapes.get(key, ())) != 2 for key in ("emb_g.weight", "enc_p.emb_phone.weight")):
        raise Unreadable(Message("voices.model_of_neither"))
    return _generator(shapes, Checkpoint("G", None, None, None, None, epoch, weights, moments, embedder=embedder))


def _generator(shapes: Shapes, bare: Checkpoint) -> Checkpoint:
    pitch = "enc_p.emb_pitch.weight" in shapes
    alike = [name for name in PRESETS if _same_build(shapes, replace(PRESETS[name], pitch=pitch))]
    fitting = tuple(name for name in alike if _same_shapes(shapes, replace(PRESETS[name], pitch=pitch)))
    rates = {PRESETS[name].sample_rate for name in fitting or alike}
    versions = {PRESETS[name].version for name in fitting or alike}
    width = shapes["enc_p.emb_phone.weight"][-1]
    versions = versions or {version for version, dim in FEATURE_WIDTHS.items() if dim == width}
    return replace(
        bare,
        version=versions.pop() if len(versions) == 1 else None,
        sample_rate=rates.pop() if len(rates) == 1 else None,
        pitch=pitch,
        speakers=shapes["emb_g.weight"][0],
        presets=fitting,
    )


def _same_build(shapes: Shapes, config: ModelConfig) -> bool:
    """Are the parts that distinguish version and rate those of `config`? Looks at a few tensors only."""
    if shapes["enc_p.emb_phone.weight"] != (config.hidden_channels, config.feature_dim):
        return False
    if shapes.get("enc_q.pre.weight", (0, config.spec_bins))[1:2] != (config.spec_bins,):
        return False
    marks = VOCODERS.get(config.decoder).marks(config)
    return all(shapes.get(f"dec.{name}") == shape for name, shape in marks.items())


def _same_shapes(shapes: Shapes, config: ModelConfig) -> bool:
    """Is it this generator, whatever the number of speakers, with enc_q or without?"""
    config = replace(config, speakers=min(max(shapes["emb_g.weight"][0], 1), 1 << 20))
    with without_weights():
        expected = Synthesizer(config, posterior=any(key.startswith("enc_q.") for key in shapes)).state_dict()
    return shapes == {key: tuple(value.shape) for key, value in expected.items()}


def _discriminators_like(shapes: Shapes) -> tuple[str, ...]:
    fitting: list[str] = []
    known: dict[Any, bool] = {}
    for name, config in PRESETS.items():
        if config.discriminator not in known:
            with without_weights():
                expected: Mapping[str, Tensor] = Discriminators(config.discriminator).state_dict()
            known[config.discriminator] = shapes == {key: tuple(value.shape) for key, value in expected.items()}
        if known[config.discriminator]:
            fitting.append(name)
    return tuple(fitting)
