"""The small model: the file that is shared, in the RVC programs' layout, with what we know beyond it after their
entries."""

from __future__ import annotations

import hashlib
import re
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from rvc_engine import __version__
from rvc_engine.common.opening import require_file
from rvc_engine.disk import whole_file
from rvc_engine.errors import BadInput, RvcError, cannot_read, of_environment, reason_of
from rvc_engine.files import weights as weight_files
from rvc_engine.files.foreign import describe_some, first_line, text_of
from rvc_engine.files.weights import Unreadable, check_numbers
from rvc_engine.messages import NOTHING, Message, message_of, verbatim
from rvc_engine.messages.actions import command
from rvc_engine.models.synthesizer import Synthesizer
from rvc_engine.models.weight_norm import fold
from rvc_engine.models.without_weights import without_weights
from rvc_engine.presets import PRESETS, ModelConfig
from rvc_engine.voices.checkpoint import checkpoint_of
from rvc_engine.voices.layout import model_of, rvc_names

# The order of RVC's entries: of a voice saved in training, of one extracted from a checkpoint, of a merged one.
SAVED = ("weight", "config", "info", "sr", "f0", "version")
EXTRACTED = ("weight", "config", "info", "version", "sr", "f0")
MERGED = ("weight", "config", "sr", "f0", "version", "info")
OURS = ("encoder", "unvoiced", "epoch", "step", "program")
MAX_TEXT = 10_000
MAX_EXTRAS = 100
MAX_NUMBER = 1 << 53


@dataclass(frozen=True)
class Voice:
    """A small model as it was read. `epoch`, `step`, `unvoiced` and `program` are None in files of other programs.

    `extras` are the other entries that are plain: ours `pitch_hz` and `minutes`, Applio's author, model_name,
    dataset_length and more. `rate_name` is the file's own `sr`.
    """

    config: ModelConfig
    weights: dict[str, Tensor]
    info: str
    epoch: int | None
    step: int | None
    unvoiced: str | None
    program: str | None
    path: Path
    extras: dict[str, Any] = field(default_factory=dict)
    rate_name: str = ""

    def network(self, device: torch.device | str = "cpu") -> Synthesizer:
        """In float32 and eval mode, its normed weights computed once: for conversion, not for training."""
        with without_weights():
            network = Synthesizer(self.config, posterior=False)
        network.load_state_dict({key: value.float() for key, value in self.weights.items()}, assign=True)
        network = network.to(device).eval().requires_grad_(False)
        fold(network)
        return network

    @property
    def pitch_hz(self) -> tuple[float, float, float] | None:
        """10th percentile, median and 90th percentile of the recordings that it was trained on, if the file says."""
        values = self.extras.get("pitch_hz")
        if (
            not isinstance(values, list)
            or len(values) != 3
            or not all(isinstance(v, int | float) and 20 < v < 5000 for v in values)
        ):
            return None
        return float(values[0]), float(values[1]), float(values[2])

    @property
    def epochs(self) -> int | None:
        """Where the file says nothing else, from an info such as 200epoch."""
        found = re.match(r"(\d{1,7})epoch", self.info)
        return self.epoch if self.epoch is not None or not found else int(found[1])

    @property
    def minutes(self) -> float | None:
        """Of clips that it was trained on, if the file says."""
        value = self.extras.get("minutes")
        return float(value) if isinstance(value, int | float) else None

    @property
    def ours(self) -> dict[str, Any]:
        """The entries after RVC's, for another file of the same voice."""
        own = {"encoder": self.config.encoder, "unvoiced": self.unvoiced, "epoch": self.epoch, "step": self.step}
        own |= _vocoder_entry(self.config)
        return {**own, **self.extras, "program": self.program}

    def weights_sha256(self) -> str:
        """Of names, shapes and numbers in half precision: equal for the same voice in a .pth and in a bundle."""
        digest = hashlib.sha256()
        for key in sorted(self.weights):
            value = self.weights[key].half().contiguous()
            digest.update(f"{key} {list(value.shape)}\n".encode())
            digest.update(value.numpy().tobytes())
        return digest.hexdigest()


def small_model(
    weights: Mapping[str, Tensor],
    config: ModelConfig,
    info: str,
    ours: Mapping[str, Any],
    order: tuple[str, ...] = SAVED,
) -> OrderedDict[str, Any]:
    """The entries of a small model, RVC's in `order` and then `ours`; weights in half precision, enc_q left out.

    Raises RvcError when a weight is not finite in half precision.
    """
    half = {
        key: value.detach().to("cpu", torch.float16).contiguous()
        for key, value in weights.items()
        if "enc_q" not in key
    }
    broken = [key for key, value in half.items() if not torch.isfinite(value).all()]
    if broken:
        raise RvcError("voices.weights_not_finite", verbatim(", ".join(broken[:5])))
    entries: dict[str, Any] = {
        "weight": half,
        "config": config.to_rvc_list(),
        "info": info,
        "sr": config.rate_name,
        "f0": int(config.pitch),
        "version": config.version,
    }
    entries["config"][15] = len(half["emb_g.weight"])
    return OrderedDict(
        [*((key, entries[key]) for key in order), *((key, value) for key, value in ours.items() if key not in entries)]
    )


def save_small_model(path: Path, content: Mapping[str, Any]) -> None:
    """Raises DiskFull."""
    with whole_file(path) as temporary:
        torch.save(content, temporary)


def write_small_model(
    path: Path, weights: dict[str, Tensor], config: ModelConfig, *, epoch: int, step: int, extra: dict[str, Any]
) -> None:
    """Write `weights` (a generator's state dict; enc_q is left out) in half precision. `extra`: e.g. {"unvoiced":
    "interpolate"}.

    Raises RvcError when a weight is not finite in half precision.
    """
    ours = {
        "encoder": config.encoder,
        "unvoiced": None,
        "epoch": epoch,
        "step": step,
        **_vocoder_entry(config),
        **extra,
        "program": f"rvc-tui {__version__}",
    }
    save_small_model(path, small_model(weights, config, f"{epoch}epoch", ours))


def _vocoder_entry(config: ModelConfig) -> dict[str, Any]:
    """Only where it is not that of the version: other programs refuse what they do not know."""
    usual = next((known.decoder for known in PRESETS.values() if known.version == config.version), config.decoder)
    return {"vocoder": config.decoder} if config.decoder != usual else {}


def read_voice(path: Path) -> Voice:
    """Read a small model of ours or of another RVC program; nothing in it is executed. Raises BadInput saying what the
    file is instead."""
    require_file(path, Message("voices.no_voice", path=path), Message("voices.check_path_list"))
    try:
        content = weight_files.read(path)
    except (OSError, Unreadable) as error:
        if of_environment(error):
            raise cannot_read(path, error) from error
        raise _bad(path, Message("voices.not_a_model", reason=reason_of(error))) from error
    if not isinstance(content, dict) or "weight" not in content or "config" not in content:
        refuse_other(path, content)
    return voice_of(content, path)


def voice_of(content: dict[str, Any], path: Path) -> Voice:
    """The voice in the entries of a small model. Raises BadInput that names `path` and what is wrong."""
    try:
        if not isinstance(content["weight"], dict):
            raise ValueError(Message("voices.weight_no_dictionary"))
        weights = {key: value for key, value in rvc_names(content["weight"]).items() if "enc_q" not in key}
        config = model_of(content, weights)
    except (ValueError, KeyError) as error:
        raise _bad(path, first_line(error)) from error
    expected = _shapes(config, path)
    wrong = [key for key in expected if getattr(weights.get(key), "shape", None) != expected[key].shape]
    wrong += [key for key in weights if key not in expected]
    if wrong:
        raise _bad(path, Message("voices.other_tensors", count=len(wrong), names=describe_some(wrong)))
    try:
        check_numbers(weights)
    except Unreadable as error:
        raise _bad(path, message_of(error)) from error
    epoch, step = (
        content[key] if type(content.get(key)) is int and 0 <= content[key] < MAX_NUMBER else None
        for key in ("epoch", "step")
    )
    unvoiced, program = (_text(content.get(key)) for key in ("unvoiced", "program"))
    ordered = {key: weights[key] for key in expected}
    info, rate_name = text_of(content.get("info"), MAX_TEXT), text_of(content.get("sr"), 20)
    return Voice(config, ordered, info, epoch, step, unvoiced, program, path, _extras(content), rate_name)


def _shapes(config: ModelConfig, path: Path) -> dict[str, Tensor]:
    """What a voice of this build holds, without numbers. Raises BadInput for a build that cannot be, RvcError where
    torch builds none."""
    try:
        return _built(config)
    except (ValueError, RuntimeError) as error:
        try:
            _built(PRESETS["starter"])
        except Exception as own:
            raise RvcError("voices.torch_builds_none", kind=type(own).__name__, reason=message_of(own)) from own
        raise _bad(path, message_of(error)) from error


def _built(config: ModelConfig) -> dict[str, Tensor]:
    with without_weights():
        return Synthesizer(config, posterior=False).state_dict()


def _text(value: Any) -> str | None:
    return value[:MAX_TEXT] if isinstance(value, str) else None


def _extras(content: dict[str, Any]) -> dict[str, Any]:
    """Plain entries beyond RVC's and ours: texts, numbers, short lists of numbers."""
    found: dict[str, Any] = {}
    for key, value in content.items():
        if not isinstance(key, str) or len(key) > 100 or key in (*SAVED, *OURS) or len(found) == MAX_EXTRAS:
            continue
        short_text = isinstance(value, str) and len(value) <= MAX_TEXT
        if short_text or all(map(_is_number, value if isinstance(value, list) and len(value) <= 16 else [value])):
            found[key] = value
    return found


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and abs(value) < MAX_NUMBER


def refuse_other(path: Path, content: Any) -> None:
    """Raises BadInput that says what the content of a file is, where it is no small model."""
    try:
        checkpoint = checkpoint_of(content)
    except Unreadable:
        encoder = isinstance(content, dict) and "cfg" in content
        raise _bad(path, Message("voices.is_content_encoder" if encoder else "voices.holds_no_voice")) from None
    what, epoch = checkpoint.what, checkpoint.iteration
    if checkpoint.kind == "D":
        reason = (
            Message("voices.is_discriminators", what=what)
            if epoch is None
            else Message("voices.is_discriminators_epoch", what=what, epoch=epoch)
        )
        raise _bad(path, reason, Message("voices.generator_beside"))
    reason = (
        Message("voices.is_checkpoint", what=what)
        if epoch is None
        else Message("voices.is_checkpoint_epoch", what=what, epoch=epoch)
    )
    raise _bad(path, reason, Message("voices.extract_it", path=path, name=_name_beside(path)))


def extract_command(path: Path) -> str:
    """The command that makes a voice of a checkpoint, named after its folder."""
    return command("extract_file", {"path": str(path), "name": _name_beside(path)})


def _name_beside(path: Path) -> str:
    name = path.absolute().parent.name
    return name if name.strip(".") else "voice"


def _bad(path: Path, reason: Message, hint: Message = NOTHING) -> BadInput:
    return BadInput("voices.not_a_voice", reason, hint, path=path)
