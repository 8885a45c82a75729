"""The training of a content encoder as a stream of events. All random draws of a step come from the seed and the step's
number, so that resuming from a saved state gives what an uninterrupted training gives."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from rvc_engine.content.phonetic import SPEECH, PhoneticConfig, PhoneticEncoder
from rvc_engine.disk import TEMPORARY, whole_file
from rvc_engine.errors import RvcError
from rvc_engine.events import CheckpointSaved, Event, Progressed, TrainStepped
from rvc_engine.files.foreign import MAX_HEADER_BYTES, parse_json
from rvc_engine.files.weights import Unreadable, metadata_of, read_tensors
from rvc_engine.messages import Message, joined, message_of
from rvc_engine.pretrain.encoder_data import EncoderData, augmented, masked
from rvc_engine.pretrain.encoder_network import Heads, LossWeights, forward_losses, total

STAGE = "encoder"
BETAS, DECAY = (0.9, 0.98), 0.02
LONGEST_GRADIENT = 5.0
WARM_STEPS = 150
FALL_FROM, LOWEST = 0.6, 0.02
COLOUR_OF = 4  # every Nth recording makes the mean colour of speech
PROGRESS_S = 0.5
PLAIN = 0.5  # how often a crop is neither augmented nor masked
MOMENTS = ("exp_avg", "exp_avg_sq", "step")
WHAT = {"phones": "pretrain.phones", "speakers": "pretrain.speakers", "config": "pretrain.config"}


@dataclass(frozen=True, kw_only=True)
class EncoderTrainConfig:
    """`crop`: mel frames; `dropout`: share of the inner numbers. Defaults are those of the settings."""

    steps: int
    batch: int
    crop: int
    learning_rate: float
    weights: LossWeights
    seed: int
    bf16: bool
    dropout: float
    save_every: int

    def rate_at(self, step: int) -> float:
        """Up over the first steps, level, and down in a straight line over the last two fifths."""
        warm, fall = min(WARM_STEPS, max(1, self.steps // 10)), FALL_FROM * self.steps
        if step < warm:
            return self.learning_rate * (step + 1) / warm
        return self.learning_rate * (1.0 if step < fall else max(LOWEST, 1 - (step - fall) / (self.steps - fall)))


@dataclass
class EncoderState:
    """All that a saved state holds. `phones` and `speakers` are the classes of the heads."""

    network: PhoneticEncoder
    heads: Heads
    optimizer: torch.optim.Optimizer
    phones: list[str]
    speakers: list[str]
    step: int = 0

    @classmethod
    def fresh(
        cls, config: PhoneticConfig, phones: list[str], speakers: list[str], seed: int, device: torch.device
    ) -> EncoderState:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network, heads = PhoneticEncoder(config), Heads(config.dim, config.mels, len(phones), len(speakers))
        network.to(device).train()
        heads.to(device).train()
        optimizer = torch.optim.AdamW(
            [*network.parameters(), *heads.parameters()],
            1e-3,
            betas=BETAS,
            weight_decay=DECAY,
            fused=device.type == "cuda",
        )
        return cls(network, heads, optimizer, phones, speakers)

    @property
    def device(self) -> torch.device:
        return self.network.out.weight.device

    def _named(self) -> dict[str, nn.Parameter]:
        parts = {"network": self.network, "heads": self.heads}
        return {f"{part}.{name}": value for part, module in parts.items() for name, value in module.named_parameters()}

    def save(self, path: Path) -> None:
        """Safetensors; what is there becomes state-previous. Raises DiskFull."""
        from safetensors.torch import save_file

        tensors = {f"network.{k}": v for k, v in self.network.state_dict().items()}
        tensors |= {f"heads.{k}": v for k, v in self.heads.state_dict().items()}
        for name, parameter in self._named().items():
            for moment in MOMENTS:
                if moment in self.optimizer.state.get(parameter, {}):
                    tensors[f"{moment}/{name}"] = self.optimizer.state[parameter][moment]
        about = {
            "step": self.step,
            "phones": self.phones,
            "speakers": self.speakers,
            "config": self.network.config.to_dict(),
        }
        with whole_file(path, previous=previous_of(path)) as temporary:
            save_file(
                {k: v.detach().cpu().contiguous() for k, v in tensors.items()},
                temporary,
                {"encoder": json.dumps(about)},
            )

    def load(self, path: Path) -> None:
        """Raises OSError or Unreadable when it is damaged, RvcError when it is of another training."""
        try:
            about = parse_json(metadata_of(path).get("encoder", "{}"), MAX_HEADER_BYTES)
        except ValueError as error:
            raise Unreadable(Message("pretrain.no_description")) from error
        if not isinstance(about, dict) or type(about.get("step")) is not int:
            raise Unreadable(Message("pretrain.no_description"))
        tensors = read_tensors(path)
        own = {"phones": self.phones, "speakers": self.speakers, "config": self.network.config.to_dict()}
        other = [Message(WHAT[name]) for name, value in own.items() if about.get(name) != value]
        if other:
            raise RvcError("pretrain.other_training", path=path, other=other)
        for prefix, module in (("network.", self.network), ("heads.", self.heads)):
            module.load_state_dict({k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)})
        for name, parameter in self._named().items():
            found = {moment: tensors[f"{moment}/{name}"] for moment in MOMENTS if f"{moment}/{name}" in tensors}
            if found:
                fused = parameter.device.type == "cuda"
                self.optimizer.state[parameter] = {
                    k: v if k == "step" and not fused else v.to(parameter.device) for k, v in found.items()
                }
        self.step = about["step"]


def previous_of(path: Path) -> Path:
    return path.with_name(f"{path.stem}-previous{path.suffix}")


def restore(state: EncoderState, path: Path) -> list[Message]:
    """Load the newest complete state; returns why newer ones could not be read. Without any, nothing is changed. Raises
    RvcError when none can be read, or one does not fit: a training never starts over silently."""
    for half in path.parent.glob(f".{path.name}.*{TEMPORARY}"):
        half.unlink(missing_ok=True)
    there = [candidate for candidate in (path, previous_of(path)) if candidate.is_file()]
    damaged: list[Message] = []
    for candidate in there:
        try:
            state.load(candidate)
            return damaged
        except (OSError, Unreadable, KeyError, TypeError, RuntimeError) as error:
            damaged.append(Message("training.of_file", name=candidate.name, reason=message_of(error)))
    if damaged:
        raise RvcError("pretrain.no_state", joined(*damaged))
    return []


def mean_colour(network: PhoneticEncoder, data: EncoderData) -> Tensor:
    """(mels,) of speech at large, without level: what `levelled` takes for the colour of a recording before it has
    processed any."""
    columns = []
    for source in data.train[::COLOUR_OF]:
        mels = data.mels(source, 0)
        loudness = mels.logsumexp(0)
        loud = loudness.quantile(0.9)
        columns.append((mels[:, loudness > loud - SPEECH] - loud).mean(1))
    return torch.stack(columns).mean(0).to(network.out.weight.device)


def training_input(network: PhoneticEncoder, x: Tensor, random: torch.Generator) -> Tensor:
    """(B, mels, N) levelled: some crops as they are, so that what is fine in them is learnt too; the others augmented
    and with holes."""
    plain = torch.rand((len(x), 1, 1), generator=random, device=x.device) < PLAIN
    return torch.where(plain, network.levelled(x), masked(network.levelled(augmented(x, random)), random))


class EncoderLoop:
    """The state in memory is consistent whenever an event is out: between two steps."""

    def __init__(self, state: EncoderState, data: EncoderData, train_config: EncoderTrainConfig, path: Path) -> None:
        self.state, self.data, self.train_config, self.path = state, data, train_config, path
        self._saved, self._reported_at = state.step, 0.0

    def run(self) -> Iterator[Event]:
        """Up to train_config.steps. Closing it saves. Raises RvcError when the numbers are no longer finite."""
        state, train_config = self.state, self.train_config
        if state.step == 0:
            state.network.colour.copy_(mean_colour(state.network, self.data))  # type: ignore[operator]
        yield self._progress()
        try:
            while state.step < train_config.steps:
                yield self._step()
                if time.monotonic() - self._reported_at > PROGRESS_S:
                    yield self._progress()
                if state.step % train_config.save_every == 0 or state.step == train_config.steps:
                    yield self._save()
        except GeneratorExit:
            if state.step > self._saved:
                state.save(self.path)
            raise
        yield self._progress()

    def _save(self) -> CheckpointSaved:
        self.state.save(self.path)
        self._saved = self.state.step
        return CheckpointSaved(stage=STAGE, path=str(self.path), kind="resume", epoch=0, step=self.state.step)

    def _progress(self) -> Progressed:
        self._reported_at = time.monotonic()
        return Progressed(
            stage=STAGE, done=self.state.step, total=max(self.train_config.steps, self.state.step), unit="steps"
        )

    def _step(self) -> TrainStepped:
        started, state, train_config, device = time.monotonic(), self.state, self.train_config, self.state.device
        draws = np.random.default_rng([train_config.seed, state.step])
        batch = self.data.batch(train_config.batch, train_config.crop, draws, device)
        waited = time.monotonic() - started
        random = torch.Generator(device).manual_seed(int(draws.integers(1 << 62)))
        with torch.no_grad():
            voices = [training_input(state.network, x, random) for x in (batch.first, batch.second)]
        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            torch.manual_seed(int(draws.integers(1 << 62)))  # of the dropout
            losses = forward_losses(
                state.network,
                state.heads,
                batch,
                torch.cat(voices),
                step=state.step,
                bf16=train_config.bf16,
                dropout=train_config.dropout,
            )
        rate = train_config.rate_at(state.step)
        for group in state.optimizer.param_groups:
            group["lr"] = rate
        state.optimizer.zero_grad()
        total(losses, train_config.weights).backward()  # type: ignore[no-untyped-call]
        norm = nn.utils.clip_grad_norm_([*state.network.parameters(), *state.heads.parameters()], LONGEST_GRADIENT)
        values = torch.stack([value.detach().float() for value in (*losses.values(), norm)]).tolist()  # waits, once
        numbers = dict(zip((*losses, "norm"), values, strict=True))
        if not all(map(math.isfinite, numbers.values())):
            wrong = [name for name, value in numbers.items() if not math.isfinite(value)]
            raise RvcError("pretrain.not_finite", step=state.step + 1, numbers=wrong)
        state.optimizer.step()
        state.step += 1
        norm_value = numbers.pop("norm")
        return TrainStepped(
            stage=STAGE,
            step=state.step,
            epoch=0,
            epochs=0,
            losses=numbers,
            learning_rate=rate,
            grad_norms={"encoder": norm_value},
            seconds=time.monotonic() - started - waited,
            data_seconds=waited,
        )
