"""What a voice is made of: the shape of its networks, per preset. Plain data, no torch.

Shapes of v1-* and v2-* are those of the RVC programs, so that weights are interchangeable; `starter` is small and our
own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from rvc_engine.errors import BadInput
from rvc_engine.messages import Message
from rvc_engine.registry import CONTENT_ENCODERS, Registry

RESBLOCK_KERNELS = (3, 7, 11)
RESBLOCK_DILATIONS = ((1, 3, 5),) * 3


@dataclass(frozen=True)
class DiscriminatorConfig:
    """One discriminator over the waveform (period 1 is the scale discriminator) and one for each period.

    `scale_channels` has six entries, `period_channels` five; groups of the scale convolutions follow RVC (1, 4, 16, 64,
    256, 1), limited by the channels.
    """

    periods: tuple[int, ...]
    scale_channels: tuple[int, ...] = (16, 64, 256, 1024, 1024, 1024)
    period_channels: tuple[int, ...] = (32, 128, 512, 1024, 1024)


@dataclass(frozen=True)
class ModelConfig:
    """Shape of a voice. Rates in Hz; `hop_samples` is always sample_rate / 100, so frames come 100 a second."""

    version: str  # v1, v2 or starter-1: which programs can load it
    encoder: str  # which content encoder made its features
    sample_rate: int
    filter_length: int
    n_mels: int
    segment_frames: int  # training slice that is spoken
    upsample_rates: tuple[int, ...]
    upsample_kernel_sizes: tuple[int, ...]
    discriminator: DiscriminatorConfig
    feature_dim: int
    pitch: bool = True
    inter_channels: int = 192
    hidden_channels: int = 192
    filter_channels: int = 768
    n_heads: int = 2
    n_layers: int = 6
    kernel_size: int = 3
    p_dropout: float = 0
    upsample_initial_channel: int = 512
    resblock_kernel_sizes: tuple[int, ...] = RESBLOCK_KERNELS
    resblock_dilation_sizes: tuple[tuple[int, ...], ...] = RESBLOCK_DILATIONS
    gin_channels: int = 256
    speakers: int = 109
    posterior_layers: int = 16
    flow_layers: int = 3
    mel_fmin: float = 0.0
    mel_fmax: float | None = None
    window_frames: int = 0
    """Training uses this much of each clip, around the slice; 0 is all of it. Networks that work at 100 frames a
    second cost as much as the decoder then."""
    judged_frames: int = 0
    """The middle of the slice, which the discriminators get; 0 is all of it."""
    decoder: str = "hifigan"
    """Or "istft": models/istft_decoder.py, which has one upsampling (a frame's samples, by a window of
    upsample_kernel_sizes[0]) from upsample_initial_channel channels, after one block for each of resblock_kernel_sizes.
    It gets the content features as they are, too."""

    @property
    def hop_samples(self) -> int:
        return self.sample_rate // 100

    @property
    def segment_samples(self) -> int:
        return self.segment_frames * self.hop_samples

    @property
    def own_encoder(self) -> bool:
        """Is the content encoder one of our own, which `rvc pretrain` can train, and not HuBERT?"""
        return CONTENT_ENCODERS.get(self.encoder).is_own

    @property
    def spec_bins(self) -> int:
        return self.filter_length // 2 + 1

    @property
    def rate_name(self) -> str:
        """As RVC writes it into a model: 40k."""
        return f"{self.sample_rate // 1000}k"

    def to_rvc_list(self) -> list[Any]:
        """The 18-element `config` of a small model. Its second entry is always 32 and unused in conversion."""
        return [
            self.spec_bins,
            32,
            self.inter_channels,
            self.hidden_channels,
            self.filter_channels,
            self.n_heads,
            self.n_layers,
            self.kernel_size,
            self.p_dropout,
            "1",
            list(self.resblock_kernel_sizes),
            [list(d) for d in self.resblock_dilation_sizes],
            list(self.upsample_rates),
            self.upsample_initial_channel,
            list(self.upsample_kernel_sizes),
            self.speakers,
            self.gin_channels,
            self.sample_rate,
        ]

    @classmethod
    def from_rvc_list(cls, values: list[Any], version: str, pitch: bool, encoder: str) -> ModelConfig:
        """The shape that a small model's 18-element `config` describes. What the list does not hold comes from the
        preset of that version and rate (starter-1: from `starter`). Raises ValueError when the list has not 18
        entries."""
        if len(values) != 18:
            raise ValueError(Message("presets.config_length", count=len(values)))
        rate = int(values[17])
        family = STARTER if version.startswith("starter") else preset_of(f"{version}-{rate // 1000}k").model
        return replace(
            family,
            version=version,
            pitch=pitch,
            encoder=encoder,
            sample_rate=rate,
            filter_length=(int(values[0]) - 1) * 2,
            inter_channels=values[2],
            hidden_channels=values[3],
            filter_channels=values[4],
            n_heads=values[5],
            n_layers=values[6],
            kernel_size=values[7],
            p_dropout=values[8],
            resblock_kernel_sizes=tuple(values[10]),
            resblock_dilation_sizes=tuple(tuple(d) for d in values[11]),
            upsample_rates=tuple(values[12]),
            upsample_initial_channel=values[13],
            upsample_kernel_sizes=tuple(values[14]),
            speakers=values[15],
            gin_channels=values[16],
        )


BATCH_SIZE = 4


@dataclass(frozen=True)
class Preset:
    """A kind of voice. Another package adds one by an entry point of the group rvc_engine.presets, whose object is
    called with the name and returns the Preset: --preset takes it, and experiment.toml; lists hold only our own."""

    model: ModelConfig
    settings: Mapping[str, Any] = field(default_factory=dict)
    """STAGE.name: value, where they are not the settings' own defaults."""
    cpu_batch_size: int = BATCH_SIZE
    """Clips a step on a CPU where train.batch_size is auto and nothing is known of the data or the memory."""


V1_DISCRIMINATOR = DiscriminatorConfig(periods=(2, 3, 5, 7, 11, 17))
V2_DISCRIMINATOR = DiscriminatorConfig(periods=(2, 3, 5, 7, 11, 17, 23, 37))
STARTER_DISCRIMINATOR = DiscriminatorConfig(
    periods=(2, 3, 5, 7, 11), scale_channels=(8, 16, 32, 64, 64, 64), period_channels=(8, 16, 32, 64, 64)
)

Ints = tuple[int, ...]


def _rvc(
    version: str, rate: int, filter_length: int, mels: int, frames: int, rates: Ints, kernels: Ints
) -> ModelConfig:
    dim = 256 if version == "v1" else 768
    return ModelConfig(
        version=version,
        encoder=f"hubert-{dim}",
        sample_rate=rate,
        filter_length=filter_length,
        n_mels=mels,
        segment_frames=frames,
        upsample_rates=rates,
        upsample_kernel_sizes=kernels,
        feature_dim=dim,
        discriminator=V1_DISCRIMINATOR if version == "v1" else V2_DISCRIMINATOR,
    )


STARTER = ModelConfig(
    version="starter-1",
    encoder="phonetic-256-1",
    sample_rate=16000,
    filter_length=1024,
    n_mels=80,
    segment_frames=96,
    decoder="istft",
    upsample_rates=(160,),
    upsample_kernel_sizes=(640,),
    upsample_initial_channel=160,
    resblock_kernel_sizes=(7,) * 6,
    resblock_dilation_sizes=((1,),) * 6,
    discriminator=STARTER_DISCRIMINATOR,
    feature_dim=256,
    inter_channels=96,
    hidden_channels=96,
    filter_channels=192,
    n_layers=3,
    gin_channels=64,
    posterior_layers=4,
    flow_layers=2,
    speakers=256,
    window_frames=144,
    judged_frames=32,
)

OWN: dict[str, Preset] = {
    "starter": Preset(
        STARTER,
        settings={
            "preprocess.min_clip_s": 1.0,
            "pitch.unvoiced": "zero",
            "train.epochs": "auto",
            "train.learning_rate": 3e-4,
            "train.lr_decay": "auto",
            "train.prior_share": 0.75,
            "train.save_every": 10,
        },
        cpu_batch_size=8,  # its clips are short windows
    ),
    "v1-32k": Preset(_rvc("v1", 32000, 1024, 80, 40, (10, 4, 2, 2, 2), (16, 16, 4, 4, 4))),
    "v1-40k": Preset(_rvc("v1", 40000, 2048, 125, 32, (10, 10, 2, 2), (16, 16, 4, 4))),
    "v1-48k": Preset(_rvc("v1", 48000, 2048, 128, 24, (10, 6, 2, 2, 2), (16, 16, 4, 4, 4))),
    "v2-32k": Preset(_rvc("v2", 32000, 1024, 80, 40, (10, 8, 2, 2), (20, 16, 4, 4))),
    "v2-40k": Preset(_rvc("v2", 40000, 2048, 125, 32, (10, 10, 2, 2), (16, 16, 4, 4))),
    "v2-48k": Preset(_rvc("v2", 48000, 2048, 128, 36, (12, 10, 2, 2), (24, 20, 4, 4))),
}
PUBLIC_PRESETS = tuple(OWN)
"""Those of this program."""
OTHERS: Registry[Preset] = Registry("rvc_engine.presets", Message("registry.preset"), {})


class _Models(Mapping[str, ModelConfig]):
    """The model of each preset. Packages of others are looked for when a name is not one of our own, and when all are
    listed; one that cannot be loaded is left out, and raises BadInput when it is asked for."""

    def __getitem__(self, name: str) -> ModelConfig:
        return preset_of(name).model

    def __contains__(self, name: object) -> bool:
        return name in OWN or name in OTHERS

    def __iter__(self) -> Iterator[str]:
        yield from OWN
        for name in OTHERS.names():
            with suppress(BadInput):
                if name not in OWN and OTHERS.get(name):
                    yield name

    def __len__(self) -> int:
        return sum(1 for _ in self)


PRESETS = _Models()


def preset_of(name: str) -> Preset:
    """Raises KeyError for an unknown one, BadInput for one of another package that cannot be loaded."""
    if name in OWN:
        return OWN[name]
    if name not in OTHERS:
        raise KeyError(name)
    return OTHERS.get(name)


def default_batch_size(preset: str, device_type: str) -> int:
    """Clips a step where train.batch_size is auto and nothing is known of the data or the memory. `device_type`: cpu or
    cuda."""
    return preset_of(preset).cpu_batch_size if device_type == "cpu" else BATCH_SIZE


def model_config(preset: str, *, pitch: bool = True) -> ModelConfig:
    """Raises KeyError for an unknown preset."""
    return replace(PRESETS[preset], pitch=pitch)
