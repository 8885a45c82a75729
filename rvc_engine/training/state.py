"""All that a training is: what a checkpoint must hold, as dictionaries of tensors and numbers, and how it is taken from
them again."""

from __future__ import annotations

import math
import pickle
import struct
import zipfile
import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from rvc_engine.errors import RvcError, cannot_read, of_environment
from rvc_engine.files.foreign import describe, first_line
from rvc_engine.files.weights import Unreadable, check_types
from rvc_engine.messages import NOTHING, Message, joined, message_of
from rvc_engine.models.discriminators import Discriminators
from rvc_engine.models.noise import Noise
from rvc_engine.models.synthesizer import Synthesizer
from rvc_engine.presets import ModelConfig
from rvc_engine.training.adversary import Adversary
from rvc_engine.training.precision import Precision, adamw
from rvc_engine.training.train_config import TrainConfig
from rvc_engine.voices.checkpoint import checkpoint_of, read_checkpoint
from rvc_engine.voices.layout import rvc_names

FEW = 5  # tensors that an error names
# What reading a damaged file raises, in zipfile, torch or pickle.
UNREADABLE = (
    OSError,
    RuntimeError,
    EOFError,
    pickle.UnpicklingError,
    KeyError,
    TypeError,
    ValueError,
    AttributeError,
    IndexError,
    AssertionError,
    OverflowError,
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
)


@dataclass
class TrainingState:
    """`epoch` is the last finished one, `position` counts the batches done of the next; `sums` adds up that epoch's
    scalars."""

    generator: Synthesizer
    optimizer: torch.optim.Optimizer
    adversary: Adversary
    precision: Precision
    noise: Noise
    train_config: TrainConfig
    step: int = 0
    epoch: int = 0
    position: int = 0
    sums: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    order: str = ""  # fingerprint of the epoch's batches: `position` means nothing among others
    mel: float = math.inf  # mean mel loss of the last finished epoch

    @classmethod
    def fresh(cls, config: ModelConfig, train_config: TrainConfig, device: torch.device) -> TrainingState:
        """Random weights from the config's seed."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(train_config.seed)
            generator, critics = Synthesizer(config), Discriminators(config.discriminator)
        torch.manual_seed(train_config.seed)
        precision = Precision(train_config.precision, device)
        generator.to(device).train()
        adversary = Adversary(critics.to(device).train(), train_config.learning_rate, precision)
        return cls(
            generator,
            adamw(generator, train_config.learning_rate),
            adversary,
            precision,
            Noise(device, train_config.seed),
            train_config,
        )

    @property
    def at(self) -> tuple[int, int, int]:
        return self.step, self.epoch, self.position

    def begin_epoch(self) -> None:
        """Forget the sums and the place of the epoch before."""
        self.position, self.sums, self.seconds = 0, {}, 0.0

    def _tensors(self) -> Iterator[Tensor]:
        """All that training changes: weights, buffers and moments."""
        for network, optimizer in (
            (self.generator, self.optimizer),
            (self.adversary.network, self.adversary.optimizer),
        ):
            yield from network.state_dict().values()
            for entry in optimizer.state.values():
                yield from (value for value in entry.values() if isinstance(value, Tensor))

    def is_finite(self) -> bool:
        """No weight and no moment is infinite or not a number. Waits for the device."""
        checks = [
            value.isfinite().all().to(self.noise.device) for value in self._tensors() if value.is_floating_point()
        ]
        return bool(torch.stack(checks).all())

    @property
    def bytes(self) -> int:
        """About what a full training state takes on the disk."""
        return sum(value.nbytes for value in self._tensors())

    def weights(self) -> dict[str, Tensor]:
        """Of the generator, where they are."""
        return self.generator.state_dict()

    def pair(self, on_host: Callable[[Tensor], Tensor] = Tensor.cpu) -> dict[str, dict[str, Any]]:
        """Contents of G_ and D_ in RVC's layout; `iteration` is the last finished epoch. `on_host`: how a tensor gets
        there."""
        sides = {"G": (self.generator, self.optimizer), "D": (self.adversary.network, self.adversary.optimizer)}
        return {
            kind: {
                "model": OrderedDict((key, on_host(value)) for key, value in network.state_dict().items()),
                "iteration": self.epoch,
                "optimizer": _plain_optimizer(optimizer, on_host),
                "learning_rate": self.train_config.learning_rate,
            }
            for kind, (network, optimizer) in sides.items()
        }

    def rest(self) -> dict[str, Any]:
        """What a pair lacks."""
        cuda = self.noise.device.type == "cuda"
        return {
            "step": self.step,
            "epoch": self.epoch,
            "position": self.position,
            "sums": dict(self.sums),
            "seconds": self.seconds,
            "order": self.order,
            "mel": self.mel,
            "course": self.train_config.numbers(),
            "noise": self.noise.generator.get_state(),
            "torch": torch.get_rng_state(),
            "cuda": torch.cuda.get_rng_state(self.noise.device) if cuda else None,
            "device": self.noise.device.type,
            "scaler": self.precision.scaler.state_dict(),
        }

    def load_pair(self, pair: dict[str, dict[str, Any]], names: dict[str, str]) -> None:
        """Raises RvcError naming every tensor that is missing or has another shape. `names`: files, for messages."""
        sides = {"G": (self.generator, self.optimizer), "D": (self.adversary.network, self.adversary.optimizer)}
        models = {kind: rvc_names(pair[kind]["model"]) for kind in sides}
        for kind, (network, _) in sides.items():
            check_tensors(models[kind], network.state_dict(), names[kind])
        for kind, (network, optimizer) in sides.items():
            network.load_state_dict(models[kind])
            order = [list(models[kind]).index(key) for key, _ in network.named_parameters()]
            _load_optimizer(optimizer, pair[kind]["optimizer"], names[kind], order)

    def load_rest(self, entry: dict[str, Any]) -> None:
        self.step, self.epoch, self.position = entry["step"], entry["epoch"], entry["position"]
        self.sums, self.seconds, self.order, self.mel = (
            dict(entry["sums"]),
            entry["seconds"],
            entry["order"],
            entry["mel"],
        )
        if entry["scaler"] and self.precision.scaler.is_enabled():
            self.precision.scaler.load_state_dict(entry["scaler"])
        torch.set_rng_state(entry["torch"])
        if entry["device"] == self.noise.device.type:
            self.noise.generator.set_state(entry["noise"])
            if entry["cuda"] is not None:
                torch.cuda.set_rng_state(entry["cuda"], self.noise.device)
        else:
            self.noise.generator.manual_seed(self.train_config.seed + self.step)


NUMBER = (int, float)
REST: dict[str, Any] = {
    "step": int,
    "epoch": int,
    "position": int,
    "sums": dict,
    "seconds": NUMBER,
    "order": str,
    "mel": NUMBER,
    "course": dict,
    "noise": Tensor,
    "torch": Tensor,
    "cuda": (Tensor, type(None)),
    "device": str,
    "scaler": dict,
}


def check_rest(rest: Any) -> None:
    """Is it what `TrainingState.rest` gives, in its types? Raises ValueError, which means a damaged file."""
    if not isinstance(rest, dict):
        raise ValueError(Message("training.no_state"))
    for name, kind in REST.items():
        value = rest.get(name)
        if name not in rest or not isinstance(value, kind) or (isinstance(value, int) and not 0 <= value < 1 << 40):
            raise ValueError(Message("training.wrong_state", name=name, value=describe(value)))
    if not all(isinstance(key, str) and isinstance(value, NUMBER) for key, value in rest["sums"].items()):
        raise ValueError(Message("training.wrong_sums"))


def check_tensors(found: Any, expected: dict[str, Tensor], name: str) -> None:
    """Raises RvcError naming what is missing, too much or wrongly shaped."""
    if not isinstance(found, dict):
        raise RvcError("training.no_weights", path=name)
    try:
        check_types(found)
    except Unreadable as error:
        raise RvcError("training.unusable_weights", message_of(error), path=name) from error
    wrong = [Message("training.tensor_missing", key=key) for key in expected if key not in found]
    wrong += [Message("training.tensor_unknown", key=describe(key, 120)) for key in found if key not in expected]
    for key, tensor in expected.items():
        if key in found and getattr(found[key], "shape", None) != tensor.shape:
            shape, expected_shape = (str(list(getattr(value, "shape", []))) for value in (found[key], tensor))
            wrong.append(Message("training.tensor_shape", key=key, found=shape, expected=expected_shape))
    if wrong:
        why = joined(*wrong[:FEW])
        if len(wrong) > FEW:
            why = Message("files.some_and_more", some=why, count=len(wrong) - FEW)
        raise RvcError("training.wrong_tensors", why, path=name)


def _plain_optimizer(optimizer: torch.optim.Optimizer, on_host: Callable[[Tensor], Tensor]) -> dict[str, Any]:
    """On the CPU and without our choice of kernels, as RVC's programs write it."""
    state = optimizer.state_dict()
    state["state"] = {
        number: {key: on_host(value) for key, value in entry.items()} for number, entry in state["state"].items()
    }
    own = {"fused": None, "foreach": None, "capturable": False}
    state["param_groups"] = [{**group, **own, "lr": float(group["lr"])} for group in state["param_groups"]]
    return state


def _load_optimizer(optimizer: torch.optim.Optimizer, saved: Any, name: str, order: list[int]) -> None:
    """Moments; rates and betas stay our own. `order`: for each of our parameters its place in the file's model, whose
    order is that of the file's numbers (Applio has another than RVC). Raises RvcError naming the file when they do not
    fit.
    """
    own = optimizer.state_dict()
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    moments = saved.get("state") if isinstance(saved, dict) else None
    if not isinstance(moments, dict) or (moments and set(moments) != set(range(len(parameters)))):
        raise RvcError("training.wrong_moment_count", path=name, count=len(parameters))
    moments = {number: moments[place] for number, place in enumerate(order)} if moments else {}
    for number, entry in moments.items():
        shapes = [getattr(entry.get(key), "shape", None) for key in ("exp_avg", "exp_avg_sq")]
        if "step" not in entry or any(shape != parameters[number].shape for shape in shapes):
            raise RvcError("training.wrong_moment", path=name, number=number)
    optimizer.load_state_dict({"state": moments, "param_groups": own["param_groups"]})


def load_pretrained(network: nn.Module, path: Path) -> Message:
    """Start from a file with a `model` dictionary. Returns a note when its speaker table has another size: matching
    rows are copied.

    Raises RvcError when the file cannot be read, or that says what it is when it is of another kind, version or rate.
    """
    try:
        found = read_checkpoint(path)
    except (OSError, Unreadable) as error:
        if of_environment(error):
            raise cannot_read(path, error) from error
        hint = Message("training.fetch_again")
        raise RvcError("training.not_pretrained", first_line(error), hint, path=path) from error
    own = checkpoint_of({"model": network.state_dict()})
    if found.differs_from(own):
        raise RvcError("training.wrong_kind", path=path, found=found.what, needed=own.what)
    expected, weights, note = network.state_dict(), found.weights, NOTHING
    table, rows = weights.get("emb_g.weight"), expected.get("emb_g.weight")
    if rows is not None and table is not None and table.shape[1:] == rows.shape[1:] and len(table) != len(rows):
        count = min(len(table), len(rows))
        weights["emb_g.weight"] = torch.cat([table[:count].to(rows), rows[count:]])
        note = Message("training.speakers_copied", rows=len(table), own=len(rows), copied=count)
    check_tensors(weights, expected, str(path))
    network.load_state_dict(weights)
    return note
