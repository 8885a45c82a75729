"""How much memory a training step takes, estimated from the shapes of a preset: the advisor's table until a real step
is measured.

Counts what a step of GAN training keeps: weights, gradients and the two moments of AdamW; and, a sample, what the
backward pass needs of the decoder's residual blocks, of the discriminators, and of the encoders, which run over the
whole clip.
"""

from __future__ import annotations

from rvc_engine.presets import DiscriminatorConfig, ModelConfig
from rvc_engine.registry import VOCODERS

STATE_BYTES = 16  # a parameter in fp32: weight, gradient, first and second moment of AdamW
CLIP_FRAMES = 400  # a clip of 4 s, where training uses all of it
CONTEXT_BYTES = 500_000_000  # a CUDA context with cuDNN's kernels, which torch does not count
PROCESS_BYTES = {
    "cpu": 450_000_000,  # the interpreter with torch
    "cuda": CONTEXT_BYTES,
}
KEPT_CLIPS_BYTES = 1 << 30  # of clips that a training keeps in main memory, at most
GPU_DATA_SHARE = 1 / 8  # of the free memory of a GPU: so much of training data lies there with train.data_on_gpu auto
ALLOCATOR = 1.4  # what an allocator holds over what is in use; RVC's v2-40k at batch 4 on a CPU takes 4.8 GB


def generator_parameters(config: ModelConfig) -> int:
    """Parameters of the synthesizer, to a few percent."""
    width = config.hidden_channels
    attention = config.n_layers * (4 * width * width + 2 * config.kernel_size * width * config.filter_channels)
    wave_layers = config.posterior_layers + 3 * config.flow_layers
    residual = wave_layers * (5 * width * 2 * width + 2 * width * width + 2 * width * config.gin_channels)
    return (
        attention
        + residual
        + VOCODERS.get(config.decoder).parameters(config)
        + config.feature_dim * width
        + config.spec_bins * width
        + config.speakers * config.gin_channels
    )


def discriminator_parameters(config: DiscriminatorConfig) -> int:
    """Parameters of all the discriminators, to a few percent."""
    period = sum(5 * a * b for a, b in zip((1, *config.period_channels), (*config.period_channels, 1), strict=False))
    scale, groups, kernels = 0, (1, 4, 16, 64, 256, 1), (15, 41, 41, 41, 41, 5)
    for a, b, group, kernel in zip((1, *config.scale_channels), config.scale_channels, groups, kernels, strict=False):
        scale += kernel * a * b // min(group, a)
    return period * len(config.periods) + scale


def map_values(config: ModelConfig) -> int:
    """Numbers of all discriminators' feature maps of a slice."""
    length, shape = (config.judged_frames or config.segment_frames) * config.hop_samples, config.discriminator
    period = sum(channels * length / 3 ** min(depth + 1, 4) for depth, channels in enumerate(shape.period_channels))
    scale = sum(channels * length / 4 ** min(depth, 4) for depth, channels in enumerate(shape.scale_channels))
    return int(period * len(shape.periods) + scale)


def discriminator_values(config: ModelConfig) -> int:
    """Numbers a sample: each layer before and after its activation, for the real and the generated slice."""
    return 2 * 2 * map_values(config)


def encoder_values(config: ModelConfig) -> tuple[int, int, int]:
    """Numbers a sample of the attention layers, the posterior encoder and the flow, over the used part of a clip."""
    width, frames = config.hidden_channels, config.window_frames or CLIP_FRAMES
    attention = config.n_layers * frames * (12 * width + 2 * config.filter_channels + 3 * config.n_heads * frames)
    layer = frames * 8 * width
    return attention, config.posterior_layers * layer + 2 * frames * config.spec_bins, 3 * config.flow_layers * layer


def fixed_bytes(config: ModelConfig, device_type: str) -> int:
    """What a training holds whatever its batch size. `device_type` cpu or cuda. Gradient checkpointing frees the
    gradients of one side at a time, but what it computes again takes about as much."""
    return PROCESS_BYTES[device_type] + STATE_BYTES * (
        generator_parameters(config) + discriminator_parameters(config.discriminator)
    )


def clip_bytes(config: ModelConfig, minutes: float) -> int:
    """What a training keeps of so many minutes of clips in main memory: audio, spectrogram, features and pitch."""
    pitch = 8 + 4 if config.pitch else 0
    frame = 4 * (config.hop_samples + config.spec_bins + config.feature_dim) + pitch
    return min(int(minutes * 60 * 100 * frame), KEPT_CLIPS_BYTES)


def gpu_data_bytes(config: ModelConfig, frames: int) -> int:
    """What so many frames of clips take on a GPU: audio, features at 50 a second, and pitch; spectrograms are made
    there (training/device_dataset.py)."""
    pitch = 1 + 4 if config.pitch else 0
    return frames * (4 * config.hop_samples + 2 * config.feature_dim + pitch)


def gpu_batch_bytes(config: ModelConfig, frames: int = CLIP_FRAMES) -> int:
    """What a sample takes meanwhile, when its spectrogram is made on a GPU: windows of audio and complex numbers."""
    return frames * 4 * (config.filter_length + 4 * config.spec_bins + 2 * config.hop_samples)


def kept_values(config: ModelConfig) -> int:
    """Numbers a sample that wait for the backward pass."""
    vocoder = VOCODERS.get(config.decoder)
    return vocoder.kept_values(config) + discriminator_values(config) + sum(encoder_values(config))


def checkpointed_values(config: ModelConfig) -> int:
    """The same with gradient checkpointing: what is kept, the maps of the true slice among it, and the largest part
    that is computed again; or, when that is done with, an encoder."""
    kept, again = VOCODERS.get(config.decoder).checkpointed_values(config)
    one = discriminator_values(config) // (len(config.discriminator.periods) + 1)
    return max(kept + map_values(config) + max(again, one), *encoder_values(config))


def bytes_per_sample(config: ModelConfig, precision: str, *, checkpointing: bool = False) -> int:
    """What one more sample in the batch costs. Half precision keeps about 0.6: losses and normalisations stay in
    fp32."""
    values = checkpointed_values(config) if checkpointing else kept_values(config)
    width = 4.0 if precision == "fp32" else 2.4
    return int(values * width * ALLOCATOR)
