"""HuBERT and ContentVec as RVC uses them, computed as fairseq does, and weights from any file by their names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from rvc_engine.common.opening import open_file
from rvc_engine.content.hubert_config import HubertConfig, checked, from_fairseq, from_text, from_transformers, to_text
from rvc_engine.content.hubert_names import renamed
from rvc_engine.content.hubert_network import HubertTrunk
from rvc_engine.files.foreign import read_json
from rvc_engine.files.weights import Unreadable, check_numbers, metadata_of, plain, read, write_safetensors
from rvc_engine.messages import Message, message_of
from rvc_engine.models.without_weights import without_weights

LAYER_OF = {256: 9, 768: 12}  # RVC v1: layer 9 through final_proj; v2: layer 12 as it is
FRAMES = (320, 400)  # samples from frame to frame, and that one frame sees
FOLDER_FILES = ("model.safetensors", "pytorch_model.bin")
METADATA = "hubert"


class Hubert(nn.Module):
    """Waves at 16 kHz to content features, 50 frames a second.

    `layer` (from 1) and `projected` say what `content` gives. State dict: hubert_network's keys below `trunk.`, and
    final_proj.
    """

    def __init__(self, config: HubertConfig, layer: int, *, projected: bool) -> None:
        super().__init__()
        self.config = config
        self.layer = layer
        self.projected = projected
        self.trunk = HubertTrunk(config)
        self.final_proj = nn.Linear(config.width, config.projection) if config.projection else None

    def extract(self, source: Tensor, padding_mask: Tensor | None = None, layers: int | None = None) -> list[Tensor]:
        """fairseq's extract_features: wave (B, T), True where it is padding (B, T) -> the first `layers` layers'
        outputs, (B, F50, D) each. The wave is taken as it is, and padding changes valid frames too, through the group
        norm. ValueError for too short waves."""
        if source.shape[-1] < self.config.window_samples:
            raise ValueError(Message("content.short_wave", samples=self.config.window_samples))
        convolved = self.trunk.feature_extractor(source)
        mask = None if padding_mask is None or not padding_mask.any() else frame_mask(padding_mask, convolved.shape[1])
        return self.transform(convolved, mask, layers)

    def content(self, waves: list[Tensor]) -> list[Tensor]:
        """Waves (T,) -> (F50, D) of each, the same as of each alone but for rounding: the convolutions and their norm
        see one length at a time, and the layers are padded and masked."""
        convolved = self._convolve(waves)
        lengths = torch.tensor([len(frames) for frames in convolved])
        mask = None
        if len(set(lengths.tolist())) > 1:
            mask = (torch.arange(int(lengths.max())) >= lengths[:, None]).to(convolved[0].device, non_blocking=True)
        made = self._last(pad_sequence(convolved, batch_first=True), mask)
        return [row[:length] for row, length in zip(made, lengths.tolist(), strict=True)]

    def content_of_same(self, waves: Tensor) -> Tensor:
        """Waves (B, T) -> (B, F50, D): as `content`, for waves of one length."""
        return self._last(self._extract(waves), None)

    def _last(self, convolved: Tensor, mask: Tensor | None) -> Tensor:
        last = self.transform(convolved, mask, self.layer)[-1]
        return self.final_proj(last) if self.projected and self.final_proj is not None else last

    def transform(self, convolved: Tensor, mask: Tensor | None, layers: int | None = None) -> list[Tensor]:
        """(B, F50, C) and True for frames of padding (B, F50) -> each layer's (B, F50, D)."""
        encoder = self.trunk.encoder
        x = encoder.feature_projection(convolved)
        attended = None
        if mask is not None:
            x = x.masked_fill(mask[..., None], 0.0)
            attended = ~mask[:, None, None, :].expand(-1, -1, mask.shape[1], -1)
        outputs: list[Tensor] = encoder.transformer(x, attended, layers)
        return outputs

    def _convolve(self, waves: list[Tensor]) -> list[Tensor]:
        by_length: dict[int, list[int]] = {}
        for i, wave in enumerate(waves):
            by_length.setdefault(len(wave), []).append(i)
        rows: dict[int, Tensor] = {}
        for same in by_length.values():
            rows.update(zip(same, self._extract(torch.stack([waves[i] for i in same])), strict=True))
        return [rows[i] for i in range(len(waves))]

    def _extract(self, waves: Tensor) -> Tensor:
        if self.config.wave_eps:
            waves = F.layer_norm(waves, waves.shape[-1:], eps=self.config.wave_eps)
        convolved: Tensor = self.trunk.feature_extractor(waves)
        return convolved


def frame_mask(padding_mask: Tensor, frames: int) -> Tensor:
    """(B, T) -> (B, frames): a frame is padding when all of its share of the samples is, T // frames of them, as in
    fairseq."""
    share = padding_mask.shape[1] // frames
    return padding_mask[:, : share * frames].unflatten(1, (frames, share)).all(2)


# --- files -----------------------------------------------------------------------------------------
def read_hubert(path: Path, dim: int | None = None) -> Hubert:
    """A checkpoint of fairseq, a folder of transformers (or its config.json), or our own safetensors; weights as
    float32.

    `dim` 256 gives RVC v1's content and 768 v2's; None leaves that open (the last layer). Raises Unreadable, OSError.
    """
    if path.name in ("config.json", *FOLDER_FILES) and (path.parent / "config.json").is_file():
        path = path.parent
    config, weights, size = _read_folder(path) if path.is_dir() else _read_file(path)
    weights = renamed(weights)
    _check_weights(weights, size)
    config = _with_projection(config, weights)
    layer, projected = output_of(config, dim)
    with without_weights():
        network = Hubert(config, layer, projected=projected)
    _fill(network, weights)
    return network.requires_grad_(False).eval()


def _fill(network: Hubert, weights: dict[str, Tensor]) -> None:
    """Takes the weights out of the dictionary one by one, so that both precisions are never held whole."""
    wanted = {name.removeprefix("trunk."): tensor.shape for name, tensor in network.state_dict().items()}
    missing = sorted(wanted.keys() - weights.keys())
    unknown = sorted(weights.keys() - wanted.keys())
    wrong = sorted(name for name in wanted.keys() & weights.keys() if weights[name].shape != wanted[name])
    if missing:
        raise Unreadable(Message("content.lacks_weights", count=len(missing), name=missing[0]))
    if unknown:
        raise Unreadable(Message("content.unknown_weights", count=len(unknown), name=unknown[0]))
    if wrong:
        raise Unreadable(Message("content.weights_shape", count=len(wrong), name=wrong[0]))
    state = {name: weights.pop(name.removeprefix("trunk.")).float().contiguous() for name in network.state_dict()}
    network.load_state_dict(state, assign=True)


def write_hubert(path: Path, network: Hubert) -> None:
    """As our own safetensors, in half precision where no number changes by it. Raises DiskFull."""
    weights = {}
    for name, tensor in network.state_dict().items():
        half = tensor.half()
        weights[name.removeprefix("trunk.")] = half if torch.equal(half.float(), tensor) else tensor
    write_safetensors(path, weights, {"format": "pt", METADATA: to_text(network.config)})


def _read_file(path: Path) -> tuple[HubertConfig, dict[Any, Any], int]:
    content = read(path)
    size = path.stat().st_size
    if not isinstance(content, dict):
        raise Unreadable(Message("content.not_hubert"))
    if "model" in content:
        if not isinstance(content["model"], dict):
            raise Unreadable(Message("content.model_no_weights"))
        return _fairseq_config(content), content["model"], size
    if any(not isinstance(value, Tensor) for value in content.values()):
        raise Unreadable(Message("content.hubert_no_model"))
    with open_file(path) as file:
        own = file.read(9)[8:] == b"{"
    text = metadata_of(path).get(METADATA) if own else None
    return (from_text(text) if text else HubertConfig()), content, size


def _fairseq_config(content: Mapping[str, Any]) -> HubertConfig:
    options, args = plain(content.get("cfg")), plain(content.get("args"))
    if isinstance(options, dict):
        model, task = options.get("model"), options.get("task")
    else:
        model = task = args
    if not isinstance(model, dict) or not isinstance(task, dict):
        raise Unreadable(Message("content.hubert_no_options"))
    return from_fairseq(model, task.get("normalize", False))


def _read_folder(folder: Path) -> tuple[HubertConfig, dict[Any, Any], int]:
    found = [folder / name for name in FOLDER_FILES if (folder / name).is_file()]
    if not found:
        raise Unreadable(Message("content.folder_no_weights", first=FOLDER_FILES[0], second=FOLDER_FILES[1]))
    preprocessor = folder / "preprocessor_config.json"
    config = from_transformers(_json(folder / "config.json"), _json(preprocessor) if preprocessor.is_file() else {})
    content = read(found[0])
    if not isinstance(content, dict):
        raise Unreadable(Message("content.file_no_weights", name=found[0].name))
    return config, content, found[0].stat().st_size


def _json(path: Path) -> dict[str, Any]:
    try:
        content = read_json(path)
    except Unreadable as error:
        raise Unreadable(Message("content.damaged", name=path.name, reason=message_of(error))) from error
    if not isinstance(content, dict):
        raise Unreadable(Message("content.no_configuration", name=path.name))
    return content


def _check_weights(weights: Mapping[str, Tensor], size: int) -> None:
    if sum(tensor.nbytes for tensor in weights.values()) > size:
        raise Unreadable(Message("content.weights_overlap"))
    check_numbers(weights)


def _with_projection(config: HubertConfig, weights: Mapping[str, Tensor]) -> HubertConfig:
    """fairseq has one block of rows for each label set, and folders may lack final_proj altogether."""
    if "final_proj.weight" not in weights:
        return replace(config, projection=0)
    rows = weights["final_proj.weight"].shape[:1]
    whole = bool(config.projection and rows and rows[0] % config.projection == 0)
    return checked(replace(config, projection=rows[0])) if whole else config


def output_of(config: HubertConfig, dim: int | None) -> tuple[int, bool]:
    """The layer (from 1) that RVC takes, and whether it goes through final_proj. Raises Unreadable when that is not
    `dim` wide."""
    if dim is None:
        return config.layers, False
    if (config.hop_samples, config.window_samples) != FRAMES:
        raise Unreadable(Message("content.frame_length"))
    projected = dim == 256
    if projected and not config.projection:
        raise Unreadable(Message("content.no_final_proj"))
    width = config.projection if projected else config.width
    if width != dim:
        if projected:
            raise Unreadable(Message("content.width_final_proj", width=width, expected=dim))
        raise Unreadable(Message("content.width_last_layer", width=width, expected=dim))
    return min(LAYER_OF[dim], config.layers), projected
