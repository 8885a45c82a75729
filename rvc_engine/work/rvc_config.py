"""config.json, by which RVC programs know the model of an experiment."""

from __future__ import annotations

import json
from typing import Any

from rvc_engine.common.opening import read_bytes
from rvc_engine.disk import move_to_backup, write_whole
from rvc_engine.experiment import Experiment
from rvc_engine.presets import ModelConfig
from rvc_engine.settings import ExperimentSettings
from rvc_engine.training.train_config import TrainConfig

RVC_EPOCHS = 20000
"""What RVC programs write as `train.epochs` of config.json: their trainer never goes beyond it, whatever it is asked
for."""
SHAPE = (
    "upsample_rates",
    "upsample_kernel_sizes",
    "spk_embed_dim",
    "gin_channels",
    "inter_channels",
    "hidden_channels",
)
"""Settings in config.json by which a model is known."""


def write_config(experiment: Experiment, settings: ExperimentSettings, train_config: TrainConfig) -> None:
    """config.json, unless there is one that describes this model: what another RVC program adds or sets otherwise is
    its own. One that does not is moved to a backup."""
    text = json.dumps(rvc_config(settings.model, train_config), indent=4, sort_keys=True)
    wanted = json.loads(text)
    try:
        there = json.loads(read_bytes(experiment.config_json))
        rate = there["data"].get("sampling_rate", there["data"].get("sample_rate"))
        same = rate == settings.model.sample_rate and all(there["model"][key] == wanted["model"][key] for key in SHAPE)
        if same and there["train"].get("epochs", RVC_EPOCHS) >= RVC_EPOCHS:
            return
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        same = False
    if not same:
        move_to_backup([experiment.config_json], experiment.folder, "config")
    write_whole(experiment.config_json, text)


def rvc_config(config: ModelConfig, train_config: TrainConfig) -> dict[str, Any]:
    """config.json as RVC programs write it."""
    rate, length = config.sample_rate, config.filter_length
    data = {
        "filter_length": length,
        "hop_length": config.hop_samples,
        "max_wav_value": 32768.0,
        "mel_fmax": config.mel_fmax,
    }
    data |= {"mel_fmin": config.mel_fmin, "n_mel_channels": config.n_mels, "sampling_rate": rate, "win_length": length}
    names = [
        "filter_channels",
        "gin_channels",
        "hidden_channels",
        "inter_channels",
        "kernel_size",
        "n_heads",
        "n_layers",
        "p_dropout",
    ]
    names += [
        "resblock_dilation_sizes",
        "resblock_kernel_sizes",
        "upsample_initial_channel",
        "upsample_kernel_sizes",
        "upsample_rates",
    ]
    model = {name: getattr(config, name) for name in names}
    model |= {"resblock": "1", "spk_embed_dim": config.speakers, "use_spectral_norm": False}
    train = {
        "batch_size": train_config.batch_size,
        "betas": [0.8, 0.99],
        "c_kl": train_config.c_kl,
        "c_mel": train_config.c_mel,
        "epochs": RVC_EPOCHS,
    }
    train |= {
        "eps": 1e-9,
        "init_lr_ratio": 1,
        "learning_rate": train_config.learning_rate,
        "log_interval": 200,
        "lr_decay": train_config.lr_decay,
    }
    train |= {"seed": train_config.seed, "segment_size": config.segment_samples, "warmup_epochs": 0}
    return {"data": data, "model": model, "train": train}
