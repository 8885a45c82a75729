"""A voice out of a training checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from rvc_engine import __version__
from rvc_engine.errors import BadInput, cannot_read, of_environment, reason_of
from rvc_engine.files.foreign import first_line, read_json
from rvc_engine.files.weights import Unreadable
from rvc_engine.messages import NOTHING, Message
from rvc_engine.presets import PRESETS, ModelConfig
from rvc_engine.voices.checkpoint import Checkpoint, read_checkpoint
from rvc_engine.voices.layout import checked_list, model_of
from rvc_engine.voices.side_files import CONFIG, rate_in, refuse_other_encoder
from rvc_engine.voices.small_model import EXTRACTED, save_small_model, small_model, voice_of


def read_generator(path: Path) -> Checkpoint:
    """A G_ or a pretrained G. Raises BadInput saying what the file is instead, or which content encoder other than
    RVC's made it."""
    try:
        checkpoint = read_checkpoint(path)
    except FileNotFoundError:
        raise BadInput("common.no_file", NOTHING, Message("common.check_path"), path=path) from None
    except (OSError, Unreadable) as error:
        if of_environment(error):
            raise cannot_read(path, error) from error
        raise BadInput("voices.not_extracted", reason_of(error), path=path) from error
    if checkpoint.kind != "G":
        raise BadInput("voices.extracted_not_generator", path=path, what=checkpoint.what)
    refuse_other_encoder(path, checkpoint.embedder)
    return checkpoint


def config_of(checkpoint: Checkpoint, path: Path, sample_rate: int | None = None) -> ModelConfig:
    """The shape of a generator's voice, from its tensors; where two rates share theirs, or no preset fits, from
    `sample_rate` or from the config.json that RVC programs keep beside a checkpoint. Raises BadInput."""
    title = Message("voices.cannot_be_voice", path=path)
    if sample_rate is not None and checkpoint.sample_rate not in (None, sample_rate):
        raise BadInput(
            title,
            Message("voices.not_of_rate", what=checkpoint.what, rate=sample_rate),
            Message("voices.leave_rate_out"),
        )
    presets = [name for name in checkpoint.presets if sample_rate in (None, PRESETS[name].sample_rate)]
    beside = path.with_name(CONFIG)
    if len(presets) > 1 and beside.is_file():
        presets = [name for name in presets if PRESETS[name].sample_rate == _rate_of(_rvc_json(beside, title), title)]
    if len(presets) == 1 and checkpoint.pitch is not None and checkpoint.speakers is not None:
        return replace(PRESETS[presets[0]], pitch=checkpoint.pitch, speakers=checkpoint.speakers)
    if len(checkpoint.presets) > 1:
        first, second = (PRESETS[checkpoint.presets[place]].sample_rate for place in (0, -1))
        hint = Message("voices.give_one_rate", first=first, second=second)
        raise BadInput(title, Message("voices.rate_unclear", what=checkpoint.what), hint)
    if not beside.is_file():
        raise BadInput(title, Message("voices.unusual_shape", what=checkpoint.what))
    try:
        entries = {"config": _list_of(_rvc_json(beside, title)), "version": checkpoint.version}
        return model_of(entries, checkpoint.weights)
    except (ValueError, KeyError, TypeError) as error:
        raise BadInput(title, Message("voices.config_not_of_it", path=beside, reason=first_line(error))) from error


def _rvc_json(path: Path, title: Message) -> dict[str, Any]:
    try:
        content = read_json(path)
        if not isinstance(content, dict) or not all(isinstance(content.get(key), dict) for key in ("data", "model")):
            raise ValueError(Message("voices.no_rvc_config"))
    except (OSError, ValueError) as error:
        raise BadInput(title, Message("voices.because", name=path, reason=reason_of(error))) from error
    return content


def _rate_of(content: dict[str, Any], title: Message) -> int:
    rate = rate_in(content)
    if rate is None:
        raise BadInput(title, Message("voices.config_no_rate"), Message("voices.give_rate"))
    return rate


def _list_of(content: dict[str, Any]) -> list[Any]:
    """The 18 entries, from the config.json of a training."""
    data, model = content["data"], content["model"]
    names = [
        "inter_channels",
        "hidden_channels",
        "filter_channels",
        "n_heads",
        "n_layers",
        "kernel_size",
        "p_dropout",
        "resblock",
    ]
    names += [
        "resblock_kernel_sizes",
        "resblock_dilation_sizes",
        "upsample_rates",
        "upsample_initial_channel",
        "upsample_kernel_sizes",
    ]
    names += ["spk_embed_dim", "gin_channels"]
    return checked_list([data["filter_length"] // 2 + 1, 32, *(model[name] for name in names), rate_in(content)])


def extract(
    checkpoint: Checkpoint, config: ModelConfig, path: Path, output: Path, *, info: str = "", about: Mapping[str, Any]
) -> None:
    """Write the small model of the generator in `path`. `about`: what is known of step and recordings. Raises BadInput
    when its weights are not those of the configuration, or not finite."""
    known = checkpoint.iteration is not None
    text = info or (f"{checkpoint.iteration}epoch" if known else f"extracted by rvc-tui {__version__}")
    ours = {"encoder": config.encoder, "unvoiced": None, "epoch": checkpoint.iteration, "step": None, **about}
    entries = {
        "weight": checkpoint.weights,
        "config": config.to_rvc_list(),
        "version": config.version,
        "encoder": config.encoder,
    }
    weights = voice_of(entries, path).weights
    save_small_model(
        output, small_model(weights, config, text, {**ours, "program": f"rvc-tui {__version__}"}, EXTRACTED)
    )
