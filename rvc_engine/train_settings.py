"""The settings of training; those of the other stages are in settings.py."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from rvc_engine.registry import VOCODERS
from rvc_engine.setting import OneOf, StageSettings, setting

VocoderChoice = Annotated[str, AfterValidator(OneOf(VOCODERS, ("preset",)))]


class TrainSettings(StageSettings):
    # The bounds belong to the number alone: pydantic cannot compare "auto" with them.
    epochs: Annotated[int, Field(ge=1, le=100000)] | Literal["auto"] = setting(
        20,
        "Total number of epochs; a higher number continues the training.",
        unit="epochs",
        kind="extent",
        effect="with auto, training lasts train.minutes more; the number of epochs is set once steps have been timed",
    )
    minutes: float = setting(
        17.0,
        "How much longer to train when train.epochs is auto.",
        unit="minutes",
        kind="speed",
        ge=0.1,
        le=100000,
        effect="at most 300 epochs, so that a fast machine does not overfit a small dataset",
    )
    batch_size: Annotated[int, Field(ge=1, le=1024)] | Literal["auto"] = setting(
        "auto", "Clips per step; auto is resolved once and saved.", unit="clips", kind="course"
    )
    learning_rate: float = setting(1e-4, "Learning rate of AdamW in the first epoch.", gt=0, le=0.1, kind="course")
    lr_decay: Annotated[float, Field(gt=0, le=1)] | Literal["auto"] = setting(
        0.999875,
        "Factor on the learning rate after each epoch.",
        kind="course",
        effect="auto lowers it by the same factor each epoch, to a tenth in the last: better results in a given "
        "time, but worse ones if training continues later",
    )
    c_mel: float = setting(45.0, "Weight of the mel loss.", ge=0, le=1000, kind="course")
    c_kl: float = setting(1.0, "Weight of the KL loss.", ge=0, le=1000, kind="course")
    prior_share: float = setting(
        0.0,
        "Share of the training slices that are synthesised from content and pitch alone.",
        ge=0,
        le=1,
        kind="course",
        effect="0 is RVC's training, where the input is always the recording's own spectrum; above 0, what a "
        "conversion does is trained directly",
    )
    seed: int = setting(1234, "Seed of every random draw.", ge=0, le=2**31 - 1, kind="course")
    mutes: int = setting(
        2,
        "Rows of silence in the training set, so that silence stays silent.",
        unit="clips",
        ge=0,
        le=10,
        kind="course",
    )
    speaker: int = setting(0, "Row of the speaker table to train.", ge=0, le=4096)
    speakers: Literal["one", "folders"] = setting(
        "one",
        "Who speaks: one voice, or one in each sub-folder of the dataset.",
        effect="with folders, a name that is a number is a row of the speaker table; other names follow in order from "
        "train.speaker on",
    )
    precision: Literal["auto", "fp32", "fp16", "bf16"] = setting(
        "auto",
        "auto is bf16 where the CPU or GPU has it, else fp16 on a GPU, fp32 on a CPU.",
        kind="course",
    )
    cuda_graphs: Literal["auto", "off"] = setting(
        "auto",
        "CUDA graphs launch all operations of a training step at once; auto uses them on a single GPU, unless a test "
        "shows that they do not work.",
        kind="speed",
    )
    tuning: Literal["auto", "off"] = setting(
        "auto",
        "auto times other ways of computing a step once on each GPU, and uses those that are faster and compute "
        "correctly there.",
        kind="speed",
    )
    checkpointing: Literal["auto", "on", "off"] = setting(
        "auto",
        "Keep less in memory and compute part of each step twice, with the same result; auto does so on a GPU "
        "where the batch does not fit without.",
        kind="speed",
    )
    data_on_gpu: Literal["auto", "on", "off"] = setting(
        "auto",
        "Keep the training data in GPU memory; auto does so where it takes at most an eighth of what is free.",
        kind="speed",
    )
    pretrained_g: str = setting("", "Generator to start from: a file, none, or empty for the preset's own.")
    pretrained_d: str = setting("", "Discriminators to start from: a file, none, or empty for the preset's own.")
    save_every: int = setting(5, "Epochs between checkpoints.", unit="epochs", kind="speed", ge=1, le=100000)
    keep_last: int = setting(3, "G_ and D_ pairs kept; 0 keeps all.", unit="pairs", kind="speed", ge=0, le=1000)
    keep_every: int = setting(
        0, "Every Nth pair is kept permanently; 0 keeps none.", unit="pairs", kind="speed", ge=0, le=1000
    )
    keep_best: bool = setting(False, "Keep the pair with the lowest mel loss too; best.json names it.", kind="speed")
    disk_budget_gb: float = setting(
        0.0,
        "Limit for all checkpoints together; the oldest are removed first, pinned ones stay. 0 means no limit.",
        unit="GB",
        kind="speed",
        ge=0,
        le=100000,
    )
    disk_wait_s: int = setting(
        600, "How long to wait for space on a full disk.", unit="s", kind="speed", ge=0, le=1_000_000
    )
    save_small: bool = setting(True, "Write the small model at each checkpoint too, not only at the end.", kind="speed")
    audition: bool = setting(
        True, "Synthesise a clip at each checkpoint, to hear the progress of the voice.", kind="speed"
    )
    device: str = setting("auto", "auto, cpu, cuda or cuda:N.", kind="speed")
    gpus: str = setting(
        "",
        "Several GPUs of this machine, one process each: 0,1 or all. Empty means train.device alone.",
        kind="course",
        effect="the batch size is then per GPU: two GPUs with 4 learn the same as one with 8",
    )
    threads: int = setting(0, "Threads of torch on a CPU; 0 means one per core.", kind="speed", ge=0, le=256)
    vocoder: VocoderChoice = setting(
        "preset",
        "The vocoder, which makes the waveform; preset is the preset's own.",
        effect="another one starts without published weights, and only programs that have it can use the voice",
        kind="model",
    )
