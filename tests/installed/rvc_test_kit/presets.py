"""Presets that are quick to train: each of this program's at about a sixteenth of the width, with a random encoder."""

from __future__ import annotations

from dataclasses import replace

from rvc_engine.presets import DiscriminatorConfig, ModelConfig, Preset, preset_of


def tiny(name: str) -> Preset:
    whole = preset_of(name.removesuffix("-tiny"))
    return replace(whole, model=tiny_model(whole.model))


def phonetic(name: str) -> Preset:
    """With the encoder that `rvc pretrain` trains."""
    return Preset(replace(tiny_model(preset_of("starter").model), encoder="phonetic-256-1", gin_channels=8))


def tiny_model(config: ModelConfig) -> ModelConfig:
    return replace(
        config,
        segment_frames=min(config.segment_frames, 64),
        encoder=f"hubert-random-{config.feature_dim}",
        inter_channels=16,
        hidden_channels=16,
        filter_channels=32,
        n_layers=2,
        upsample_initial_channel=32,
        gin_channels=16,
        speakers=4,
        posterior_layers=2,
        flow_layers=1,
        discriminator=DiscriminatorConfig(
            periods=config.discriminator.periods[:2], scale_channels=(4, 8, 8, 8, 8, 8), period_channels=(4, 8, 8, 8, 8)
        ),
    )
