"""Every setting, declared once: default, bounds, unit, help, effect on the result.

The command line, experiment.toml and the app's forms render this file. A key is STAGE.name_with_underscores, its flag
--name-with-dashes. The settings of training are in train_settings.py.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from rvc_engine.errors import BadInput
from rvc_engine.messages import Message, joined
from rvc_engine.presets import PRESETS, PUBLIC_PRESETS, ModelConfig, model_config, preset_of
from rvc_engine.registry import CONTENT_ENCODERS, PITCH_TRACKERS, STAGES
from rvc_engine.sections import read_section, sections, why_unused
from rvc_engine.setting import OneOf, StageSettings, set_field, setting
from rvc_engine.train_settings import TrainSettings

ListeningPrecision = Literal["auto", "fp32", "fp16", "bf16"]
EncoderChoice = Annotated[str, AfterValidator(OneOf(CONTENT_ENCODERS, ("preset",)))]
PitchMethod = Annotated[str, AfterValidator(OneOf(PITCH_TRACKERS, ("auto",)))]


class PreprocessSettings(StageSettings):
    subfolders: bool = setting(False, "Read recordings in sub-folders too.")
    high_pass: Literal["zero_phase", "causal", "off"] = setting(
        "zero_phase",
        "48 Hz high-pass against rumble.",
        effect="causal is what RVC's program does now; zero_phase shifts no phase",
    )
    threshold_db: float = setting(-42.0, "Quieter than this is silence.", unit="dB", ge=-100, le=0)
    min_length_ms: int = setting(1500, "Shortest stretch between two cuts at silences.", unit="ms", ge=100, le=60000)
    min_interval_ms: int = setting(400, "Shortest silence to cut at.", unit="ms", ge=50, le=60000)
    hop_ms: int = setting(15, "Resolution of the silence search.", unit="ms", ge=1, le=100)
    max_silence_ms: int = setting(500, "Silence kept beside a cut.", unit="ms", ge=0, le=60000)
    clip_s: float = setting(
        4.0, "Length of a clip.", unit="s", effect="RVC's program uses 3.7, and 3.0 on a CPU", ge=1.0, le=30.0
    )
    overlap_s: float = setting(0.3, "Overlap of neighbouring clips.", unit="s", ge=0.0, le=0.9)
    min_clip_s: float = setting(
        0.45, "Shorter clips are left out: training slices do not fit in them.", unit="s", ge=0.0, le=10.0
    )
    peak: float = setting(0.9, "Target peak of the level normalisation.", ge=0.1, le=1.0)
    alpha: float = setting(0.75, "Share of the normalised signal; the rest is the original.", ge=0.0, le=1.0)
    max_peak: float = setting(2.5, "Clips that peak above this are left out.", ge=1.0, le=100.0)
    workers: int = setting(0, "Worker processes; 0 means one per core.", kind="speed", ge=0, le=256)


class PitchSettings(StageSettings):
    method: PitchMethod = setting("auto", "Pitch method; auto is the best one that is installed and has its weights.")
    unvoiced: Literal["interpolate", "zero"] = setting(
        "interpolate",
        "Pitch of unvoiced frames.",
        effect="RVC has interpolated since 2026; its published models were trained with zero",
    )
    workers: int = setting(0, "Worker processes; 0 means one per core.", kind="speed", ge=0, le=256)
    device: str = setting("auto", "auto, cpu, cuda or cuda:N.", kind="speed")


class FeaturesSettings(StageSettings):
    encoder: EncoderChoice = setting(
        "preset",
        "The content encoder; preset is the preset's own.",
        effect="another one starts without published weights, and only programs that have it can use the voice",
        kind="model",
    )
    precision: ListeningPrecision = setting(
        "auto", "Precision of HuBERT; auto is fp16 on a GPU and fp32 on a CPU.", kind="speed"
    )
    device: str = setting("auto", "auto, cpu, cuda or cuda:N.", kind="speed")


class IndexSettings(StageSettings):
    max_rows: int = setting(
        200_000, "More feature rows than this are reduced first.", unit="rows", ge=1000, le=10_000_000
    )
    centres: int = setting(10_000, "Rows that are left after a reduction.", unit="rows", ge=10, le=200_000)
    seed: int = setting(1234, "Seed of the row order and of k-means.", ge=0, le=2**31 - 1)
    threads: int = setting(0, "Threads of faiss; 0 means one per core.", kind="speed", ge=0, le=256)


class ConvertSettings(StageSettings):
    transpose: float = setting(0.0, "Transposition.", unit="semitones", ge=-48, le=48)
    index_rate: float = setting(0.75, "Share of the retrieved features; 0 switches the index off.", ge=0, le=1)
    protect: float = setting(
        0.33, "Share of retrieved features in unvoiced frames; 0.5 switches the protection off.", ge=0, le=0.5
    )
    rms_mix_rate: float = setting(0.25, "1 keeps the voice's own loudness, 0 takes the source's.", ge=0, le=1)
    pitch_method: PitchMethod = setting(
        "auto",
        "Pitch method for the source; auto is the best one that is installed and has its weights.",
    )
    format: Literal["wav", "flac", "mp3", "m4a", "ogg"] = setting("wav", "File format when the output is a folder.")
    sample_rate: int = setting(0, "Rate of the result; 0 is the voice's own.", unit="Hz", ge=0, le=192000)
    speaker: int = setting(0, "Row of the speaker table.", ge=0, le=4096)
    seed: int = setting(0, "Seed of every random draw.", ge=0, le=2**31 - 1)
    precision: ListeningPrecision = setting(
        "auto",
        "Precision of HuBERT and of the voice; auto is fp16 on a GPU and fp32 on a CPU.",
        kind="speed",
        effect="bf16 is faster on CPUs that have it, and slightly less exact",
    )
    device: str = setting("auto", "auto, cpu, cuda or cuda:N.", kind="speed")


ENCODER_SOURCES = ("train", "shipped")
"""Of `encoder.source`; anything else is a file."""


class EncoderSettings(StageSettings):
    """Of a base experiment alone (`rvc pretrain`)."""

    source: str = setting(
        "train", "Where the content encoder comes from: train, shipped (the program's own), or a file."
    )
    steps: int = setting(
        3000,
        "Total number of steps; a higher number continues the training.",
        unit="steps",
        kind="extent",
        ge=1,
        le=10_000_000,
    )
    width: int = setting(192, "Width of the network.", unit="channels", ge=8, le=2048)
    blocks: int = setting(7, "Blocks of the network.", ge=1, le=64)
    versions: int = setting(3, "Copies of each recording in other voices, by WORLD.", ge=1, le=16)
    recogniser: Literal["auto", "pocketsphinx", "none"] = setting(
        "auto",
        "What labels the phones; auto is pocketsphinx.",
        effect="with none, the encoder learns from the other losses alone",
    )
    held_out: int = setting(
        16, "Every Nth speaker is kept out, for the probes; 0 keeps none out.", unit="speakers", ge=0, le=10_000
    )
    seed: int = setting(1, "Seed of every random draw.", ge=0, le=2**31 - 1)
    batch: int = setting(16, "Crops per step.", unit="crops", kind="course", ge=2, le=1024)
    crop_s: float = setting(4.0, "Length of a crop.", unit="s", kind="course", ge=0.5, le=30.0)
    dropout: float = setting(
        0.05,
        "Share of the hidden activations that dropout sets to zero in each step, against overfitting.",
        kind="course",
        ge=0,
        le=0.9,
    )
    learning_rate: float = setting(2e-3, "Highest learning rate of AdamW.", kind="course", gt=0, le=0.1)
    phones: float = setting(0.7, "Weight of the phone loss.", kind="course", ge=0, le=100)
    reconstruction: float = setting(6.0, "Weight of the reconstruction loss.", kind="course", ge=0, le=100)
    consistency: float = setting(0.3, "Weight of the distance between two voices.", kind="course", ge=0, le=100)
    speaker: float = setting(0.3, "Weight of the loss that hides the speaker.", kind="course", ge=0, le=100)
    precision: Literal["auto", "bf16", "fp32"] = setting(
        "auto", "auto is bf16 where the CPU or GPU has it.", kind="course"
    )
    save_every: int = setting(300, "Steps between saves.", unit="steps", kind="speed", ge=1, le=1_000_000)
    workers: int = setting(
        0, "Worker processes that prepare recordings; 0 means one per core.", kind="speed", ge=0, le=256
    )
    device: str = setting("auto", "auto, cpu, cuda or cuda:N.", kind="speed")
    threads: int = setting(0, "Threads of torch on a CPU; 0 means one per core.", kind="speed", ge=0, le=256)

    @property
    def is_trained(self) -> bool:
        return self.source == ENCODER_SOURCES[0]

    @property
    def is_shipped(self) -> bool:
        return self.source == ENCODER_SOURCES[1]


def known_preset(name: str) -> str:
    if name not in PRESETS:
        about = {"name": name[:100], "choices": ", ".join(PUBLIC_PRESETS)}
        raise PydanticCustomError("no_preset", "There is no preset {name}: it should be one of {choices}", about)
    return name


class Conversion(BaseModel):
    """What a conversion is asked to do. `voice`, `index`, `inputs`: files and folders; an empty index: none. `output`:
    a folder, or a file for a single recording."""

    model_config = ConfigDict(extra="forbid")

    voice: str
    index: str = ""
    inputs: list[str]
    output: str


class ExperimentSettings(BaseModel):
    """All that an experiment.toml holds: of an experiment, or of a conversion. Stages of other packages have their
    sections too, under their names; one whose package is not here is kept as it was read."""

    model_config = ConfigDict(extra="allow", validate_assignment=True)

    preset: Annotated[str, AfterValidator(known_preset)] = "starter"
    pitched: bool = True
    dataset: str = ""
    base: bool = False  # trains a base for voices, with `rvc pretrain`
    preprocess: PreprocessSettings = Field(default_factory=PreprocessSettings)
    pitch: PitchSettings = Field(default_factory=PitchSettings)
    features: FeaturesSettings = Field(default_factory=FeaturesSettings)
    train: TrainSettings = Field(default_factory=TrainSettings)
    index: IndexSettings = Field(default_factory=IndexSettings)
    encoder: EncoderSettings = Field(default_factory=EncoderSettings)
    conversion: Conversion | None = None  # then nothing but `convert` counts
    convert: ConvertSettings = Field(default_factory=ConvertSettings)

    @model_validator(mode="before")
    @classmethod
    def _read_others(cls, given: Any) -> Any:
        if not isinstance(given, dict) or given.keys() <= cls.model_fields.keys():
            return given
        own = cls.model_fields
        return {key: value if key in own else read_section(key, value, own) for key, value in given.items()}

    @model_validator(mode="after")
    def _complete_others(self) -> ExperimentSettings:
        assert self.__pydantic_extra__ is not None
        for name, stage in STAGES.others().items():
            if name not in type(self).model_fields and (kind := stage.settings_class) is not None:
                self.__pydantic_extra__.setdefault(name, kind())
        return self

    def section(self, stage: str) -> StageSettings:
        """The settings of a stage; empty ones for one that has none."""
        found = getattr(self, stage) if stage in type(self).model_fields else (self.model_extra or {}).get(stage)
        return found if isinstance(found, StageSettings) else StageSettings()

    @property
    def unused(self) -> dict[str, dict[str, Any]]:
        """Sections of stages whose package is not here."""
        return {name: section for name, section in (self.model_extra or {}).items() if isinstance(section, dict)}

    @property
    def problem(self) -> Message:
        """What of it is not used, and why; empty when all is."""
        return joined(*(Message("settings.not_used", name=name, reason=why_unused(name)) for name in self.unused))

    @property
    def model(self) -> ModelConfig:
        """The preset's, with the content encoder and the vocoder that were chosen."""
        config = model_config(self.preset, pitch=self.pitched)
        if self.train.vocoder != "preset":
            config = replace(config, decoder=self.train.vocoder)
        chosen = self.features.encoder
        if chosen in ("preset", config.encoder):
            return config
        return replace(config, encoder=chosen, feature_dim=CONTENT_ENCODERS.get(chosen).dim)


def for_preset(preset: str, *, pitched: bool = True, dataset: str = "") -> ExperimentSettings:
    """The defaults of a preset. Raises BadInput for an unknown one."""
    if preset not in PRESETS:
        raise BadInput("settings.no_preset", preset=preset, choices=PUBLIC_PRESETS)
    settings = ExperimentSettings(preset=preset, pitched=pitched, dataset=dataset)
    for key, value in preset_of(preset).settings.items():
        stage, name = key.split(".")
        setattr(getattr(settings, stage), name, value)
    return settings


def for_base(preset: str, *, pitched: bool = True, dataset: str = "") -> ExperimentSettings:
    """The defaults of an experiment that trains a base: a speaker in each sub-folder, nothing to start from, row 0 kept
    for new voices."""
    settings = for_preset(preset, pitched=pitched, dataset=dataset)
    settings.base = settings.preprocess.subfolders = True
    settings.train.speakers, settings.train.speaker = "folders", 1
    settings.train.pretrained_g = settings.train.pretrained_d = "none"
    return settings


def apply(settings: ExperimentSettings, key: str, value: Any) -> None:
    """Set STAGE.name to `value` (text is parsed). Raises BadInput that names the key, its bounds and its unit."""
    stage, _, name = key.partition(".")
    name = name.replace("-", "_")
    section = settings.section(stage)
    if stage not in sections(base=settings.base) or name not in type(section).model_fields:
        raise BadInput("settings.no_setting", key=key)
    set_field(section, name, value, key)
